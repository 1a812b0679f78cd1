import * as tf from "@tensorflow/tfjs";
import { hash32 } from "../base/random.js";
import type { BuildOptions } from "./definition.js";
import { Convolution2d, type Convolution2dConfig, TimeConvolution } from "./layers/convolution.js";
import { Dropout } from "./layers/dropout.js";
import { BatchNormalization } from "./layers/normalization.js";

/** What the files with models have in common. */
export function apply(
  layer: tf.layers.Layer,
  input: tf.SymbolicTensor | tf.SymbolicTensor[],
): tf.SymbolicTensor {
  return layer.apply(input) as tf.SymbolicTensor;
}

/**
 * PyTorch's initial weights of convolutions and dense layers, with which most of the papers' models were trained: uniform
 * up to the inverse root of how many inputs a unit sees. Drawn by the seed and the layer's name.
 */
export function uniformByFanIn(fanIn: number, seed: number, layer: string) {
  const most = 1 / Math.sqrt(fanIn);
  return tf.initializers.randomUniform({ minval: -most, maxval: most, seed: hash32(`${seed}|${layer}`) });
}

type ConvolutionOptions = Partial<
  Pick<Convolution2dConfig, "strides" | "padding" | "useBias" | "kernelInitializer">
>;

/**
 * The layers that papers' models are made of, each a step from tensor to tensor `[batch, height, width, channels]`. One is
 * made for each model: names give the weights their place in a file, and with the seed their initial values.
 */
export function layerMaker({ seed }: Pick<BuildOptions, "seed">) {
  const initializer = (name: string, fanIn: number) => uniformByFanIn(fanIn, seed, name);

  /** Padding is "same", and there is no bias, where nothing else is said. */
  const convolution = (
    name: string,
    filters: number,
    kernelSize: [number, number],
    x: tf.SymbolicTensor,
    options: ConvolutionOptions = {},
  ) => {
    const kernelInitializer = initializer(name, kernelSize[0] * kernelSize[1] * x.shape[3]!);
    return apply(new Convolution2d({ name, filters, kernelSize, kernelInitializer, ...options }), x);
  };

  /** A convolution of each channel by itself. */
  const depthwise = (
    name: string,
    kernelSize: [number, number],
    x: tf.SymbolicTensor,
    { strides = [1, 1], padding = "same" }: Pick<ConvolutionOptions, "strides" | "padding"> = {},
  ) => {
    const depthwiseInitializer = initializer(name, kernelSize[0] * kernelSize[1]);
    const config = { name, kernelSize, strides, padding, useBias: false, depthwiseInitializer };
    return apply(tf.layers.depthwiseConv2d(config), x);
  };

  /** A depthwise convolution over `[batch, 1, frames, channels]` whose frames lie `dilation` apart. */
  const dilated = (name: string, kernelSize: number, dilation: number, x: tf.SymbolicTensor) => {
    const kernelInitializer = initializer(name, kernelSize);
    return apply(new TimeConvolution({ name, kernelSize, dilation, kernelInitializer }), x);
  };

  /** A 1 × 1 convolution: a dense layer on the channels of each place is the same product, and fast on every backend. */
  const pointwise = (name: string, units: number, x: tf.SymbolicTensor) => {
    const kernelInitializer = initializer(name, x.shape[3]!);
    return apply(tf.layers.dense({ name, units, useBias: false, kernelInitializer }), x);
  };

  const normalized = (name: string, x: tf.SymbolicTensor) => apply(new BatchNormalization({ name }), x);
  const relu = (name: string, x: tf.SymbolicTensor) => apply(tf.layers.reLU({ name }), x);
  const dropout = (name: string, rate: number, x: tf.SymbolicTensor) =>
    apply(new Dropout({ name, rate, seed }), x);

  /** `[batch, channels]` → `[batch, units]` */
  const logits = (units: number, x: tf.SymbolicTensor, useBias = true) => {
    const kernelInitializer = initializer("logits", x.shape[1]!);
    return apply(tf.layers.dense({ name: "logits", units, useBias, kernelInitializer }), x);
  };

  /** `[batch, height, width, channels]` → `[batch, channels]` */
  const pooled = (x: tf.SymbolicTensor) => apply(tf.layers.globalAveragePooling2d({ name: "pool" }), x);

  return {
    initializer,
    convolution,
    depthwise,
    dilated,
    pointwise,
    normalized,
    relu,
    dropout,
    pooled,
    logits,
  };
}

/** A picture `[batch, bands, frames, 1]` with the bands for channels of a signal in time: `[batch, 1, frames, bands]`. */
export function bandsAsChannels(picture: tf.SymbolicTensor): tf.SymbolicTensor {
  return apply(tf.layers.permute({ name: "bands_as_channels", dims: [3, 2, 1] }), picture);
}
