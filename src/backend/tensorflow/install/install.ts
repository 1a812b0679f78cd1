import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describeSystemError, UserError } from "../../../base/errors.js";
import { isRunning } from "../../../base/lock.js";
import { sharedPackages } from "../load.js";
import { buildAddons, findCompiler, tryAddon } from "./build.js";
import {
  describeFiles,
  inspectInstallation,
  librariesFolder,
  type Manifest,
  manifestFormat,
  nativeFolder,
  sha256,
  thisPlatform,
  writeManifest,
} from "./installation.js";
import { checkNpm, fetchNpmPackages, npmPackages } from "./npm.js";
import { downloadWheel, findPython, parseWheelName, unpackWheel } from "./wheel.js";

export interface InstallOptions {
  /** A TensorFlow wheel to use; without it pip downloads the newest that is known to work. */
  wheel?: string | undefined;
  /** TensorFlow built for CUDA, and NVIDIA's libraries beside it (Linux). */
  cuda?: boolean | undefined;
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

// What the addon is known to compile against and to give right gradients with.
const knownVersions = ">=2.20,<2.22";

/**
 * Gives this user a current native TensorFlow: tfjs-node's own addon, compiled here against the C library inside
 * TensorFlow's Python wheel. Everything is made in a folder beside and takes its place in one step.
 */
export async function installTensorflow(options: InstallOptions = {}): Promise<Installed> {
  const { force = false, folder = nativeFolder(), onProgress = () => {} } = options;
  checkPlatform(options.cuda ?? false);
  onProgress("looking at what is installed");
  const found = await inspectInstallation(folder, { thorough: true });
  if (found.state === "damaged") onProgress(`building it anew: ${found.damage}`);
  if (found.state === "whole" && !force && isWanted(found.manifest, options))
    return { folder, manifest: found.manifest, isNew: false };

  removeLeftovers(folder);
  const temporary = `${folder}.${process.pid}.tmp`;
  try {
    mkdirSync(temporary, { recursive: true });
    const manifest = await build(temporary, { ...options, onProgress });
    replaceFolder(temporary, folder);
    return { folder, manifest, isNew: true };
  } catch (error) {
    throw describeSystemError(error, "write", folder);
  } finally {
    if (existsSync(temporary)) rmSync(temporary, { recursive: true, force: true });
  }
}

function checkPlatform(cuda: boolean): void {
  if (process.platform !== "linux" && process.platform !== "darwin")
    throw new UserError(
      `TensorFlow's wheel for ${process.platform} has no C library to build against: use Linux (on Windows: WSL), or ` +
        "npm install @tensorflow/tfjs-node",
    );
  if (cuda && process.platform !== "linux") throw new UserError("TensorFlow for CUDA exists for Linux only");
  const header = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header;
  if (process.platform === "linux" && header.glibcVersionRuntime === undefined)
    throw new UserError(
      "TensorFlow's wheels are built for glibc, which this system (Alpine, musl) does not use",
    );
}

function isWanted(found: Manifest, { wheel, cuda }: InstallOptions): boolean {
  return (
    (wheel === undefined || basename(wheel) === found.tensorflow.wheel) && (cuda ?? found.cuda) === found.cuda
  );
}

async function build(
  folder: string,
  { wheel: givenWheel, cuda = false, signal, onProgress = () => {} }: InstallOptions,
): Promise<Manifest> {
  // Whatever is missing is better said now than after a download.
  if (givenWheel !== undefined) {
    parseWheelName(givenWheel);
    if (!existsSync(givenWheel))
      throw new UserError(`${givenWheel}: no such file, expected a TensorFlow wheel`);
  }
  const compiler = await findCompiler();
  const python = givenWheel === undefined || cuda ? await findPython() : "";
  await checkNpm();
  const work = join(folder, "work");
  const modules = join(folder, "node_modules");
  const sitePackages = join(folder, "site-packages");
  for (const made of [work, modules]) mkdirSync(made);

  onProgress("fetching tfjs-node");
  await fetchNpmPackages(modules, signal);
  for (const name of sharedPackages) writePlaceholder(modules, name);

  if (givenWheel === undefined) onProgress("downloading TensorFlow");
  const wheel = givenWheel ?? (await downloadWheel(python, tensorflowRequirement(cuda), work, signal));
  const { package: name, version } = parseWheelName(wheel);
  onProgress(`unpacking ${name} ${version}`);
  const { metadata } = await unpackWheel(
    wheel,
    (file) => {
      if (isLibrary(file)) return join(sitePackages, file);
      return isHeader(file) ? join(work, file) : undefined;
    },
    signal,
  );
  if (!existsSync(join(folder, librariesFolder)))
    throw new UserError(`${wheel}: expected TensorFlow's C library in it (libtensorflow_cc), found none`);

  for (const requirement of cuda ? nvidiaRequirements(metadata) : []) {
    onProgress(`downloading ${requirement}`);
    const library = await downloadWheel(python, requirement, work, signal);
    await unpackWheel(library, (file) => (isNvidiaFile(file) ? join(sitePackages, file) : undefined), signal);
    rmSync(library);
  }

  onProgress("compiling the addon");
  const includes = [join(modules, "node-api-headers", "include"), join(work, "tensorflow", "include")];
  const tfjsNode = join(modules, "@tensorflow", "tfjs-node");
  await buildAddons(compiler.program, folder, { tfjsNode, includes, work }, signal);
  const runs = await tryAddon(folder, signal);
  if (runs !== version) throw new UserError(`${wheel}: expected TensorFlow ${version} in it, found ${runs}`);

  const manifest: Manifest = {
    format: manifestFormat,
    platform: thisPlatform,
    tensorflow: { package: name, version, wheel: basename(wheel), sha256: await sha256(wheel) },
    cuda,
    packages: npmPackages,
    compiler: compiler.answer,
    files: {},
  };
  rmSync(work, { recursive: true });
  manifest.files = await describeFiles(folder);
  writeManifest(folder, manifest);
  return manifest;
}

// On x86-64 Linux there is a package without CUDA, half the size.
function tensorflowRequirement(cuda: boolean): string {
  return (!cuda && thisPlatform === "linux-x64" ? "tensorflow-cpu" : "tensorflow") + knownVersions;
}

/** The C API is in `tensorflow/libtensorflow_cc.so.2` and `tensorflow/libtensorflow_framework.so.2`. */
function isLibrary(file: string): boolean {
  return /^tensorflow\/libtensorflow_(cc|framework)\.(so\.\d+|\d+\.dylib)$/.test(file);
}

// The C API's headers and the few that they include, wherever a version keeps those.
function isHeader(file: string): boolean {
  return /^tensorflow\/include\/.*(tensorflow\/c|tsl\/c|platform)\/.*\.h$/.test(file);
}

/** What `tensorflow[and-cuda]` asks for: lines `Requires-Dist: nvidia-…; extra == "and-cuda"`. */
function nvidiaRequirements(metadata: string): string[] {
  return [...metadata.matchAll(/^Requires-Dist: ([^;]+?)\s*;\s*extra == ["']and-cuda["']/gm)].map(
    (match) => match[1]!,
  );
}

function isNvidiaFile(file: string): boolean {
  return file.startsWith("nvidia/") && !/\/include\/|\.py$/.test(file);
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
  const aside = `${target}.${process.pid}.old`;
  if (existsSync(target)) renameSync(target, aside);
  renameSync(made, target);
  rmSync(aside, { recursive: true, force: true });
}

/** What installations that were killed have left: a folder beside, named after a process that is no more. */
function removeLeftovers(folder: string): void {
  const parent = dirname(folder);
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(`${basename(folder)}.`) ? name.match(/\.(\d+)\.(tmp|old)$/)?.[1] : undefined;
    if (pid !== undefined && !isRunning(Number(pid)))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
}
