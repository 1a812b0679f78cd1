import * as tf from "@tensorflow/tfjs";
import { type Audio, clipFromAudio } from "../audio/clip.js";
import { argMax, softmax } from "../base/numbers.js";
import type { Clips } from "../data/clips.js";
import { type ModelCost, modelCost } from "../models/cost.js";
import {
  checkLogits,
  computeLogits,
  type ForwardPass,
  forwardPass,
  type Logits,
  type LogitsOptions,
} from "../run/logits.js";

/** What a model takes and tells apart; part of a run's config. */
export interface RecognizerFormat {
  /** In the order of the outputs. */
  readonly labels: readonly string[];
  /** Hz. */
  readonly sampleRate: number;
  /** Samples a clip. */
  readonly clipLength: number;
}

/** What computes a recognizer's logits. */
export interface Engine {
  readonly forward: ForwardPass;
  readonly cost: Pick<ModelCost, "params" | "macs">;
  /** The backend's name, and for people what it runs on. */
  readonly backend: { readonly name: string; readonly device: string };
  dispose(): void;
}

export interface Prediction {
  label: string;
  probability: number;
  /** The most probable labels, the first being `label`. */
  top: { label: string; probability: number }[];
  /** Time that the model took. */
  seconds: number;
}

/** A trained model, ready for clips, recordings of any rate and length, and rows of a data set. */
export class Recognizer implements RecognizerFormat {
  readonly labels: readonly string[];
  readonly sampleRate: number;
  readonly clipLength: number;
  readonly cost: Engine["cost"];
  readonly backend: Engine["backend"];
  /** Waveforms `[size, clipLength]` in, logits `[size, labels]` out, both row by row. */
  readonly forward: ForwardPass;
  private readonly engine: Engine;

  constructor(engine: Engine, { labels, sampleRate, clipLength }: RecognizerFormat) {
    this.labels = labels;
    this.sampleRate = sampleRate;
    this.clipLength = clipLength;
    this.cost = engine.cost;
    this.backend = engine.backend;
    this.forward = engine.forward;
    this.engine = engine;
  }

  /**
   * Predicts the label of one clip, `[clipLength]` samples at the model's rate.
   *
   * @throws UserError when the model's output is not finite
   */
  async predict(clip: Float32Array, topK = 3): Promise<Prediction> {
    const { labels } = this;
    const start = performance.now();
    const logits = await this.forward(clip, 1);
    checkLogits(logits, () => "the clip");
    const probabilities = softmax(logits);
    const seconds = (performance.now() - start) / 1000;
    const order = [...labels.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!);
    const top = order.slice(0, topK).map((i) => ({ label: labels[i]!, probability: probabilities[i]! }));
    const best = argMax(probabilities);
    return { label: labels[best]!, probability: probabilities[best]!, top, seconds };
  }

  /**
   * Predicts the label of a recording of any rate, length and number of channels, cut to a clip as `clipFromAudio` does.
   *
   * @returns the prediction, and in words what was done to make a clip of the recording
   * @throws UserError when the model's output is not finite
   */
  async predictAudio(audio: Audio, topK = 3): Promise<{ prediction: Prediction; notes: string[] }> {
    const { samples, notes } = clipFromAudio(audio, this.sampleRate, this.clipLength);
    return { prediction: await this.predict(samples, topK), notes };
  }

  /** Runs the model on rows of clips in batches, see `computeLogits`. The clips must have the model's rate and length. */
  logits(
    clips: Pick<Clips, "samples">,
    rows: Int32Array,
    options?: LogitsOptions,
  ): Promise<Logits | undefined> {
    return computeLogits(this.forward, this.labels.length, clips, rows, options);
  }

  /** Frees the model's memory. */
  dispose(): void {
    this.engine.dispose();
  }
}

/**
 * Makes a recognizer of a TensorFlow.js model, which it then owns. It computes on the current backend.
 *
 * @param backend what the current backend is called
 */
export function recognizerOf(
  model: tf.LayersModel,
  format: RecognizerFormat,
  backend: Engine["backend"] = { name: tf.getBackend(), device: tf.getBackend() },
): Recognizer {
  const engine = {
    forward: forwardPass(model),
    cost: modelCost(model),
    backend,
    dispose: () => model.dispose(),
  };
  return new Recognizer(engine, format);
}
