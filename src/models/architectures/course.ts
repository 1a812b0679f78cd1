import * as tf from "@tensorflow/tfjs";
import { UserError } from "../../base/errors.js";
import { hash32 } from "../../base/random.js";
import { apply } from "../build.js";
import { type BuildOptions, type ModelDefinition, scaleChannels } from "../definition.js";
import { masked } from "../front-ends/front-end.js";
import { Dropout } from "../layers/dropout.js";
import { StftMagnitude } from "../layers/stft.js";

/*
 * The four models of the course, one plan in one or two dimensions:
 *
 *   per block: convolutions (kernel 9, or 3 × 3; same padding; ReLU), with or without a skip connection, then max-pool 2
 *   dropout 0.3 → flatten → dense 256 → batch norm → ReLU → dense to the labels (logits)
 *
 * Source: the course's Keras notebook. At twelve labels, 8 kHz and width 1 the parameters are 34,681,708 (conv1d),
 * 63,611,756 (skip), 5,583,724 (spectrogram) and 9,053,036 (spectrogram-skip).
 */
const blocks = [
  { filters: 32, convolutions: 2 },
  { filters: 64, convolutions: 2 },
  { filters: 128, convolutions: 3 },
  { filters: 256, convolutions: 3 },
];
const denseUnits = 256;
const dropoutRate = 0.3;
// 258 points make 130 bins, and a hop of 64 makes 126 frames of a second at 8 kHz: the notebook's 130 × 126 picture.
const courseStft = { nFft: 258, hop: 64 };

export const courseModels: readonly ModelDefinition[] = [
  {
    name: "conv1d",
    frontEnds: ["raw"],
    summary: "ten 1-D convolutions in four blocks on the raw waveform",
    build: (options) => buildCourseModel("conv1d", options, { dimensions: 1, skip: false }),
  },
  {
    name: "skip",
    frontEnds: ["raw"],
    summary: "conv1d with skip connections by concatenation",
    build: (options) => buildCourseModel("skip", options, { dimensions: 1, skip: true }),
  },
  {
    name: "spectrogram",
    frontEnds: ["stft"],
    summary: "the same plan in two dimensions on the STFT magnitude (130 × 126 at 8 kHz)",
    build: (options) => buildCourseModel("spectrogram", options, { dimensions: 2, skip: false }),
  },
  {
    name: "spectrogram-skip",
    frontEnds: ["stft"],
    summary: "spectrogram with skip connections by concatenation",
    build: (options) => buildCourseModel("spectrogram-skip", options, { dimensions: 2, skip: true }),
  },
];

function buildCourseModel(
  name: string,
  options: BuildOptions,
  plan: { dimensions: 1 | 2; skip: boolean },
): tf.LayersModel {
  const { clipLength, labelCount, width, seed } = options;
  // Names are explicit because weights are stored by them, and seeds follow from them.
  const initializer = (layer: string) => tf.initializers.glorotUniform({ seed: hash32(`${seed}|${layer}`) });
  const convolution = (layer: string, filters: number) => {
    const common = {
      name: layer,
      filters: scaleChannels(filters, width),
      padding: "same" as const,
      activation: "relu" as const,
      kernelInitializer: initializer(layer),
    };
    return plan.dimensions === 1
      ? tf.layers.conv1d({ ...common, kernelSize: 9 })
      : tf.layers.conv2d({ ...common, kernelSize: 3 });
  };
  const pool = (layer: string) =>
    plan.dimensions === 1
      ? tf.layers.maxPooling1d({ name: layer, poolSize: 2 })
      : tf.layers.maxPooling2d({ name: layer, poolSize: 2 });

  const waveform = tf.input({ shape: [clipLength], name: "waveform" }); // [batch, samples]
  let x =
    plan.dimensions === 1
      ? apply(tf.layers.reshape({ name: "channel", targetShape: [clipLength, 1] }), waveform) // [batch, samples, 1]
      : masked(apply(new StftMagnitude({ name: "stft", ...courseStft }), waveform), options); // [batch, bins, frames, 1]
  for (const [index, block] of blocks.entries()) {
    const input = x;
    for (let i = 1; i <= block.convolutions; i++) {
      x = apply(convolution(`conv${index + 1}_${i}`, block.filters), x); // [batch, …, filters]
    }
    if (plan.skip && index > 0) {
      x = apply(tf.layers.concatenate({ name: `skip${index + 1}` }), [x, input]); // [batch, …, filters + input's]
    }
    x = apply(pool(`pool${index + 1}`), x);
  }
  if (x.shape.includes(0)) {
    throw new UserError(
      `the model ${name} cannot take clips as short as ${clipLength} samples: its pools leave nothing`,
    );
  }
  x = apply(new Dropout({ name: "dropout", rate: dropoutRate, seed }), x);
  x = apply(tf.layers.flatten({ name: "flatten" }), x);
  const units = scaleChannels(denseUnits, width);
  x = apply(tf.layers.dense({ name: "dense", units, kernelInitializer: initializer("dense") }), x); // [batch, units]
  x = apply(tf.layers.batchNormalization({ name: "batch_norm" }), x);
  x = apply(tf.layers.reLU({ name: "relu" }), x);
  const head = tf.layers.dense({
    name: "logits",
    units: labelCount,
    kernelInitializer: initializer("logits"),
  });
  return tf.model({ name, inputs: waveform, outputs: apply(head, x) }); // [batch, labels]
}
