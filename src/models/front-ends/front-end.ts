import type * as tf from "@tensorflow/tfjs";
import { usageError } from "../../base/errors.js";
import { apply } from "../build.js";
import type { BuildOptions, FrontEnd, ModelDefinition } from "../definition.js";
import { LogMel, Mfcc } from "../layers/mel.js";
import { type Masking, SpecAugment } from "../layers/spec-augment.js";
import { gaborBands } from "./gabor.js";

/** Those that a model may leave a choice of: each makes a picture of bands and frames. */
export type BandFrontEnd = "log-mel" | "mfcc" | "gabor";

/** Of what a picture is made. */
export interface PictureOptions {
  windowMs: number;
  hopMs: number;
  /** Mel bands. */
  bands: number;
  /** Of MFCC, at most as many as there are bands. */
  coefficients: number;
}

// The field's usual frames and bands; speech holds little above 7.6 kHz or below 20 Hz.
const usual: PictureOptions = { windowMs: 30, hopMs: 10, bands: 40, coefficients: 40 };
const lowestFrequency = 20;
const highestFrequency = 7600;

/**
 * The front end that was asked for, on the waveforms `[batch, samples]`, with SpecAugment behind it where it was asked for:
 * `[batch, bands, frames, 1]`. 40 bands of windows of 30 ms every 10 ms, unless the model has others.
 */
export function frontEnd(
  waveform: tf.SymbolicTensor,
  options: BuildOptions,
  kind: BandFrontEnd,
  picture: Partial<PictureOptions> = {},
): tf.SymbolicTensor {
  const { sampleRate } = options;
  const { windowMs, hopMs, bands, coefficients } = { ...usual, ...picture };
  const hop = Math.round((hopMs / 1000) * sampleRate);
  const window = Math.round((windowMs / 1000) * sampleRate);
  const nFft = 2 ** Math.ceil(Math.log2(window));
  const maxFrequency = Math.min(highestFrequency, sampleRate / 2);
  const range = { minFrequency: lowestFrequency, maxFrequency };
  const mel = { sampleRate, nFft, hop, window, nMels: bands, ...range };
  const pictures: Record<BandFrontEnd, () => tf.SymbolicTensor> = {
    "log-mel": () => apply(new LogMel({ name: "log_mel", ...mel }), waveform),
    mfcc: () => apply(new Mfcc({ name: "mfcc", ...mel, nMfcc: coefficients }), waveform),
    gabor: () => gaborBands(waveform, options, { bands, hopMs, ...range }),
  };
  return masked(pictures[kind](), options);
}

/** What the fixed part of a model leaves to be learned from: the samples, or a picture that is made of them. */
export function inputOf(
  { frontEnds }: Pick<ModelDefinition, "frontEnds">,
  asked: FrontEnd | undefined,
): "waveform" | "spectrogram" {
  const kind = asked ?? frontEnds[0]!;
  return kind === "raw" || kind === "gabor" ? "waveform" : "spectrogram";
}

/** A picture `[batch, bands, frames, channels]` with SpecAugment behind it, where it was asked for. */
export function masked(
  picture: tf.SymbolicTensor,
  { masking, seed }: Pick<BuildOptions, "masking" | "seed">,
): tf.SymbolicTensor {
  if (!masks(masking)) return picture;
  return apply(new SpecAugment({ name: "spec_augment", ...masking, seed }), picture);
}

function masks(masking: Masking | undefined): masking is Masking {
  return masking !== undefined && (masking.bands > 0 || masking.frames > 0);
}

/**
 * Whether the model has the front end that was asked for.
 *
 * @throws UserError (wrong usage)
 */
export function checkFrontEnd(
  { name, frontEnds }: Pick<ModelDefinition, "name" | "frontEnds">,
  asked: FrontEnd | undefined,
): void {
  if (asked === undefined || frontEnds.includes(asked)) return;
  throw usageError(`--front-end: the model ${name} takes ${frontEnds.join(", ")}, found ${asked}`);
}

/**
 * Whether the model makes a picture that SpecAugment can hide parts of, where that was asked for.
 *
 * @throws UserError (wrong usage)
 */
export function checkMasking(
  { name, frontEnds }: Pick<ModelDefinition, "name" | "frontEnds">,
  masking: Masking | undefined,
): void {
  if (!masks(masking) || !frontEnds.includes("raw")) return;
  throw usageError(
    `--augment: specAugment hides parts of a picture, and the model ${name} sees the samples themselves; expected augmentation without it, found ${JSON.stringify(masking)}`,
  );
}

/**
 * Whether the picture that a model makes is as large as the masks may be.
 *
 * @throws UserError (wrong usage)
 */
export function checkMaskSize(model: tf.LayersModel): void {
  const layer = model.layers.find((each) => each instanceof SpecAugment);
  if (layer === undefined) return;
  const [, bands, frames] = layer.outputShape as [null, number, number, number];
  const { masking } = layer;
  if (masking.bands <= bands && masking.frames <= frames) return;
  throw usageError(
    `--augment: specAugment: the model ${model.name} makes a picture of ${bands} bands and ${frames} frames; expected masks of at most so many, found ${masking.bands} and ${masking.frames}`,
  );
}

/** The front end to build with; a usage error where the model does not allow the one that was asked for. */
export function chosenFrontEnd<Allowed extends FrontEnd>(
  name: string,
  allowed: readonly Allowed[],
  asked: FrontEnd | undefined,
): Allowed {
  checkFrontEnd({ name, frontEnds: allowed }, asked);
  return allowed.find((kind) => kind === asked) ?? allowed[0]!;
}
