import * as tf from "@tensorflow/tfjs";
import { layerMaker } from "../build.js";
import { type BuildOptions, type ModelDefinition, scaleChannels } from "../definition.js";
import { type BandFrontEnd, chosenFrontEnd, frontEnd } from "../front-ends/front-end.js";

// Of the authors' training commands: channels, blocks, and strides over coefficients and frames. The first convolution sees
// 4 coefficients of 10 frames, the depthwise ones 3 of 3.
const plans = {
  "ds-cnn": { channels: 64, blocks: 4, firstStrides: [2, 2], blockStrides: [1, 1] },
  "ds-cnn-m": { channels: 172, blocks: 4, firstStrides: [1, 2], blockStrides: [2, 2] },
  "ds-cnn-l": { channels: 276, blocks: 5, firstStrides: [1, 2], blockStrides: [2, 2] },
} as const;
const picture = { windowMs: 40, hopMs: 20, coefficients: 10 };
const allowedFrontEnds: readonly BandFrontEnd[] = ["mfcc", "log-mel", "gabor"];

/**
 * DS-CNN: a convolution and depthwise separable ones over 10 MFCC of windows of 40 ms every 20 ms (Zhang, Suda, Lai and
 * Chandra, "Hello Edge: keyword spotting on microcontrollers", 2017, arXiv:1711.07128), small, medium and large.
 *
 * At twelve labels they have the 23,180, 136,580 and 413,736 trainable parameters of the authors' code
 * (ARM-software/ML-KWS-for-MCU); its convolutions have biases where these have the scale of batch normalisation, which is
 * as many. (The paper's 38.6, 189.2 and 497.6 KB are of weights and activations together.) Frames here are centred on
 * multiples of the hop, which makes 51 of a second for the authors' 49.
 */
export const dsCnns: readonly ModelDefinition[] = [
  {
    name: "ds-cnn",
    summary: "DS-CNN-S of Hello Edge: depthwise separable convolutions on 10 MFCC, for microcontrollers",
    frontEnds: allowedFrontEnds,
    build: (options) => buildDsCnn("ds-cnn", options),
  },
  {
    name: "ds-cnn-m",
    summary: "DS-CNN-M: the same with 172 channels",
    frontEnds: allowedFrontEnds,
    build: (options) => buildDsCnn("ds-cnn-m", options),
  },
  {
    name: "ds-cnn-l",
    summary: "DS-CNN-L: the same with 276 channels and a block more",
    frontEnds: allowedFrontEnds,
    build: (options) => buildDsCnn("ds-cnn-l", options),
  },
];

function buildDsCnn(name: keyof typeof plans, options: BuildOptions): tf.LayersModel {
  const { clipLength, labelCount, width } = options;
  const { blocks, firstStrides, blockStrides, ...plan } = plans[name];
  const channels = scaleChannels(plan.channels, width);
  const make = layerMaker(options);
  const waveform = tf.input({ shape: [clipLength], name: "waveform" }); // [batch, samples]
  const kind = chosenFrontEnd(name, allowedFrontEnds, options.frontEnd);
  let x = frontEnd(waveform, options, kind, picture); // [batch, coefficients, frames, 1]
  x = make.convolution("head", channels, [4, 10], x, { strides: [...firstStrides] });
  x = make.relu("head_relu", make.normalized("head_norm", x));
  for (let i = 1; i <= blocks; i++) {
    const strides: [number, number] = i === 1 ? [...blockStrides] : [1, 1];
    x = make.depthwise(`block${i}_depthwise`, [3, 3], x, { strides });
    x = make.relu(`block${i}_relu1`, make.normalized(`block${i}_norm1`, x));
    x = make.pointwise(`block${i}_pointwise`, channels, x);
    x = make.relu(`block${i}_relu2`, make.normalized(`block${i}_norm2`, x));
  }
  return tf.model({ name, inputs: waveform, outputs: make.logits(labelCount, make.pooled(x)) }); // [batch, labels]
}
