import * as tf from "@tensorflow/tfjs";
import { UserError } from "../base/errors.js";
import type { Clips } from "../data/clips.js";

/** A model in inference: waveforms `[size, clipLength]` in, logits `[size, labels]` out, both row by row. */
export type ForwardPass = (waves: Float32Array, size: number) => Promise<Float32Array>;

/** The logits of several clips. */
export interface Logits {
  /** `[examples, labelCount]`, row by row. */
  readonly values: Float32Array;
  readonly examples: number;
  readonly labelCount: number;
}

export interface LogitsOptions {
  batchSize?: number;
  onProgress?: ((done: number, total: number) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** Changes each clip `[clipLength]` in place before the model gets it. */
  change?: (wave: Float32Array, row: number) => void;
}

/** The forward pass of a TensorFlow.js model, on the current backend. */
export function forwardPass(model: Pick<tf.LayersModel, "apply">): ForwardPass {
  return async (waves, size) => {
    const logits = tf.tidy(() => model.apply(tf.tensor2d(waves, [size, waves.length / size])) as tf.Tensor2D);
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    return values;
  };
}

/**
 * Runs a model on the given rows of clips in batches, the last partial batch included. Returns undefined when the signal
 * was raised before the end.
 */
export async function computeLogits(
  forward: ForwardPass,
  labelCount: number,
  clips: Pick<Clips, "samples">,
  rows: Int32Array,
  { batchSize = 32, onProgress, signal, change }: LogitsOptions = {},
): Promise<Logits | undefined> {
  const { clipLength } = clips.samples;
  const values = new Float32Array(rows.length * labelCount);
  for (let start = 0; start < rows.length; start += batchSize) {
    const batch = rows.subarray(start, start + batchSize);
    const waves = new Float32Array(batch.length * clipLength);
    batch.forEach((row, i) => {
      clips.samples.read(row, waves, i * clipLength);
      change?.(waves.subarray(i * clipLength, (i + 1) * clipLength), row);
    });
    values.set(await forward(waves, batch.length), start * labelCount);
    onProgress?.(start + batch.length, rows.length);
    await nextTurn(); // lets signals and timers be handled
    if (signal?.aborted) return undefined;
  }
  return { values, examples: rows.length, labelCount };
}

/**
 * Refuses logits that are not finite: their probabilities would look like a prediction.
 *
 * @param clipAt what to call the clip that the logit at an index belongs to
 * @throws UserError
 */
export function checkLogits(logits: ArrayLike<number>, clipAt: (index: number) => string): void {
  for (let index = 0; index < logits.length; index++) {
    if (Number.isFinite(logits[index])) continue;
    throw new UserError(
      `the model's output for ${clipAt(index)}: expected finite numbers, found ${logits[index]}; its training has diverged, or its weights are damaged`,
    );
  }
}

/** Browsers have no `setImmediate`. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve);
  });
}
