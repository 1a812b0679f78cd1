import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { encodeWav } from "../../audio/wav/decode.js";
import { removeEmptyFolders, writeFileAtomic } from "../../base/files.js";
import { softmax } from "../../base/numbers.js";
import type { Evaluation } from "../evaluate.js";
import { exampleLogits, predictedLabels } from "../metrics.js";

/** A clip that was given a wrong label. */
export interface Mistake {
  /** The row in the data as it was read. */
  index: number;
  /** As the data has it, also where the label counts as another one. */
  label: string;
  predicted: string;
  /** Of the predicted label. */
  probability: number;
  speaker?: string;
  /** The word that is said, where the data tells it. */
  word?: string;
  /** Where a report wrote it, relative to the report. */
  file?: string;
}

/** The wrong answers that were given with the highest probability, that first, and the row of `clips` of each. */
export function confidentMistakes(evaluation: Evaluation, most = 20): { mistake: Mistake; row: number }[] {
  const { logits, data, metrics } = evaluation;
  const { clips } = data;
  const predicted = predictedLabels(logits);
  const wrong = [...data.rows.keys()].filter((i) => predicted[i] !== data.truth[i]);
  return wrong
    .map((i) => ({ i, probability: softmax(exampleLogits(logits, i))[predicted[i]!]! }))
    .sort((a, b) => b.probability - a.probability || a.i - b.i)
    .slice(0, most)
    .map(({ i, probability }) => {
      const row = data.rows[i]!;
      const mistake = {
        index: clips.rows[row]!,
        label: clips.labels[row]!,
        predicted: metrics.labels[predicted[i]!]!,
        probability,
        ...(clips.speakers && { speaker: clips.speakers[row]! }),
        ...(clips.words && { word: clips.words[row]! }),
      };
      return { mistake, row };
    });
}

/** A mistake to listen to: its clip as a WAV file, and how that is named. */
export interface MistakeSound {
  mistake: Mistake;
  file: string;
  wav: Uint8Array;
}

export function mistakeSounds(evaluation: Evaluation): MistakeSound[] {
  const { samples, sampleRate } = evaluation.data.clips;
  return confidentMistakes(evaluation).map(({ mistake, row }, i) => {
    const wave = new Float32Array(samples.clipLength);
    samples.read(row, wave);
    const place = String(i + 1).padStart(2, "0");
    const file = `${place}-${fileName(mistake.label)}-as-${fileName(mistake.predicted)}.wav`;
    return { mistake, file, wav: encodeWav(wave, sampleRate) };
  });
}

/** Writes the sounds, and takes away those that an earlier report left. */
export function writeMistakes(folder: string, sounds: readonly MistakeSound[]): void {
  const earlier = existsSync(folder) ? readdirSync(folder) : [];
  for (const name of earlier.filter((name) => /^\d{2}-.+-as-.+\.wav$/.test(name))) rmSync(join(folder, name));
  for (const { file, wav } of sounds) writeFileAtomic(join(folder, file), wav);
  if (sounds.length === 0) removeEmptyFolders(folder, folder);
}

/** A label as a part of a file's name. */
function fileName(label: string): string {
  return label.replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 40) || "_";
}
