import * as tf from "@tensorflow/tfjs";
import { apply, layerMaker } from "../build.js";
import type { BuildOptions, ModelDefinition } from "../definition.js";
import { type BandFrontEnd, chosenFrontEnd, frontEnd } from "../front-ends/front-end.js";
import { Dropout } from "../layers/dropout.js";
import { FrequencyMean } from "../layers/frequency-mean.js";
import { SubSpectralNormalization } from "../layers/normalization.js";

// Of the paper's table 1. A stage's first block changes the channels; frequency is halved there where it says so, and the
// frames that one output sees spread from stage to stage.
const stages = [
  { blocks: 2, channels: 1, halve: false, dilation: 1 },
  { blocks: 2, channels: 1.5, halve: true, dilation: 2 },
  { blocks: 4, channels: 2, halve: true, dilation: 4 },
  { blocks: 4, channels: 2.5, halve: false, dilation: 8 },
];
const baseChannels = 8;
const bands = 5;
const dropoutRate = 0.1;
const allowedFrontEnds: readonly BandFrontEnd[] = ["log-mel", "mfcc", "gabor"];

/**
 * BC-ResNet: 2-D convolutions over frequency, 1-D convolutions over time on the mean of all frequencies, broadcast back to
 * them as a residual (Kim, Chang, Lee and Sung, "Broadcasted residual learning for efficient keyword spotting",
 * Interspeech 2021). The width is the paper's τ: 1, 1.5, 2, 3, 6 or 8, or any other.
 *
 * At twelve labels it has the 9,232 (τ = 1), 17,154, 27,284, 54,168 (τ = 3), 187,812 and 321,068 trainable parameters of
 * the authors' PyTorch code (Qualcomm-AI-research/bcresnet), which has the same front end at 16 kHz, windows of 30 ms every
 * 10 ms and 40 mel bands. Where strides leave a choice, padding is TensorFlow's "same".
 */
export const bcResnet: ModelDefinition = {
  name: "bc-resnet",
  summary: "broadcasted residual learning: small and accurate; the width is the paper's τ",
  frontEnds: allowedFrontEnds,
  build: buildBcResnet,
};

function buildBcResnet(options: BuildOptions): tf.LayersModel {
  const { clipLength, labelCount, width, seed } = options;
  const base = Math.max(4, Math.trunc(baseChannels * width)); // truncated as the authors do
  const channelsOf = (factor: number) => Math.trunc(base * factor);
  const make = layerMaker(options);

  /** `[batch, frequencies, frames, inputs]` → `[batch, …, frames, channels]` */
  const block = (
    name: string,
    input: tf.SymbolicTensor,
    channels: number,
    halve: boolean,
    dilation: number,
  ) => {
    const transition = input.shape[3] !== channels;
    let x = input;
    if (transition) {
      x = make.pointwise(`${name}_transition`, channels, x);
      x = make.relu(`${name}_transition_relu`, make.normalized(`${name}_transition_norm`, x));
    }
    const planes = apply(
      new SubSpectralNormalization({ name: `${name}_frequency_norm`, bands }),
      make.depthwise(`${name}_frequency`, [3, 1], x, { strides: [halve ? 2 : 1, 1] }),
    );
    x = apply(new FrequencyMean({ name: `${name}_mean` }), planes); // [batch, 1, frames, channels]
    x = make.normalized(`${name}_time_norm`, make.dilated(`${name}_time`, 3, dilation, x));
    x = apply(tf.layers.activation({ name: `${name}_swish`, activation: "swish" }), x);
    x = make.pointwise(`${name}_mix`, channels, x);
    x = apply(new Dropout({ name: `${name}_dropout`, rate: dropoutRate, seed, channels: true }), x);
    const summands = transition ? [planes, x] : [planes, x, input];
    return make.relu(`${name}_relu`, apply(tf.layers.add({ name: `${name}_add` }), summands));
  };

  const waveform = tf.input({ shape: [clipLength], name: "waveform" }); // [batch, samples]
  const kind = chosenFrontEnd(bcResnet.name, allowedFrontEnds, options.frontEnd);
  let x = frontEnd(waveform, options, kind); // [batch, 40, frames, 1]
  x = make.convolution("head", 2 * base, [5, 5], x, { strides: [2, 1] }); // [batch, 20, frames, channels]
  x = make.relu("head_relu", make.normalized("head_norm", x));
  for (const [index, stage] of stages.entries()) {
    for (let i = 1; i <= stage.blocks; i++) {
      const name = `block${index + 1}_${i}`;
      x = block(name, x, channelsOf(stage.channels), stage.halve && i === 1, stage.dilation);
    }
  } // [batch, 5, frames, channels]
  // As high as the bands that are left, so that one frequency remains; as long as before.
  const tailPadding = tf.layers.zeroPadding2d({
    name: "tail_padding",
    padding: [
      [0, 0],
      [2, 2],
    ],
  });
  x = make.depthwise("tail", [5, 5], apply(tailPadding, x), { padding: "valid" }); // [batch, 1, frames, channels]
  x = make.relu("tail_relu", make.normalized("tail_norm", make.pointwise("tail_mix", 4 * base, x)));
  const outputs = make.logits(labelCount, make.pooled(x));
  return tf.model({ name: bcResnet.name, inputs: waveform, outputs }); // [batch, labels]
}
