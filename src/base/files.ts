import {
  closeSync,
  createWriteStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { describeSystemError, UserError } from "./errors.js";

/**
 * Writes a file in one step: after a crash, either the old file or the whole new one is there. The bytes go to a
 * temporary file beside it, which is synced and then renamed. Missing folders are created, and removed again if
 * writing fails. The pieces are concatenated. An existing pipe or device, such as /dev/stdout, is written in place.
 *
 * @throws UserError that names the file if it cannot be written
 */
export function writeFileAtomic(path: string, ...pieces: readonly (string | Uint8Array)[]): void {
  let staged: StagedFile | undefined;
  try {
    staged = isDevice(path) ? undefined : new StagedFile(path);
    const file = openSync(staged?.path ?? path, "w");
    try {
      for (const piece of pieces) writeWhole(file, typeof piece === "string" ? Buffer.from(piece) : piece);
      if (staged) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    staged?.commit();
  } catch (error) {
    staged?.discard();
    throw describeSystemError(error, "write", path);
  }
}

/** Writes a stream to a file as `writeFileAtomic` does; the file may be larger than memory. */
export async function writeStreamAtomic(path: string, stream: NodeJS.ReadableStream): Promise<void> {
  let staged: StagedFile | undefined;
  try {
    staged = isDevice(path) ? undefined : new StagedFile(path);
    await pipeline(stream, createWriteStream(staged?.path ?? path, { flush: staged !== undefined }));
    staged?.commit();
  } catch (error) {
    staged?.discard();
    throw describeSystemError(error, "write", path);
  }
}

/** A temporary file that takes its final name once it is whole. If that name is a symbolic link, its target is replaced. */
export class StagedFile {
  private static count = 0;
  /** Path to write to until `commit`. */
  readonly path: string;
  private readonly target: string;
  private readonly firstMade: string | undefined;
  private readonly onExit = () => this.discard(); // after Ctrl-C too, nothing half-written is left

  /** Creates missing folders. Throws the system's error if that fails. */
  constructor(path: string) {
    if (isDevice(path))
      throw new UserError(`cannot write ${path}: expected a file, found a device or a pipe`);
    this.target = resolveLinks(path);
    // Truncated, since a name can have at most 255 bytes.
    const name = `.${basename(this.target).slice(0, 40)}.${process.pid}-${StagedFile.count++}.tmp`;
    this.path = join(dirname(this.target), name);
    this.firstMade = makeFolder(dirname(this.target));
    process.once("exit", this.onExit);
  }

  /** Renames the file to its final name. */
  commit(): void {
    renameSync(this.path, this.target);
    process.off("exit", this.onExit);
  }

  /** Removes the file and the folders that were created for it. */
  discard(): void {
    process.off("exit", this.onExit);
    removeIfThere(this.path);
    removeEmptyFolders(dirname(this.target), this.firstMade);
  }
}

/** Resolves symbolic links, also to a file that does not exist yet. */
function resolveLinks(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return path; // not a link
  }
}

/** Whether a path is a pipe or a device, which bytes are written to but which must not be replaced. */
function isDevice(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

/** Creates a folder and its missing parents, or none of them. Returns the outermost folder that was created. */
export function makeFolder(folder: string): string | undefined {
  const missing: string[] = [];
  for (let each = resolve(folder); !existsSync(each); each = dirname(each)) {
    missing.unshift(each);
    if (each === dirname(each)) break; // a drive that does not exist
  }
  if (missing.length === 0) return mkdirSync(folder, { recursive: true }); // fails for a file
  // One by one: where none can be created, as in /proc, Node 20 never returns from creating several at once.
  for (const each of missing) {
    try {
      mkdirSync(each);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue; // another process created it
      removeEmptyFolders(dirname(each), missing[0]);
      throw error;
    }
  }
  return missing[0];
}

/** Removes a folder and its parents up to `firstMade`, as long as they are empty. */
export function removeEmptyFolders(folder: string, firstMade: string | undefined): void {
  if (firstMade === undefined) return;
  for (let each = resolve(folder); each.length >= resolve(firstMade).length; each = dirname(each)) {
    try {
      rmdirSync(each);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") return; // it is not empty
    }
  }
}

function removeIfThere(path: string): void {
  try {
    rmSync(path);
  } catch {
    // The caller reports why writing failed; a missing file adds nothing to that.
  }
}

/** Writes all bytes: a single write may take fewer than it was given (Linux stops at 2 GiB). */
export function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; )
    at += writeSync(file, bytes, at, Math.min(bytes.length - at, 1 << 30));
}
