import * as tf from "@tensorflow/tfjs";
import { type Audio, clipFromAudio } from "../audio/clip.js";
import type { RunConfig } from "../run/folder.js";
import { checkLogits } from "../run/logits.js";
import { argMax, softmax } from "./metrics.js";

export interface Prediction {
  label: string;
  probability: number;
  /** The most probable labels, the first being `label`. */
  top: { label: string; probability: number }[];
  /** Time the model took. */
  seconds: number;
}

/**
 * What a run's model makes of one clip, `[clipLength]` samples at the run's rate.
 *
 * @throws UserError where the model answers with something else than numbers
 */
export async function predictClip(
  model: tf.LayersModel,
  labels: readonly string[],
  clip: Float32Array,
  topK: number,
): Promise<Prediction> {
  const start = performance.now();
  const logits = tf.tidy(() => model.apply(tf.tensor2d(clip, [1, clip.length])) as tf.Tensor2D);
  const answer = await logits.data();
  logits.dispose();
  checkLogits(answer, () => "the clip");
  const probabilities = softmax(answer);
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
