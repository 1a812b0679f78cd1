import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { encodeWav } from "../../audio/wav/decode.js";
import { describeSystemError, UserError } from "../../base/errors.js";
import { writeFileAtomic } from "../../base/files.js";
import { Random } from "../../base/random.js";
import { TrainingBatches } from "../batches/batches.js";
import type { Clips } from "../clips.js";
import { noiseFor } from "./noise.js";
import type { AugmentSettings } from "./settings.js";

export interface AugmentedFile {
  file: string;
  /** The row in the data as it was read, and its label. */
  row: number;
  label: string;
  /** What mixup has mixed in, and the clip's own share. */
  mixedWith?: { row: number; label: string; share: number };
}

/** The names of the files that are written: by them they are known. */
const ownName = /^\d+-[\p{L}\p{N}_]*-\d+\.wav$/u;

/**
 * Says whether clips may be written into a folder: a new or an empty one, or one with such clips alone, which then go.
 *
 * @throws UserError where it holds anything else
 */
export function checkListeningFolder(folder: string): void {
  const other = filesIn(folder).find((name) => !ownName.test(name));
  if (other !== undefined)
    throw new UserError(
      `${folder} holds other files (${other}): expected a new or an empty folder, or one that this command has written`,
    );
}

function filesIn(folder: string): string[] {
  try {
    return existsSync(folder) ? readdirSync(folder) : [];
  } catch (error) {
    throw describeSystemError(error, "read", folder);
  }
}

/**
 * Writes clips drawn at random as a training with these strengths gets them, each a WAV file `<number>-<label>-<row>.wav`. Those that an
 * earlier call has left in the folder go.
 *
 * @returns what was written, and whether there was anything to take noise from
 */
export async function writeAugmented(
  clips: Clips,
  folder: string,
  { count, augment, seed }: { count: number; augment: AugmentSettings; seed: number },
): Promise<{ files: AugmentedFile[]; hasNoise: boolean }> {
  checkListeningFolder(folder);
  const all = Int32Array.from(clips.labels.keys());
  const rows = new Random(seed, "augmented clips").shuffle(all.slice()).subarray(0, count);
  const noise = await noiseFor(augment, clips, all);
  // For its label each row has itself, so that the batch tells which row lies where.
  const batches = new TrainingBatches({
    clips,
    rows,
    labels: all,
    batchSize: rows.length,
    seed,
    augment,
    noise,
  });
  const { waves, labels, mix } = batches.read(1, 0);
  const { clipLength } = clips.samples;
  for (const earlier of filesIn(folder)) rmSync(join(folder, earlier));
  const digits = String(rows.length).length;
  const files = Array.from(labels, (at, i) => {
    const row = clips.rows[at]!;
    const label = clips.labels[at]!;
    const number = String(i + 1).padStart(digits, "0");
    const file = join(folder, `${number}-${label.replace(/[^\p{L}\p{N}]+/gu, "_")}-${row}.wav`);
    writeFileAtomic(file, encodeWav(waves.subarray(i * clipLength, (i + 1) * clipLength), clips.sampleRate));
    const share = mix?.shares[i] ?? 1;
    const other = mix?.labels[i] ?? at;
    const mixedWith = { row: clips.rows[other]!, label: clips.labels[other]!, share };
    return { file, row, label, ...(share < 1 && { mixedWith }) };
  });
  return { files, hasNoise: noise !== undefined };
}
