import * as tf from "@tensorflow/tfjs";
import type { Clips } from "../data/clips.js";

/** Rounds that are not counted: in them kernels are compiled and memory is taken. */
const warmUpRounds = 5;
const rounds = 11;

export interface TimedModel {
  model: Pick<tf.LayersModel, "apply">;
  clips: Clips;
  /** Rows of `clips` to time it on. */
  rows: Int32Array;
}

/**
 * The median time that each model takes for one clip alone, front end included, in ms on the backend in use. All models
 * are warmed up first and then take turns, so that none pays for what the others find ready, or for a busy moment alone.
 */
export async function medianMsPerClip(models: readonly TimedModel[]): Promise<number[]> {
  const times = models.map((): number[] => []);
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const [i, { model, clips, rows }] of models.entries()) {
      const wave = new Float32Array(clips.samples.clipLength);
      clips.samples.read(rows[(round + warmUpRounds) % rows.length]!, wave);
      const start = performance.now();
      const answer = tf.tidy(() => model.apply(tf.tensor2d(wave, [1, wave.length])) as tf.Tensor2D);
      await answer.data();
      answer.dispose();
      if (round >= 0) times[i]!.push(performance.now() - start);
    }
  }
  return times.map((each) => each.sort((a, b) => a - b)[(rounds - 1) / 2]!);
}
