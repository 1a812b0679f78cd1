import { readWavFile } from "../audio/wav/decode.js";
import { chooseClip, readClip } from "../data/choose.js";
import { loadClips } from "../data/load.js";
import type { Prediction, Recognizer } from "./recognizer.js";

/**
 * Predicts the label of a WAV file of any rate and length.
 *
 * @returns the prediction, and in words what was done to make a clip of the file
 * @throws UserError when the file cannot be read or is not a WAV file
 */
export async function predictFile(
  recognizer: Recognizer,
  path: string,
  topK?: number,
): Promise<{ prediction: Prediction; notes: string[] }> {
  return recognizer.predictAudio(await readWavFile(path), topK);
}

export interface RowPrediction extends Prediction {
  /** The row in the data as it was read. */
  index: number;
  trueLabel: string;
  correct: boolean;
}

/**
 * Predicts the label of one clip of a data set.
 *
 * @param data what `loadClips` reads
 * @param options.index the row in the data, or `random`
 * @returns the prediction, and the clip `[clipLength]` at the model's rate
 * @throws UserError when the data cannot be read or has no such row
 */
export async function predictRow(
  recognizer: Recognizer,
  data: readonly string[],
  options: {
    index: number | "random";
    /** Fixes the random choice. */
    seed: number;
    topK?: number;
    onLoading?: (done: number, total: number) => void;
  },
): Promise<{ prediction: RowPrediction; wave: Float32Array }> {
  const { index, seed, topK, onLoading } = options;
  const { sampleRate } = recognizer;
  const clips = await loadClips(data, { seed, sampleRate, ...(onLoading && { onProgress: onLoading }) });
  const row = chooseClip(clips, index, seed);
  const wave = readClip(clips, row, sampleRate);
  const prediction = await recognizer.predict(wave, topK);
  const trueLabel = clips.labels[row]!;
  const correct = prediction.label === trueLabel;
  return { prediction: { ...prediction, index: clips.rows[row]!, trueLabel, correct }, wave };
}
