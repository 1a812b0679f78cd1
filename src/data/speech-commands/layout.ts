import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describeSystemError, UserError } from "../../base/errors.js";
import type { Part } from "../clips.js";
import { mendLabel } from "../labels.js";

/** The folder whose long recordings are no words but noise. */
export const noiseFolder = "_background_noise_";

/** The lists of the data set's own split; what is in neither is for training. */
const partLists: Readonly<Record<string, Part>> = {
  "validation_list.txt": "val",
  "testing_list.txt": "test",
};

/** A WAV file in a folder of such a folder. */
export interface WavFile {
  /** `<folder>/<base>.wav`, as it stands in the data set's lists. */
  readonly name: string;
  readonly folder: string;
  readonly base: string;
}

/** The WAV files of all words and of the noise, in the order of their names. */
export async function listWavFiles(path: string): Promise<WavFile[]> {
  const files: WavFile[] = [];
  for (const folder of await listFolders(path)) {
    for (const entry of await list(join(path, folder))) {
      // A dot in front: hidden, such as the "._" files that macOS leaves beside each file.
      const base = /^([^.].*)\.wav$/i.exec(entry.name)?.[1];
      if (base !== undefined) files.push({ name: `${folder}/${entry.name}`, folder, base });
    }
  }
  if (files.length === 0) {
    throw new UserError(
      `${path} has no word folders with WAV files: <word>/<speaker>_nohash_<n>.wav was expected, such as yes/0a7c2a8d_nohash_0.wav`,
    );
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function listFolders(path: string): Promise<string[]> {
  const folders: string[] = [];
  for (const entry of await list(path)) {
    if (entry.name.startsWith(".")) continue;
    // A link counts as what it leads to; one that leads nowhere, as nothing.
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
 * The data set's own lists that are there, with their bytes, and the part of each file that they name. Of a folder that holds
 * a part of the data set they may name more than there is, which is a note in words.
 *
 * @param wavs the folder's files
 * @throws UserError for a file in both lists
 */
export async function readPartLists(path: string, wavs: readonly WavFile[]) {
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
      .map((line) => line.trim().replaceAll("\\", "/")) // as Windows writes paths
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

/** The word is the folder's name; the data set's separate test archive has `_silence_` and `_unknown_`. */
export function labelOf(folder: string): string {
  return mendLabel(folder.replace(/^_(silence|unknown)_$/, "$1"));
}

/** Who speaks, where the file's name tells it. */
export function speakerOf(base: string): string | undefined {
  return /^(.+)_nohash_/.exec(base)?.[1];
}
