import { readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../base/errors.js";
import { quietAddonName, writeQuietSource } from "../quiet.js";
import { failure, firstThatAnswers, run } from "./commands.js";
import { addonName, librariesFolder } from "./installation.js";

/** N-API 8 is in every Node.js that this package runs on; an addon built for it works in later ones too. */
const napiVersion = 8;

/** The C++ compiler of this machine and what it calls itself. */
export async function findCompiler(): Promise<{ program: string; answer: string }> {
  const compiler = await firstThatAnswers([process.env.CXX, "c++", "g++", "clang++"], ["--version"]);
  if (compiler === undefined)
    throw new UserError(
      "no C++ compiler was found, which builds TensorFlow's addon for Node.js: install one (Debian and Ubuntu: " +
        "apt-get install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install), or name one in CXX",
    );
  return compiler;
}

/**
 * Compiles tfjs-node's addon, two C++ files over TensorFlow's C API, and links it with TensorFlow's libraries in
 * `folder`, which the addon finds by its own place, so that the folder can be moved.
 */
export async function buildAddons(
  compiler: string,
  folder: string,
  paths: { tfjsNode: string; includes: readonly string[]; work: string },
  signal?: AbortSignal,
): Promise<void> {
  const sources = join(paths.tfjsNode, "binding");
  const libraries = join(folder, librariesFolder);
  const origin = process.platform === "darwin" ? "@loader_path" : "$ORIGIN";
  const compile = async (name: string, ...args: string[]) => {
    const built = await run(
      compiler,
      [...flags, ...paths.includes.map((include) => `-I${include}`), ...args, "-o", join(folder, name)],
      { cwd: paths.work, signal },
    );
    if (built.code !== 0) throw failure(`${compiler} cannot build ${name}`, built);
  };

  await compile(
    addonName,
    `-I${sources}`,
    ...["tfjs_backend.cc", "tfjs_binding.cc"].map((source) => join(sources, source)),
    ...readdirSync(libraries).map((library) => join(libraries, library)),
    `-Wl,-rpath,${origin}/${librariesFolder}`,
  );
  const quiet = join(paths.work, "quiet.cc");
  writeQuietSource(quiet);
  await compile(quietAddonName, quiet);
}

const flags = [
  ...["-std=c++17", "-O2", "-fPIC", `-DNAPI_VERSION=${napiVersion}`],
  // Node.js itself provides the N-API functions when it loads the addon; macOS must be told not to look for them.
  ...(process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"]),
];

/**
 * Loads the addon in a process of its own, where it cannot take this one down with it, and returns what TensorFlow
 * calls its version.
 */
export async function tryAddon(folder: string, signal?: AbortSignal): Promise<string> {
  const script = "process.stdout.write(require(process.argv[1]).TF_Version)";
  const tried = await run(process.execPath, ["-e", script, join(folder, addonName)], { signal });
  if (tried.code === 0) return tried.stdout;
  if (tried.signal === "SIGILL")
    throw new UserError("this TensorFlow uses instructions that this processor lacks: it needs AVX at least");
  throw failure("the addon was built but does not load", tried);
}
