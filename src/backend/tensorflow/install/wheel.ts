import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import * as yauzl from "yauzl";
import { describeSystemError, UserError } from "../../../base/errors.js";
import { failure, firstThatAnswers, run } from "./commands.js";
import { thisPlatform } from "./installation.js";

/** Of the wheel only shared libraries and C headers are used, so its Python version need not be the user's. */
const wheelPython = "3.12";

/** A Python that has pip. */
export async function findPython(): Promise<string> {
  const candidates = [process.env.KEYSPOT_PYTHON, "python3", "python"];
  const python = await firstThatAnswers(candidates, ["-m", "pip", "--version"]);
  if (python === undefined)
    throw new UserError(
      "no Python with pip was found, which fetches TensorFlow's wheel: install Python 3 with pip " +
        "(Debian and Ubuntu: apt-get install python3-pip), or give a wheel that you have with --wheel FILE",
    );
  return python.program;
}

/** Downloads a wheel for this machine from the package index that pip is set up for. */
export async function downloadWheel(
  python: string,
  requirement: string,
  folder: string,
  signal?: AbortSignal,
): Promise<string> {
  const target = mkdtempSync(join(folder, "wheel-"));
  const downloaded = await run(
    python,
    [
      ...["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--python-version", wheelPython],
      ...["--disable-pip-version-check", "--quiet", "--dest", target, requirement],
    ],
    { signal },
  );
  if (downloaded.code !== 0) throw failure(`pip cannot download ${requirement}`, downloaded);
  const wheel = readdirSync(target)[0];
  if (wheel === undefined) throw failure(`pip downloaded no wheel of ${requirement}`, downloaded);
  return join(target, wheel);
}

/**
 * Name and version of a wheel by its file name, as in `tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl`,
 * whose last part must be for this machine.
 */
export function parseWheelName(path: string): { package: string; version: string } {
  const parts = basename(path, ".whl").split("-");
  const [name, version] = parts;
  if (!path.endsWith(".whl") || parts.length < 5 || name === undefined || version === undefined)
    throw new UserError(`${path}: expected a wheel's name, like tensorflow_cpu-2.21.0-cp312-cp312-….whl`);
  const tag = parts.at(-1) ?? "";
  if (!platformTags[thisPlatform]?.test(tag))
    throw new UserError(`${path}: expected a wheel for ${thisPlatform}, found one for ${tag}`);
  return { package: name.replaceAll("_", "-"), version };
}

const platformTags: Record<string, RegExp> = {
  "linux-x64": /linux.*x86_64/,
  "linux-arm64": /linux.*aarch64/,
  "darwin-x64": /macosx.*(x86_64|universal2)/,
  "darwin-arm64": /macosx.*(arm64|universal2)/,
};

/**
 * Unpacks those files of a wheel for which `target` gives a path, and compares them with the checksums in the wheel's
 * own list. Returns that list's folder in the wheel, `<name>-<version>.dist-info`, file by file.
 */
export async function unpackWheel(
  wheel: string,
  target: (name: string) => string | undefined,
  signal?: AbortSignal,
): Promise<{ metadata: string }> {
  const information = new Map<string, string>();
  const checksums = new Map<string, string>();
  try {
    const zip = await yauzl.openPromise(wheel);
    try {
      for await (const entry of zip.eachEntry()) {
        signal?.throwIfAborted();
        const name = entry.fileName;
        const about = name.match(/^[^/]+\.dist-info\/(METADATA|RECORD)$/)?.[1];
        const path = name.endsWith("/") ? undefined : target(name);
        if (about !== undefined) {
          information.set(about, await readText(await zip.openReadStreamPromise(entry)));
        } else if (path !== undefined) {
          mkdirSync(dirname(path), { recursive: true });
          const hash = createHash("sha256");
          const hashing = async function* (source: AsyncIterable<Buffer>) {
            for await (const chunk of source) {
              hash.update(chunk);
              yield chunk;
            }
          };
          await pipeline(await zip.openReadStreamPromise(entry), hashing, createWriteStream(path));
          checksums.set(name, hash.digest("base64url"));
        }
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    const described = describeSystemError(error, "unpack", wheel);
    if (described !== error) throw described;
    throw new UserError(`${wheel}: expected a whole wheel (a zip file): ${(error as Error).message}`, {
      cause: error,
    });
  }
  checkAgainstRecord(wheel, checksums, information.get("RECORD") ?? "");
  return { metadata: information.get("METADATA") ?? "" };
}

// PEP 427: a line is `path,sha256=<base64url without padding>,<size>`.
function checkAgainstRecord(wheel: string, checksums: ReadonlyMap<string, string>, record: string): void {
  const expected = new Map(
    record.split(/\r?\n/).map((line) => {
      const [name = "", hash = ""] = line.split(",");
      return [name, hash.replace("sha256=", "")];
    }),
  );
  for (const [name, hash] of checksums)
    if (expected.get(name) !== hash)
      throw new UserError(`${wheel}: ${name} does not have the checksum in the wheel's own list`);
}

async function readText(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
