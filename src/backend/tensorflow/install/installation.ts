import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, sep } from "node:path";
import { pipeline } from "node:stream/promises";

/**
 * What `kws backend install` leaves in the user's cache folder. A library that is found there was built for this
 * machine by this user: the manifest says from what, and holds the checksum of every file.
 *
 *     manifest.json
 *     tfjs_binding.node            tfjs-node's addon, compiled here
 *     quiet.node                   turns stderr off while TensorFlow is being loaded
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
  /** Whether NVIDIA's libraries lie beside it. */
  cuda: boolean;
  /** npm package to its version and the integrity of its tarball. */
  packages: Record<string, { version: string; integrity: string }>;
  /** First line of the compiler's `--version`. */
  compiler: string;
  /** Path in the folder, with `/`, to size and checksum. */
  files: Record<string, { bytes: number; sha256: string }>;
}

export const manifestFormat = 2;
const manifestName = "manifest.json";
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

export type Inspection =
  | { state: "absent" }
  | { state: "damaged"; damage: string }
  | { state: "whole"; manifest: Manifest };

/**
 * What is in the folder. The sizes of all files and the checksums of the addons take milliseconds; `thorough` hashes
 * everything, which for TensorFlow's library of most of a gigabyte takes a second or more.
 */
export async function inspectInstallation(
  folder: string,
  { thorough }: { thorough: boolean },
): Promise<Inspection> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(readFileSync(join(folder, manifestName), "utf8")) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { state: "absent" };
    return { state: "damaged", damage: `${manifestName} cannot be read` };
  }
  const damage = await findDamage(folder, manifest, thorough);
  return damage === undefined ? { state: "whole", manifest } : { state: "damaged", damage };
}

async function findDamage(
  folder: string,
  manifest: Manifest,
  thorough: boolean,
): Promise<string | undefined> {
  if (manifest.format !== manifestFormat) return "it was built by another version of keyspot";
  if (manifest.platform !== thisPlatform)
    return `it was built for ${manifest.platform}, this is ${thisPlatform}`;
  for (const [name, expected] of Object.entries(manifest.files)) {
    const path = join(folder, name);
    const bytes = statSync(path, { throwIfNoEntry: false })?.size;
    if (bytes === undefined) return `${name} is missing`;
    if (bytes !== expected.bytes) return `${name} has ${bytes} bytes, expected ${expected.bytes}`;
    if ((thorough || name.endsWith(".node")) && (await sha256(path)) !== expected.sha256)
      return `${name} does not have the checksum that it was installed with`;
  }
  return undefined;
}

export function writeManifest(folder: string, manifest: Manifest): void {
  writeFileSync(join(folder, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`);
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
