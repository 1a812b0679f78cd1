import * as tf from "@tensorflow/tfjs";
import { UserError } from "../base/errors.js";
import { readBatch } from "../data/batches/batches.js";
import type { Clips } from "../data/clips.js";

/** A model's answers for clips: logits `[examples, labels]`, row after row. */
export interface Answers {
  readonly logits: Float32Array;
  readonly examples: number;
  readonly labelCount: number;
}

export interface ClassifyOptions {
  batchSize?: number;
  onProgress?: ((done: number, total: number) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** Changes each clip `[clipLength]` in place before the model hears it. */
  change?: (wave: Float32Array, row: number) => void;
}

/**
 * Refuses logits that are no finite numbers, whose probabilities would look like an answer.
 *
 * @param clipAt what to call the clip that the logit at a place belongs to
 * @throws UserError
 */
export function checkLogits(logits: ArrayLike<number>, clipAt: (place: number) => string): void {
  for (let place = 0; place < logits.length; place++) {
    if (Number.isFinite(logits[place])) continue;
    throw new UserError(
      `the model answers with ${logits[place]} to ${clipAt(place)}, finite numbers were expected: its training has diverged, or its weights are damaged`,
    );
  }
}

/**
 * Runs the model in inference on the given rows, every one of them, the last partial batch too. Undefined when the
 * signal was raised before the end.
 */
export async function classify(
  model: tf.LayersModel,
  clips: Clips,
  rows: Int32Array,
  options: ClassifyOptions = {},
): Promise<Answers | undefined> {
  const { batchSize = 32, onProgress, signal, change } = options;
  const labelCount = (model.outputShape as tf.Shape)[1]!;
  const { clipLength } = clips.samples;
  const logits = new Float32Array(rows.length * labelCount);
  const labels = new Int32Array(clips.samples.count);
  for (let number = 0; number * batchSize < rows.length; number++) {
    const batch = readBatch(clips, rows, labels, number, batchSize);
    if (change !== undefined) {
      for (let i = 0; i < batch.size; i++) {
        const wave = batch.waves.subarray(i * clipLength, (i + 1) * clipLength);
        change(wave, rows[number * batchSize + i]!);
      }
    }
    const answer = tf.tidy(
      () => model.apply(tf.tensor2d(batch.waves, [batch.size, clipLength])) as tf.Tensor2D,
    );
    logits.set((await answer.data()) as Float32Array, number * batchSize * labelCount);
    answer.dispose();
    onProgress?.(number * batchSize + batch.size, rows.length);
    await new Promise((resolve) => setImmediate(resolve)); // lets signals and timers be handled
    if (signal?.aborted) return undefined;
  }
  return { logits, examples: rows.length, labelCount };
}
