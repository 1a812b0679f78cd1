import * as tf from "@tensorflow/tfjs";
import { apply, bandsAsChannels, layerMaker } from "../build.js";
import type { BuildOptions, ModelDefinition } from "../definition.js";
import { type BandFrontEnd, chosenFrontEnd, frontEnd } from "../front-ends/front-end.js";

// Channels of the first convolution and of each block, as the authors' code has them.
const plans = {
  "tc-resnet": [16, 24, 32, 48],
  "tc-resnet14": [16, 24, 24, 32, 32, 48, 48],
} as const;
const firstKernel = 3; // frames
const kernel = 9;
const dropoutRate = 0.5;
const allowedFrontEnds: readonly BandFrontEnd[] = ["mfcc", "log-mel", "gabor"];

/**
 * TC-ResNet8 and TC-ResNet14: convolutions over time alone, the coefficients of a frame being the channels (Choi et al.,
 * "Temporal convolution for real-time keyword spotting on mobile devices", Interspeech 2019). The width is the paper's k.
 *
 * At twelve labels they have the 65,168 (TC-ResNet8), 144,264 (k = 1.5), 135,856 (TC-ResNet14) and 303,000 (k = 1.5)
 * trainable parameters of the authors' code (hyperconnect/TC-ResNet) without its second head, which no loss reads; the
 * paper says 66K, 145K, 137K and 305K. The front end is theirs: 40 MFCC of windows of 30 ms every 10 ms.
 */
export const tcResnets: readonly ModelDefinition[] = [
  {
    name: "tc-resnet",
    summary: "TC-ResNet8: temporal convolutions with residuals on MFCC; the width is the paper's k",
    frontEnds: allowedFrontEnds,
    build: (options) => buildTcResnet("tc-resnet", options),
  },
  {
    name: "tc-resnet14",
    summary: "TC-ResNet14: the same with two blocks of each width",
    frontEnds: allowedFrontEnds,
    build: (options) => buildTcResnet("tc-resnet14", options),
  },
];

function buildTcResnet(name: keyof typeof plans, options: BuildOptions): tf.LayersModel {
  const { clipLength, labelCount, width } = options;
  const make = layerMaker(options);
  // Truncated as the authors do.
  const [first, ...blocks] = plans[name].map((planned) => ({
    planned,
    channels: Math.max(4, Math.trunc(planned * width)),
  }));

  /** `[batch, 1, frames, inputs]` → `[batch, 1, frames, channels]`, at a transition half the frames. */
  const block = (name: string, channels: number, transition: boolean, input: tf.SymbolicTensor) => {
    const strides: [number, number] = [1, transition ? 2 : 1];
    let shortcut = input;
    if (transition) {
      shortcut = make.convolution(`${name}_down`, channels, [1, 1], input, { strides });
      shortcut = make.relu(`${name}_down_relu`, make.normalized(`${name}_down_norm`, shortcut));
    }
    let x = make.convolution(`${name}_conv1`, channels, [1, kernel], input, { strides });
    x = make.relu(`${name}_relu1`, make.normalized(`${name}_norm1`, x));
    x = make.normalized(`${name}_norm2`, make.convolution(`${name}_conv2`, channels, [1, kernel], x));
    return make.relu(`${name}_relu2`, apply(tf.layers.add({ name: `${name}_add` }), [x, shortcut]));
  };

  const waveform = tf.input({ shape: [clipLength], name: "waveform" }); // [batch, samples]
  const kind = chosenFrontEnd(name, allowedFrontEnds, options.frontEnd);
  let x = bandsAsChannels(frontEnd(waveform, options, kind)); // [batch, 1, frames, coefficients]
  x = make.convolution("head", first!.channels, [1, firstKernel], x);
  x = make.relu("head_relu", make.normalized("head_norm", x));
  for (const [index, { planned, channels }] of blocks.entries()) {
    // By the plan: at small widths the channels of two stages may be the same, the frames are halved all the same.
    const transition = planned !== plans[name][index];
    x = block(`block${index + 1}`, channels, transition, x);
  }
  x = make.dropout("dropout", dropoutRate, make.pooled(x)); // [batch, channels]
  return tf.model({ name, inputs: waveform, outputs: make.logits(labelCount, x, false) }); // [batch, labels]
}
