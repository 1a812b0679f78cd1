import type * as tf from "@tensorflow/tfjs";
import type { Masking } from "./layers/spec-augment.js";

/** What a model may make of the waveform first; raw is nothing, gabor a filter bank that is learned with the rest. */
export const frontEnds = ["raw", "stft", "log-mel", "mfcc", "gabor"] as const;
export type FrontEnd = (typeof frontEnds)[number];

/** What a model is built for. Everything about its shape follows from these, so a run's config is enough to rebuild it. */
export interface BuildOptions {
  readonly labelCount: number;
  /** Hz. */
  readonly sampleRate: number;
  /** Samples a clip: the model's input is `[batch, clipLength]`. */
  readonly clipLength: number;
  /** Width multiplier on every convolution's and hidden dense layer's channels; τ of a BC-ResNet. */
  readonly width: number;
  /** Fixes the initial weights and the dropout masks. */
  readonly seed: number;
  /** What the waveform is turned into first; one of the definition's `frontEnds`. By default the first of them. */
  readonly frontEnd?: FrontEnd | undefined;
  /** SpecAugment behind what makes a picture of the waveform. */
  readonly masking?: Masking | undefined;
}

/** One entry of the registry: an architecture that maps waveforms `[batch, samples]` to logits `[batch, labels]`. */
export interface ModelDefinition {
  readonly name: string;
  /** One line for `kws models` and the docs. */
  readonly summary: string;
  /** What the waveform can be turned into first, the default in front; one alone is no choice, but may be named. */
  readonly frontEnds: readonly FrontEnd[];
  build(options: BuildOptions): tf.LayersModel;
}

/** Channels of a layer under the width multiplier: rounded, at least 4. */
export function scaleChannels(channels: number, width: number): number {
  return Math.max(4, Math.round(channels * width));
}
