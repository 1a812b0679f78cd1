import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describeSystemError, UserError } from "../../errors.js";
import { buildAddon, findCompiler, isLibrary } from "./build.js";
import {
  describeFiles,
  findDamage,
  type Manifest,
  manifestFormat,
  nativeFolder,
  readManifest,
  sha256,
  thisPlatform,
} from "./installation.js";
import { sharedPackages } from "./load.js";
import { fetchNpmPackages, npmPackages } from "./npm.js";
import { downloadWheel, parseWheelName, unpackWheel } from "./wheel.js";

export interface InstallOptions {
  /** A TensorFlow wheel to use; without it pip downloads the newest that is known to work. */
  wheel?: string | undefined;
  /** Builds anew even where a whole installation is found. */
  force?: boolean | undefined;
  /** Default: the user's cache folder. */
  folder?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Called with a line for people as each step begins. */
  onProgress?: ((step: string) => void) | undefined;
}

export interface Installed {
  folder: string;
  manifest: Manifest;
  /** False where it was there already, whole. */
  isNew: boolean;
}

/**
 * Gives this user a current native TensorFlow: tfjs-node's own addon, compiled here against the C library inside
 * TensorFlow's Python wheel. Everything is made in a folder beside and takes its place in one step.
 */
export async function installTensorflow(options: InstallOptions = {}): Promise<Installed> {
  const { wheel, force = false, folder = nativeFolder(), signal, onProgress = () => {} } = options;
  const found = readManifest(folder);
  if (found !== undefined && !force && wheel === undefined) {
    onProgress("checking what is installed");
    const damage = await findDamage(folder, found, { thorough: true });
    if (damage === undefined) return { folder, manifest: found, isNew: false };
    onProgress(`building it anew: ${damage}`);
  }

  const parent = dirname(folder);
  const temporary = join(parent, `.${basename(folder)}.${process.pid}.tmp`);
  try {
    mkdirSync(temporary, { recursive: true });
    const manifest = await build(temporary, wheel, onProgress, signal);
    replaceFolder(temporary, folder);
    return { folder, manifest, isNew: true };
  } catch (error) {
    throw describeSystemError(error, "write", folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function build(
  folder: string,
  givenWheel: string | undefined,
  onProgress: (step: string) => void,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const compiler = await findCompiler();
  const work = join(folder, "work");
  mkdirSync(work);
  if (givenWheel !== undefined && !existsSync(givenWheel))
    throw new UserError(`no such wheel: ${givenWheel}`);

  onProgress("fetching tfjs-node");
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  await fetchNpmPackages(modules, signal);
  for (const name of sharedPackages) writePlaceholder(modules, name);

  if (givenWheel === undefined) onProgress("downloading TensorFlow");
  const wheel = givenWheel ?? (await downloadWheel(work, signal));
  const { package: name, version } = parseWheelName(wheel);

  onProgress(`unpacking ${name} ${version}`);
  await unpackWheel(
    wheel,
    (entry) => {
      const [top, file = "", ...rest] = entry.split("/");
      if (top === "tensorflow" && rest.length === 0 && isLibrary(file))
        return join(folder, "site-packages", entry);
      if (entry.startsWith("tensorflow/include/") && isNeededHeader(entry)) return join(work, entry);
      if (top?.endsWith(".dist-info") && file === "RECORD") return join(work, "RECORD");
      return undefined;
    },
    signal,
  );

  onProgress("compiling the addon");
  await buildAddon(
    compiler.program,
    folder,
    join(modules, "@tensorflow", "tfjs-node"),
    [join(modules, "node-api-headers", "include"), join(work, "tensorflow", "include")],
    signal,
  );

  const manifest: Manifest = {
    format: manifestFormat,
    platform: thisPlatform,
    tensorflow: { package: name, version, wheel: basename(wheel), sha256: await sha256(wheel) },
    packages: npmPackages,
    compiler: compiler.answer,
    files: {},
  };
  rmSync(work, { recursive: true });
  manifest.files = await describeFiles(folder);
  writeFileSync(join(folder, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return manifest;
}

function isNeededHeader(entry: string): boolean {
  return /\/(tensorflow|tsl)\/(c|core\/platform|platform)\//.test(entry) && entry.endsWith(".h");
}

// An installed package of this name ends Node.js's look-up here; the loader puts our own TensorFlow.js in its place.
function writePlaceholder(modules: string, name: string): void {
  mkdirSync(join(modules, name), { recursive: true });
  writeFileSync(
    join(modules, name, "index.js"),
    `throw new Error("keyspot puts its own ${name} in this place when it loads tfjs-node");\n`,
  );
}

// A folder cannot take the name of one that has files, so the old one steps aside first.
function replaceFolder(made: string, target: string): void {
  const aside = `${made}.old`;
  if (existsSync(target)) renameSync(target, aside);
  renameSync(made, target);
  rmSync(aside, { recursive: true, force: true });
}
