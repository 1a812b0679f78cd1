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
  /** The row in the data as read, and its label. */
  row: number;
  label: string;
  /** The clip that mixup mixed in, and the share of the file's own clip. */
  mixedWith?: { row: number; label: string; share: number };
}

/** Names of the files that are written, by which an earlier call's are recognised. */
const ownName = /^\d+-[\p{L}\p{N}_]*-\d+\.wav$/u;

/**
 * Checks that clips may be written into a folder: it is new, empty, or holds only such clips, which will be replaced.
 *
 * @throws UserError if it holds anything else
 */
export function checkListeningFolder(folder: string): void {
  const other = filesIn(folder).find((name) => !ownName.test(name));
  if (other !== undefined)
    throw new UserError(
      `${folder} holds other files (${other}): expected a new or an empty folder, or one that this command wrote`,
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
 * Writes randomly drawn clips as training with these strengths would use them, each as a WAV file
 * `<number>-<label>-<row>.wav`. Files of an earlier call are replaced.
 *
 * @returns the files, and whether there was noise to mix in
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
  // Each row is its own label, so that the batch states which row is where.
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
