import * as tf from "@tensorflow/tfjs";
import { apply, bandsAsChannels, layerMaker } from "../build.js";
import { type BuildOptions, type ModelDefinition, scaleChannels } from "../definition.js";
import { type BandFrontEnd, chosenFrontEnd, frontEnd } from "../front-ends/front-end.js";

// Frames that the separable convolutions see.
const firstKernel = 11;
const blockKernels = [13, 15, 17];
const lastKernel = 29;
const lastDilation = 2;
const channels = 64;
const outerChannels = 128;
const repeats = { matchboxnet: 1, "matchboxnet-3x2x64": 2 } as const;
const picture = { windowMs: 25, hopMs: 10, bands: 64, coefficients: 64 };
const allowedFrontEnds: readonly BandFrontEnd[] = ["mfcc", "log-mel", "gabor"];

/**
 * MatchboxNet-3x1x64 and -3x2x64: time-channel separable convolutions in residual blocks, 64 MFCC of windows of 25 ms every
 * 10 ms being the channels (Majumdar and Ginsburg, "MatchboxNet: 1D time-channel separable convolutional neural network
 * architecture for speech commands recognition", Interspeech 2020). The width multiplies both 64 and 128 channels.
 *
 * At the thirty labels of Speech Commands v1 they have the 77,214 and 92,766 trainable parameters of the authors' code
 * (NVIDIA/NeMo; the paper says 77K and 93K). A clip is not padded to 128 frames here.
 */
export const matchboxnets: readonly ModelDefinition[] = [
  {
    name: "matchboxnet",
    summary: "MatchboxNet-3x1x64: separable convolutions over time in residual blocks on 64 MFCC",
    frontEnds: allowedFrontEnds,
    build: (options) => buildMatchboxnet("matchboxnet", options),
  },
  {
    name: "matchboxnet-3x2x64",
    summary: "MatchboxNet-3x2x64: the same with two convolutions a block",
    frontEnds: allowedFrontEnds,
    build: (options) => buildMatchboxnet("matchboxnet-3x2x64", options),
  },
];

function buildMatchboxnet(name: keyof typeof repeats, options: BuildOptions): tf.LayersModel {
  const { clipLength, labelCount, width } = options;
  const make = layerMaker(options);
  const repeat = repeats[name];
  const [inner, outer] = [scaleChannels(channels, width), scaleChannels(outerChannels, width)];

  /** `[batch, 1, frames, inputs]` → `[batch, 1, frames, units]`, normalised */
  const separable = (
    name: string,
    units: number,
    kernel: number,
    input: tf.SymbolicTensor,
    dilation?: number,
  ) => {
    const x =
      dilation === undefined
        ? make.depthwise(`${name}_depthwise`, [1, kernel], input)
        : make.dilated(`${name}_depthwise`, kernel, dilation, input);
    return make.normalized(`${name}_norm`, make.pointwise(name, units, x));
  };
  const block = (name: string, kernel: number, input: tf.SymbolicTensor) => {
    let x = input;
    for (let i = 1; i < repeat; i++)
      x = make.relu(`${name}_relu${i}`, separable(`${name}_conv${i}`, inner, kernel, x));
    x = separable(`${name}_conv`, inner, kernel, x);
    const shortcut = make.normalized(
      `${name}_shortcut_norm`,
      make.pointwise(`${name}_shortcut`, inner, input),
    );
    return make.relu(`${name}_relu`, apply(tf.layers.add({ name: `${name}_add` }), [x, shortcut]));
  };

  const waveform = tf.input({ shape: [clipLength], name: "waveform" }); // [batch, samples]
  const kind = chosenFrontEnd(name, allowedFrontEnds, options.frontEnd);
  let x = bandsAsChannels(frontEnd(waveform, options, kind, picture)); // [batch, 1, frames, coefficients]
  x = make.relu("conv1_relu", separable("conv1", outer, firstKernel, x));
  for (const [index, kernel] of blockKernels.entries()) x = block(`block${index + 1}`, kernel, x);
  x = make.relu("conv2_relu", separable("conv2", outer, lastKernel, x, lastDilation));
  x = make.relu("conv3_relu", make.normalized("conv3_norm", make.pointwise("conv3", outer, x)));
  return tf.model({ name, inputs: waveform, outputs: make.logits(labelCount, make.pooled(x)) }); // [batch, labels]
}
