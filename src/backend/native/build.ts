import { readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.js";
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
export async function buildAddon(
  compiler: string,
  folder: string,
  tfjsNode: string,
  includes: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const libraries = join(folder, librariesFolder);
  const sources = join(tfjsNode, "binding");
  const mac = process.platform === "darwin";
  const built = await run(
    compiler,
    [
      ...["-std=c++17", "-O2", "-fPIC", `-DNAPI_VERSION=${napiVersion}`],
      ...[sources, ...includes].map((include) => `-I${include}`),
      ...["tfjs_backend.cc", "tfjs_binding.cc"].map((source) => join(sources, source)),
      // Node.js itself provides the N-API functions when it loads the addon; macOS must be told not to look for them.
      ...(mac ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"]),
      ...findLibraries(libraries).map((library) => join(libraries, library)),
      `-Wl,-rpath,${mac ? "@loader_path" : "$ORIGIN"}/${librariesFolder}`,
      ...["-o", join(folder, addonName)],
    ],
    { cwd: folder, signal },
  );
  if (built.code !== 0) throw failure(`${compiler} cannot build TensorFlow's addon for Node.js`, built);
}

/** TensorFlow's C API is in two libraries: `libtensorflow_cc.so.2`, `libtensorflow_framework.so.2`. */
function findLibraries(folder: string): string[] {
  const found = readdirSync(folder).filter((file) => isLibrary(file));
  if (found.length < 2)
    throw new UserError(
      `the wheel has no libtensorflow_cc and libtensorflow_framework: a TensorFlow wheel for ${process.platform} was expected`,
    );
  return found;
}

export function isLibrary(file: string): boolean {
  return /^libtensorflow_(cc|framework)\.(so\.\d+|\d+\.dylib)$/.test(file);
}
