import * as tf from "@tensorflow/tfjs";
import { apply, layerMaker } from "../build.js";
import { type BuildOptions, type ModelDefinition, scaleChannels } from "../definition.js";
import { Pieces } from "../layers/pieces.js";

// The first convolution: 80 samples (10 ms at the paper's 8 kHz), every fourth.
const firstKernel = 80;
const stride = 4;
const kernel = 3;
const channels = [128, 128, 256, 512];
const poolSize = 4;

/**
 * M5: four convolutions on the raw waveform, each with batch normalisation, ReLU and max-pooling, and the mean over time
 * (Dai, Dai, Qu, Li and Das, "Very deep convolutional neural networks for raw waveforms", ICASSP 2017,
 * arXiv:1610.00087).
 *
 * At the paper's ten labels it has 558,090 trainable parameters: those of the Keras code of
 * philipperemy/very-deep-convnets-raw-waveforms (559,114; the paper says 0.5M) without the convolutions' 1,024 biases, which
 * batch normalisation takes away again.
 */
export const m5: ModelDefinition = {
  name: "m5",
  frontEnds: ["raw"],
  summary: "four strided or pooled convolutions on the raw waveform and a mean over time",
  build: buildM5,
};

function buildM5(options: BuildOptions): tf.LayersModel {
  const { clipLength, labelCount, width } = options;
  const make = layerMaker(options);
  const waveform = tf.input({ shape: [clipLength], name: "waveform" }); // [batch, samples]
  // As many as the pools divide without a rest.
  const multiple = poolSize ** channels.length;
  let x = apply(new Pieces({ name: "pieces", length: stride, multiple }), waveform); // [batch, 1, pieces, stride]
  for (const [index, count] of channels.entries()) {
    const name = `conv${index + 1}`;
    const length = index === 0 ? firstKernel / stride : kernel;
    x = make.convolution(name, scaleChannels(count, width), [1, length], x);
    x = make.relu(`${name}_relu`, make.normalized(`${name}_norm`, x));
    x = apply(tf.layers.maxPooling2d({ name: `${name}_pool`, poolSize: [1, poolSize] }), x);
  }
  return tf.model({ name: m5.name, inputs: waveform, outputs: make.logits(labelCount, make.pooled(x)) });
}
