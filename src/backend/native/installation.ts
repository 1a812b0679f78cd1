import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, sep } from "node:path";
import { pipeline } from "node:stream/promises";

/**
 * What `kws backend install` leaves in the user's cache folder. A library that is found there was built for this
 * machine by this user: the manifest says from what, and holds the checksum of every file.
 *
 *     manifest.json
 *     tfjs_binding.node            tfjs-node's addon, compiled here
 *     site-packages/tensorflow/    TensorFlow's shared libraries, at the place they have in a Python installation, so
 *                                  that a CUDA build finds NVIDIA's libraries in site-packages/nvidia/
 *     node_modules/                tfjs-node's JavaScript and what that needs
 */
export interface Manifest {
  /** Changes when a folder that an older version of the package wrote can no longer be used. */
  format: typeof manifestFormat;
  /** `process.platform`-`process.arch`. */
  platform: string;
  tensorflow: { package: string; version: string; wheel: string; sha256: string };
  /** npm package to its version and the integrity of its tarball. */
  packages: Record<string, { version: string; integrity: string }>;
  /** First line of the compiler's `--version`. */
  compiler: string;
  /** Path in the folder, with `/`, to size and checksum. */
  files: Record<string, { bytes: number; sha256: string }>;
}

export const manifestFormat = 1;
export const addonName = "tfjs_binding.node";
export const librariesFolder = "site-packages/tensorflow";
export const thisPlatform = `${process.platform}-${process.arch}`;

/** The folder of the user's own TensorFlow, by the convention of the platform. */
export function nativeFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(environment), "keyspot", "tensorflow");
}

function cacheFolder(environment: NodeJS.ProcessEnv): string {
  if (environment.XDG_CACHE_HOME) return environment.XDG_CACHE_HOME;
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches");
  return join(homedir(), ".cache");
}

/** The manifest, or undefined where nothing is installed. Throws when the file is damaged. */
export function readManifest(folder: string): Manifest | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, "manifest.json"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return JSON.parse(text) as Manifest;
}

/**
 * The first thing found wrong with an installation, in words, or undefined when it is whole. The sizes of all files
 * and the checksum of the addon take milliseconds; `thorough` hashes everything, which for TensorFlow's library of
 * most of a gigabyte takes seconds.
 */
export async function findDamage(
  folder: string,
  manifest: Manifest,
  { thorough }: { thorough: boolean },
): Promise<string | undefined> {
  if (manifest.format !== manifestFormat) return "it was written by another version of keyspot";
  if (manifest.platform !== thisPlatform)
    return `it was built for ${manifest.platform}, this is ${thisPlatform}`;
  for (const [name, expected] of Object.entries(manifest.files)) {
    const path = join(folder, name);
    const bytes = statSync(path, { throwIfNoEntry: false })?.size;
    if (bytes === undefined) return `${name} is missing`;
    if (bytes !== expected.bytes) return `${name} has ${bytes} bytes, expected ${expected.bytes}`;
    if ((thorough || name === addonName) && (await sha256(path)) !== expected.sha256)
      return `${name} does not have the checksum it was installed with`;
  }
  return undefined;
}

/** Size and checksum of every file under a folder. */
export async function describeFiles(folder: string): Promise<Manifest["files"]> {
  const files: Manifest["files"] = {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.sort()) {
    const name = path
      .slice(folder.length + 1)
      .split(sep)
      .join("/");
    files[name] = { bytes: statSync(path).size, sha256: await sha256(path) };
  }
  return files;
}

export async function sha256(path: string): Promise<string> {
  return hashFile(path, "sha256", "hex");
}

/** The form in which npm's registry gives checksums. */
export async function integrity(path: string): Promise<string> {
  return `sha512-${await hashFile(path, "sha512", "base64")}`;
}

async function hashFile(path: string, algorithm: string, encoding: "hex" | "base64"): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest(encoding);
}
