import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describeSystemError, UserError } from "../../base/errors.js";
import type { Part } from "../clips.js";
import { mendLabel } from "../labels.js";

/** The folder of long recordings of noise. */
export const noiseFolder = "_background_noise_";

/** The lists of the official split; files in neither are for training. */
const partLists: Readonly<Record<string, Part>> = {
  "validation_list.txt": "val",
  "testing_list.txt": "test",
};

/** A WAV file in a word's folder. */
export interface ClipFile {
  /** `<folder>/<base>.wav`, as in the data set's lists. */
  readonly name: string;
  readonly folder: string;
  readonly base: string;
}

/** Lists the WAV files of all words and of the noise, in the order of their names. */
export async function listWavFiles(path: string): Promise<ClipFile[]> {
  const files: ClipFile[] = [];
  for (const folder of await listFolders(path)) {
    for (const entry of await list(join(path, folder))) {
      // Files whose names begin with a dot are hidden, such as the "._" files of macOS.
      const base = /^([^.].*)\.wav$/i.exec(entry.name)?.[1];
      if (base !== undefined) files.push({ name: `${folder}/${entry.name}`, folder, base });
    }
  }
  if (files.length === 0) {
    throw new UserError(
      `${path} has no word folders with WAV files: expected <word>/<speaker>_nohash_<n>.wav, such as yes/0a7c2a8d_nohash_0.wav`,
    );
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function listFolders(path: string): Promise<string[]> {
  const folders: string[] = [];
  for (const entry of await list(path)) {
    if (entry.name.startsWith(".")) continue;
    // A link counts as its target; a broken link is ignored.
    const kind = entry.isSymbolicLink() ? await stat(join(path, entry.name)).catch(() => entry) : entry;
    if (kind.isDirectory()) folders.push(entry.name);
  }
  return folders;
}

async function list(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
}

/**
 * Reads the official lists that exist in a folder.
 *
 * @param wavs the folder's files
 * @returns the lists with their bytes, the part of each file they name, and notes on listed files that are missing
 * @throws UserError for a file in both lists
 */
export async function readPartLists(path: string, wavs: readonly ClipFile[]) {
  const files: { name: string; bytes: Uint8Array }[] = [];
  const parts = new Map<string, Part>();
  const notes: string[] = [];
  const there = new Set(wavs.map(({ name }) => name));
  for (const [name, part] of Object.entries(partLists)) {
    let bytes: Buffer;
    try {
      bytes = await readFile(join(path, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      throw describeSystemError(error, "read", join(path, name));
    }
    files.push({ name, bytes });
    const lines = bytes
      .toString("utf8")
      .split("\n")
      .map((line) => line.trim().replaceAll("\\", "/")) // Windows separators
      .filter((line) => line !== "");
    const missing = lines.filter((line) => !there.has(line));
    if (missing.length > 0)
      notes.push(
        `${missing.length} of ${lines.length} lines of ${join(path, name)} name no file here (first: ${missing[0]})`,
      );
    for (const file of lines) {
      if (parts.has(file) && parts.get(file) !== part) {
        throw new UserError(
          `${join(path, name)} lists ${file}, which ${Object.keys(partLists)[0]} lists too`,
        );
      }
      parts.set(file, part);
    }
  }
  return { files, parts, notes };
}

/** Returns a folder's label: its name, or `silence` and `unknown` for the test archive's `_silence_` and `_unknown_`. */
export function labelOf(folder: string): string {
  return mendLabel(folder.replace(/^_(silence|unknown)_$/, "$1"));
}

/** Returns the speaker in a file's name; undefined if it has none. */
export function speakerOf(base: string): string | undefined {
  return /^(.+)_nohash_/.exec(base)?.[1];
}
