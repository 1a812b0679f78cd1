import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

export const quietAddonName = "quiet.node";

/*
 * TensorFlow 2.21 writes two lines about oneDNN to stderr while its library is being loaded, before it reads the log
 * level that it was given. Node.js cannot turn a file descriptor aside by itself, so this is compiled beside the addon.
 */
const source = `
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

static int saved = -1;

static napi_value Mute(napi_env env, napi_callback_info info) {
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  if (nowhere >= 0 && saved >= 0) dup2(nowhere, STDERR_FILENO);
  if (nowhere >= 0) close(nowhere);
  return nullptr;
}

static napi_value Unmute(napi_env env, napi_callback_info info) {
  if (saved >= 0) {
    dup2(saved, STDERR_FILENO);
    close(saved);
  }
  saved = -1;
  return nullptr;
}

NAPI_MODULE_INIT() {
  napi_property_descriptor functions[] = {
      {"mute", nullptr, Mute, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"unmute", nullptr, Unmute, nullptr, nullptr, nullptr, napi_default, nullptr}};
  napi_define_properties(env, exports, 2, functions);
  return exports;
}
`;

export function writeQuietSource(path: string): void {
  writeFileSync(path, source);
}

/** Does some synchronous work of a native library with stderr turned off. */
export function withoutStderr<T>(folder: string, work: () => T): T {
  const { mute, unmute } = createRequire(join(folder, "x"))(`./${quietAddonName}`) as Record<
    "mute" | "unmute",
    () => void
  >;
  mute();
  try {
    return work();
  } finally {
    unmute();
  }
}
