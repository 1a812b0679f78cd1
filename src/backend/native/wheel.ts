import { createWriteStream, mkdirSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import * as yauzl from "yauzl";
import { describeSystemError, UserError } from "../../errors.js";
import { failure, firstThatAnswers, run } from "./commands.js";

/**
 * What pip is asked for where no wheel is given. The range is what the addon is known to compile against and to
 * give right gradients with. Linux on x86-64 has a package without CUDA, a third of the size.
 */
const tensorflowRequirement = `${process.platform === "linux" && process.arch === "x64" ? "tensorflow-cpu" : "tensorflow"}>=2.20,<2.22`;

/** Of the wheel only the shared libraries and C headers are used, so its Python version need not be the user's. */
const wheelPython = "3.12";

/** Downloads TensorFlow's wheel for this machine from the package index that pip is set up for. */
export async function downloadWheel(folder: string, signal?: AbortSignal): Promise<string> {
  const python = await firstThatAnswers(
    [process.env.KEYSPOT_PYTHON, "python3", "python"],
    ["-m", "pip", "--version"],
  );
  if (python === undefined)
    throw new UserError(
      "no Python with pip was found, which fetches TensorFlow's wheel: install Python 3 with pip " +
        "(Debian and Ubuntu: apt-get install python3-pip), or give a wheel you have with --wheel FILE",
    );
  const downloaded = await run(
    python.program,
    [
      ...["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--python-version", wheelPython],
      ...["--disable-pip-version-check", "--quiet", "--dest", folder, tensorflowRequirement],
    ],
    { signal },
  );
  if (downloaded.code !== 0) throw failure(`pip cannot download ${tensorflowRequirement}`, downloaded);
  const wheel = readdirSync(folder).find((file) => file.endsWith(".whl"));
  if (wheel === undefined) throw failure(`pip downloaded no wheel of ${tensorflowRequirement}`, downloaded);
  return join(folder, wheel);
}

/** Name and version of a wheel by its file name: `tensorflow_cpu-2.21.0-cp312-cp312-….whl`. */
export function parseWheelName(path: string): { package: string; version: string; platform: string } {
  const parts = basename(path, ".whl").split("-");
  const [name, version] = parts;
  if (!path.endsWith(".whl") || parts.length < 5 || name === undefined || version === undefined)
    throw new UserError(
      `${path}: a TensorFlow wheel was expected, like tensorflow_cpu-2.21.0-cp312-cp312-….whl`,
    );
  return { package: name.replaceAll("_", "-"), version, platform: parts.at(-1) ?? "" };
}

/** Unpacks those files of a wheel for which `target` gives a path. Returns the names of what was unpacked. */
export async function unpackWheel(
  wheel: string,
  target: (name: string) => string | undefined,
  signal?: AbortSignal,
): Promise<string[]> {
  const unpacked: string[] = [];
  try {
    const zip = await yauzl.openPromise(wheel);
    try {
      for await (const entry of zip.eachEntry()) {
        signal?.throwIfAborted();
        const path = entry.fileName.endsWith("/") ? undefined : target(entry.fileName);
        if (path === undefined) continue;
        mkdirSync(dirname(path), { recursive: true });
        await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(path), { signal });
        unpacked.push(entry.fileName);
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    const described = describeSystemError(error, "read", wheel);
    if (described !== error) throw described;
    throw new UserError(`${wheel} is not a whole wheel (zip file): ${(error as Error).message}`, {
      cause: error,
    });
  }
  return unpacked;
}
