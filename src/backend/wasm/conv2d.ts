import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import {
  type Axis,
  type Convolution,
  convolution,
  onGrid,
  placed,
  shiftGrid,
  sumOverImages,
} from "../convolution.js";
import { fastConvolution, fastFilterGradient, isFast } from "./fast-convolution.js";
import { floats, wasmKernel } from "./kernel.js";
import { multiply } from "./multiply.js";

/** A convolution by the backend's own kernel, where there is no faster way. */
export function conv2D(own: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel(
    "Conv2D",
    (inputs: { x: tf.Tensor4D; filter: tf.Tensor4D }, attributes: tf.Conv2DAttrs, backend) => {
      const { x, filter } = inputs;
      if (attributes.dataFormat === "NHWC") {
        const axes = convolution(x.shape, filter.shape, attributes, false);
        if (isFast(axes, x.shape[3], filter.shape[3])) return fastConvolution(backend, x, filter, axes);
      }
      return own.kernelFunc({ inputs, attrs: attributes as unknown as tf.NamedAttrMap, backend });
    },
  );
}

/**
 * The gradient of a convolution by its filter: a product a tap, of the shifted input with `dy`, where there is no faster
 * way.
 */
export const conv2DBackpropFilter = wasmKernel(
  "Conv2DBackpropFilter",
  (
    { x, dy }: { x: tf.Tensor4D; dy: tf.Tensor4D },
    attributes: tf.Conv2DBackpropFilterAttrs & Dilations,
    backend,
  ) => {
    const { filterShape } = attributes;
    const axes = convolution(x.shape, filterShape, attributes, false);
    if (isFast(axes, x.shape[3], dy.shape[3])) return fastFilterGradient(backend, x, dy, axes);
    return sumOverImages(x, dy, (x, dy) => filterGradient(backend, x, dy, axes));
  },
);

/**
 * The gradient of a convolution by its input, as a forward convolution of `dy` with the flipped filter. With a stride s
 * every s-th input meets the same taps: the phases become channels of that convolution, and are interleaved afterwards.
 */
export const conv2DBackpropInput = wasmKernel(
  "Conv2DBackpropInput",
  (
    { dy, filter }: { dy: tf.Tensor4D; filter: tf.Tensor4D },
    attributes: tf.Conv2DBackpropInputAttrs & Dilations,
    backend,
  ) => {
    const axes = convolution(attributes.inputShape, filter.shape, attributes, false);
    return inputGradient(backend, dy, filter, axes);
  },
);

interface Dilations {
  dilations?: number | [number, number];
}

function filterGradient(
  backend: BackendWasm,
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  axes: Convolution,
): tf.Tensor4D {
  const [ci, co] = [x.shape[3], dy.shape[3]];
  const { values, length, starts } = shiftGrid(x, axes);
  const out = tf.zeros<tf.Rank.R4>([axes.height.taps, axes.width.taps, ci, co]);
  const products = starts.map((from, tap) => ({
    left: { of: values, from, rows: ci, columns: length },
    out: { of: out, from: tap * ci * co, rows: ci, columns: co },
  }));
  multiply(backend, { of: onGrid(dy, axes), from: 0, rows: length, columns: co }, products);
  return out;
}

function inputGradient(
  backend: BackendWasm,
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  { height, width }: Convolution,
): tf.Tensor4D {
  const [images, ci] = [dy.shape[0], filter.shape[2]];
  const [rows, columns] = [phaseCells(height), phaseCells(width)];
  const inputShape: [number, number, number, number] = [images, height.size, width.size, ci];
  const { seen, padding } = placed(dy, [rows.before, rows.after], [columns.before, columns.after]);
  if (seen === undefined) return tf.zeros(inputShape);
  const flipped = flippedPhases(backend, filter, height.stride, width.stride);
  const dilations: [number, number] = [height.dilation, width.dilation];
  const phases = tf.conv2d(seen, flipped, 1, padding, "NHWC", dilations);
  const [, down, across] = phases.shape;
  return phases
    .reshape([images * down, across, height.stride, width.stride * ci])
    .transpose([0, 2, 1, 3])
    .reshape<tf.Tensor4D>([images, down * height.stride, across * width.stride, ci])
    .slice([0, rows.skip, columns.skip, 0], inputShape);
}

/**
 * Which cells of one stride the inputs fall in, counted with the padding, from the first input's to the last's, and what
 * of `dy` they see: zeros to add `before` and `after` it, or where negative, outputs that meet no input. `skip` are the
 * places before the first input in its cell.
 */
function phaseCells({ size, out, taps, stride, dilation, padding }: Axis) {
  const first = Math.floor(padding / stride);
  const last = Math.floor((padding + size - 1) / stride);
  const reach = (Math.ceil(taps / stride) - 1) * dilation;
  return { before: reach - first, after: last - (out - 1), skip: padding - first * stride };
}

/**
 * A filter [height, width, ci, co] as the one that convolves `dy`: [height / stride, width / stride, co, strides · ci],
 * flipped, and zero where the stride does not divide the taps.
 */
function flippedPhases(
  backend: BackendWasm,
  filter: tf.Tensor4D,
  strideDown: number,
  strideAcross: number,
): tf.Tensor4D {
  const [tapsDown, tapsAcross, ci, co] = filter.shape;
  const [down, across] = [Math.ceil(tapsDown / strideDown), Math.ceil(tapsAcross / strideAcross)];
  const channels = strideDown * strideAcross * ci;
  const flipped = tf.zeros<tf.Rank.R4>([down, across, co, channels]);
  const [source, target] = [floats(backend, filter), floats(backend, flipped)];
  for (let i = 0; i < tapsDown; i++) {
    for (let j = 0; j < tapsAcross; j++) {
      const [m, n] = [Math.floor(i / strideDown), Math.floor(j / strideAcross)];
      const phase = (i % strideDown) * strideAcross + (j % strideAcross);
      const from = (i * tapsAcross + j) * ci * co;
      const to = ((down - 1 - m) * across + (across - 1 - n)) * co * channels + phase * ci;
      for (let o = 0; o < co; o++)
        for (let c = 0; c < ci; c++) target[to + o * channels + c] = source[from + c * co + o]!;
    }
  }
  return flipped;
}
