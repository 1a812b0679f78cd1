import * as tf from "@tensorflow/tfjs";
import { apply, layerMaker } from "../build.js";
import { type BuildOptions, type ModelDefinition, scaleChannels } from "../definition.js";
import { frontEnd } from "../front-ends/front-end.js";

// Over frequency and time, each with a stride over both.
const planes = [
  { channels: 16, stride: [2, 1] },
  { channels: 32, stride: [2, 2] },
  { channels: 48, stride: [2, 1] },
] as const;
// Over time alone.
const channels = 80;
const blocks = 4;
const kernel = 9; // frames
const dropoutRate = 0.2;

/**
 * A residual network on a filter bank that is learned from the raw waveform. Pairs of filters begin as Gabor filters on the
 * mel scale (Zeghidour et al., "Learning filterbanks from raw speech for phone recognition", 2018) and are free from then
 * on; the logarithm of their power makes a picture. On it come three convolutions over frequency and time, then four
 * residual blocks of two depthwise separable convolutions over time (as in Kriman et al., "QuartzNet", 2020), and the mean
 * over time. The plan is this project's own: it has no reference implementation.
 */
export const gaborResnet: ModelDefinition = {
  name: "gabor-resnet",
  frontEnds: ["gabor"],
  summary:
    "a filter bank learned from the waveform, begun as Gabor filters, and a separable residual network",
  build: buildGaborResnet,
};

function buildGaborResnet(options: BuildOptions): tf.LayersModel {
  const { clipLength, labelCount, width } = options;
  const make = layerMaker(options);
  const scaled = (channels: number) => scaleChannels(channels, width);

  const waveform = tf.input({ shape: [clipLength], name: "waveform" }); // [batch, samples]
  let x = frontEnd(waveform, options, "gabor"); // [batch, 40, frames, 1]
  for (const [index, plane] of planes.entries()) {
    const name = `plane${index + 1}`;
    const strides: [number, number] = [...plane.stride];
    if (index === 0) x = make.convolution(name, scaled(plane.channels), [5, 5], x, { strides });
    else {
      x = make.normalized(
        `${name}_depthwise_norm`,
        make.depthwise(`${name}_depthwise`, [3, 3], x, { strides }),
      );
      x = make.pointwise(name, scaled(plane.channels), x);
    }
    x = make.relu(`${name}_relu`, make.normalized(`${name}_norm`, x));
  } // [batch, 5, frames / 2, channels]

  const [, height, frames, depth] = x.shape as [null, number, number, number];
  x = apply(tf.layers.permute({ name: "frames_first", dims: [2, 1, 3] }), x);
  x = apply(tf.layers.reshape({ name: "columns", targetShape: [1, frames, height * depth] }), x);
  x = make.pointwise("join", scaled(channels), x); // [batch, 1, frames, channels]
  x = make.relu("join_relu", make.normalized("join_norm", x));
  for (let block = 1; block <= blocks; block++) {
    const input = x;
    for (const part of ["a", "b"]) {
      const name = `block${block}${part}`;
      x = make.depthwise(`${name}_depthwise`, [1, kernel], x);
      x = make.normalized(`${name}_norm`, make.pointwise(name, scaled(channels), x));
      if (part === "b") x = apply(tf.layers.add({ name: `${name}_add` }), [x, input]);
      x = make.relu(`${name}_relu`, x);
    }
  }
  x = make.dropout("dropout", dropoutRate, make.pooled(x)); // [batch, channels]
  return tf.model({ name: gaborResnet.name, inputs: waveform, outputs: make.logits(labelCount, x) });
}
