import * as tf from "@tensorflow/tfjs";
import type { Clips } from "../data/clips.js";
import { type Audio, clipFromAudio } from "../data/wav.js";
import { UserError } from "../errors.js";
import { Random } from "../random.js";
import type { RunConfig } from "../run.js";
import { argMax, softmax } from "./metrics.js";

export interface Prediction {
  label: string;
  probability: number;
  /** The most probable labels, the first being `label`. */
  top: { label: string; probability: number }[];
  /** Time the model took. */
  seconds: number;
}

/** What a run's model makes of one clip, `[clipLength]` samples at the run's rate. */
export async function predictClip(
  model: tf.LayersModel,
  labels: readonly string[],
  clip: Float32Array,
  topK: number,
): Promise<Prediction> {
  const start = performance.now();
  const logits = tf.tidy(() => model.apply(tf.tensor2d(clip, [1, clip.length])) as tf.Tensor2D);
  const probabilities = softmax(await logits.data());
  logits.dispose();
  const seconds = (performance.now() - start) / 1000;
  const order = [...labels.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!);
  const top = order.slice(0, topK).map((i) => ({ label: labels[i]!, probability: probabilities[i]! }));
  const best = argMax(probabilities);
  return { label: labels[best]!, probability: probabilities[best]!, top, seconds };
}

/** The same for audio of any rate, length and number of channels; the notes say what was done to make a clip of it. */
export async function predictAudio(
  model: tf.LayersModel,
  config: Pick<RunConfig, "labels" | "sampleRate" | "clipLength">,
  audio: Audio,
  topK: number,
): Promise<{ prediction: Prediction; notes: string[] }> {
  const { samples, notes } = clipFromAudio(audio, config.sampleRate, config.clipLength);
  return { prediction: await predictClip(model, config.labels, samples, topK), notes };
}

/**
 * A clip of a data set by its row in the data as it was read, or one at random.
 *
 * @returns the row of `clips`
 */
export function chooseClip(clips: Clips, index: number | "random", seed: number): number {
  if (index === "random") return new Random(seed, "random clip").integer(clips.samples.count);
  const row = clips.rows.indexOf(index);
  if (row < 0) {
    throw new UserError(`--index ${index}: the data has rows 0 to ${clips.samples.count - 1}`);
  }
  return row;
}
