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
 * Writes a file so that it is either the old one or the new one, never a part: the bytes go to a file beside it, are
 * synced, and take the name in one step. Folders on the way are made, and go again where the file cannot be written. The
 * pieces are written one behind the other. What stands there and is no file, such as /dev/stdout or a pipe, is written to.
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

/** The same for bytes that come as a stream: a file larger than memory. */
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

/** A file in the making, beside the one whose name it takes when it is whole: behind the link, where the name is one. */
export class StagedFile {
  private static count = 0;
  /** Where its bytes go until then. */
  readonly path: string;
  private readonly target: string;
  private readonly firstMade: string | undefined;
  private readonly onExit = () => this.discard(); // a stop by Ctrl-C leaves nothing half-written either

  /** Makes the folders on the way, or throws the system's error. */
  constructor(path: string) {
    if (isDevice(path))
      throw new UserError(`cannot write ${path}: expected a file, found a device or a pipe`);
    this.target = behindLinks(path);
    // Cut short, as a name has 255 bytes at most.
    const name = `.${basename(this.target).slice(0, 40)}.${process.pid}-${StagedFile.count++}.tmp`;
    this.path = join(dirname(this.target), name);
    this.firstMade = makeFolder(dirname(this.target));
    process.once("exit", this.onExit);
  }

  /** Gives it its name. */
  commit(): void {
    renameSync(this.path, this.target);
    process.off("exit", this.onExit);
  }

  /** Takes it away, and the folders that were made for it. */
  discard(): void {
    process.off("exit", this.onExit);
    removeIfThere(this.path);
    removeEmptyFolders(dirname(this.target), this.firstMade);
  }
}

/** What a name stands for, be it there yet or not. */
function behindLinks(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return path; // no link
  }
}

/** Something that bytes are written to but that no file may take the place of. */
function isDevice(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

/** Makes a folder and those above it that are missing, or none of them. Returns the outermost that was made. */
export function makeFolder(folder: string): string | undefined {
  const missing: string[] = [];
  for (let each = resolve(folder); !existsSync(each); each = dirname(each)) {
    missing.unshift(each);
    if (each === dirname(each)) break; // a drive that is not there
  }
  if (missing.length === 0) return mkdirSync(folder, { recursive: true }); // fails for a file
  // One by one: where none can be made, as in /proc, Node 20 tries for ever to make several at once.
  for (const each of missing) {
    try {
      mkdirSync(each);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue; // another process was quicker
      removeEmptyFolders(dirname(each), missing[0]);
      throw error;
    }
  }
  return missing[0];
}

/** Takes away a folder and those above it, up to the first that was made for it, as far as nothing is in them. */
export function removeEmptyFolders(folder: string, firstMade: string | undefined): void {
  if (firstMade === undefined) return;
  for (let each = resolve(folder); each.length >= resolve(firstMade).length; each = dirname(each)) {
    try {
      rmdirSync(each);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") return; // something else is in it
    }
  }
}

function removeIfThere(path: string): void {
  try {
    rmSync(path);
  } catch {
    // Why the writing failed is the news, not that there is nothing to take away.
  }
}

/** One write may take fewer bytes than it was given (Linux stops at 2 GiB). */
export function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; )
    at += writeSync(file, bytes, at, Math.min(bytes.length - at, 1 << 30));
}
