import {
  closeSync,
  createWriteStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { describeSystemError } from "./errors.js";

/**
 * Writes a file so that it is either the old one or the new one, never a part: the bytes go to a file beside it, are
 * synced, and take the name in one step. Folders on the way are made, and go again where the file cannot be written. The
 * pieces are written one behind the other.
 */
export function writeFileAtomic(path: string, ...pieces: readonly (string | Uint8Array)[]): void {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}.tmp`);
  let made: string | undefined;
  try {
    made = makeFolder(folder);
    const file = openSync(temporary, "w");
    try {
      for (const piece of pieces) writeWhole(file, typeof piece === "string" ? Buffer.from(piece) : piece);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    removeIfThere(temporary);
    removeEmptyFolders(folder, made);
    throw describeSystemError(error, "write", path);
  }
}

/** The same for bytes that come as a stream: a file larger than memory. */
export async function writeStreamAtomic(path: string, stream: NodeJS.ReadableStream): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}.tmp`);
  let made: string | undefined;
  const discard = () => {
    removeIfThere(temporary);
    removeEmptyFolders(folder, made);
  };
  process.once("exit", discard); // a stop by Ctrl-C leaves nothing half-written either
  try {
    made = makeFolder(folder);
    await pipeline(stream, createWriteStream(temporary, { flush: true }));
    renameSync(temporary, path);
  } catch (error) {
    discard();
    throw describeSystemError(error, "write", path);
  } finally {
    process.off("exit", discard);
  }
}

/** Makes a folder and those above it that are missing, or none of them. Returns the outermost that was made. */
export function makeFolder(folder: string): string | undefined {
  const missing: string[] = [];
  for (let each = resolve(folder); !existsSync(each); each = dirname(each)) missing.unshift(each);
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

// One write may take fewer bytes than it was given (Linux stops at 2 GiB).
function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; )
    at += writeSync(file, bytes, at, Math.min(bytes.length - at, 1 << 30));
}
