import { type NoiseSource, noiseMixer } from "../../data/augment/noise-source.js";
import type { Recognizer } from "../../recognizer/recognizer.js";
import { checkLogits } from "../../run/logits.js";
import type { EvaluationData } from "../data.js";
import { computeMetrics } from "../metrics.js";

/** Signal-to-noise ratios in dB, from a quiet room to noise that is louder than the voice. */
export const snrsDb: readonly number[] = [20, 15, 10, 5, 0, -5];

export interface NoiseLevel {
  snrDb: number;
  accuracy: number;
  loss: number;
  macroF1: number;
  /** By label; null where there are no clips with it. */
  recall: (number | null)[];
}

export interface NoiseFigures {
  /** `silence`, `pink`, or the folder that the noise was read from. */
  source: string;
  /** Number of different noise clips; null where each clip gets noise of its own. */
  seconds: number | null;
  seed: number;
  levels: NoiseLevel[];
}

/**
 * Evaluates a model on the same clips with noise added at each signal-to-noise ratio, see `noiseMixer`. Every model that
 * is evaluated with this seed gets the same noise.
 *
 * @param onProgress counts the clips of all ratios together
 * @throws UserError when the model's output is not finite
 */
export async function figuresInNoise(
  recognizer: Recognizer,
  { clips, rows, truth }: EvaluationData,
  source: NoiseSource,
  seed: number,
  onProgress?: (done: number, total: number) => void,
): Promise<NoiseFigures> {
  const addNoise = noiseMixer(clips, rows, source, seed);
  const levels: NoiseLevel[] = [];
  for (const [place, snrDb] of snrsDb.entries()) {
    const logits = (await recognizer.logits(clips, rows, {
      change: (wave, row) => addNoise(wave, row, snrDb),
      onProgress: (done, total) => onProgress?.(place * total + done, snrsDb.length * total),
    }))!;
    checkLogits(logits.values, () => `a clip with noise at ${snrDb} dB`);
    const { accuracy, loss, macroF1, perLabel } = computeMetrics(logits, truth, recognizer.labels);
    const recall = perLabel.map((label) => (label.support === 0 ? null : label.recall));
    levels.push({ snrDb, accuracy, loss, macroF1, recall });
  }
  return { source: source.name, seconds: source.clips?.rows.length ?? null, seed, levels };
}
