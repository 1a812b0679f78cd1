import * as tf from "@tensorflow/tfjs";

/**
 * One axis, height or width, of a convolution: output o and tap k meet input o · stride + k · dilation - padding.
 * One-dimensional convolutions have height 1.
 */
export interface Axis {
  size: number;
  out: number;
  taps: number;
  stride: number;
  dilation: number;
  /** Zeros before the first input; how many stand behind the last follows from `out`. */
  padding: number;
}

export interface Convolution {
  height: Axis;
  width: Axis;
}

/** The axes of a convolution of [batch, height, width, channels] by a filter [height, width, …]. */
export function convolution(
  inputShape: [number, number, number, number],
  filterShape: [number, number, number, number],
  options: {
    strides: number | [number, number];
    /** Our addition for `Conv2D`: TensorFlow.js itself never differentiates a dilated convolution. */
    dilations?: number | [number, number];
    pad: "same" | "valid" | number | tf.backend_util.ExplicitPadding;
    dimRoundingMode?: "floor" | "round" | "ceil";
    dataFormat?: "NHWC" | "NCHW";
  },
  depthwise: boolean,
): Convolution {
  const { strides, dilations = 1, pad, dimRoundingMode: rounding, dataFormat = "NHWC" } = options;
  if (dataFormat !== "NHWC") throw new Error(`the wasm backend convolves NHWC tensors, not ${dataFormat}`);
  const info = tf.backend_util.computeConv2DInfo(
    inputShape,
    filterShape,
    strides,
    dilations,
    pad,
    rounding,
    depthwise,
  );
  return {
    height: {
      size: info.inHeight,
      out: info.outHeight,
      taps: info.filterHeight,
      stride: info.strideHeight,
      dilation: info.dilationHeight,
      padding: info.padInfo.top,
    },
    width: {
      size: info.inWidth,
      out: info.outWidth,
      taps: info.filterWidth,
      stride: info.strideWidth,
      dilation: info.dilationWidth,
      padding: info.padInfo.left,
    },
  };
}

/**
 * A convolution's input laid out so that a tap is a shift: channel by channel, every image on one grid of cells, row
 * behind row, with enough zeros between rows and between images that what a shift carries over an edge is zero. A tap of
 * channel c is then `length` values in one piece, in step with the output on the same grid (`onGrid`). With a stride s
 * a cell holds s inputs an axis, and each of those phases is a block of channels of its own.
 */
export interface ShiftGrid {
  /** The values, flat: [phases, channels, length], and behind them zeros for the largest shift. */
  values: tf.Tensor1D;
  /** Cells of all images together. */
  length: number;
  /** Where in `values` the first channel of each tap begins, taps in the filter's order. */
  starts: number[];
}

export function shiftGrid(x: tf.Tensor4D, { height, width }: Convolution): ShiftGrid {
  const [images, , , channels] = x.shape;
  const [rows, columns] = [cells(height), cells(width)];
  const length = images * rows * columns;
  const values = x
    .pad([[0, 0], around(height), around(width), [0, 0]])
    .reshape([images * rows, height.stride, columns, width.stride * channels])
    .transpose([1, 3, 0, 2])
    .flatten()
    .pad([[0, reach(height) * columns + reach(width)]]) as tf.Tensor1D;
  const starts: number[] = [];
  for (let i = 0; i < height.taps; i++) {
    for (let j = 0; j < width.taps; j++) {
      const [down, right] = [i * height.dilation, j * width.dilation];
      const phase = (down % height.stride) * width.stride + (right % width.stride);
      const shift = Math.floor(down / height.stride) * columns + Math.floor(right / width.stride);
      starts.push(phase * channels * length + shift);
    }
  }
  return { values, length, starts };
}

/** The output [images, height, width, channels] on the grid of the input, zero elsewhere: [length, channels]. */
export function onGrid(dy: tf.Tensor4D, { height, width }: Convolution): tf.Tensor2D {
  const padded = dy.pad([
    [0, 0],
    [0, cells(height) - height.out],
    [0, cells(width) - width.out],
    [0, 0],
  ]);
  return padded.reshape([-1, dy.shape[3]]);
}

/** How many cells the last tap lies behind the first. */
function reach({ taps, dilation, stride }: Axis): number {
  return Math.floor(((taps - 1) * dilation) / stride);
}

// A shift past the end of a row (or image) comes to the beginning of the next: the zeros before that one's first input
// count as padding behind this one's last.
function cells(axis: Axis): number {
  const zeroCells = Math.floor(axis.padding / axis.stride);
  const occupied = Math.ceil((axis.padding + axis.size) / axis.stride);
  return Math.max(occupied, axis.out, axis.out + reach(axis) - zeroCells);
}

function around(axis: Axis): [number, number] {
  return [axis.padding, cells(axis) * axis.stride - axis.padding - axis.size];
}

/** A filter's gradient, summed over groups of images: that bounds the memory, and the caches hold a group. */
export function sumOverImages(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  gradient: (x: tf.Tensor4D, dy: tf.Tensor4D) => tf.Tensor4D,
): tf.Tensor4D {
  const images = x.shape[0];
  const group = Math.max(1, Math.floor((largestGroup * images) / Math.max(x.size, dy.size)));
  if (images <= group) return gradient(x, dy);
  const take = (all: tf.Tensor4D, from: number) =>
    all.slice([from, 0, 0, 0], [Math.min(group, images - from), -1, -1, -1]);
  let sum = tf.tidy(() => gradient(take(x, 0), take(dy, 0)));
  for (let from = group; from < images; from += group) {
    const last = sum;
    sum = tf.tidy(() => last.add(gradient(take(x, from), take(dy, from))));
    last.dispose();
  }
  return sum;
}

// In numbers of the larger of a group's two tensors.
const largestGroup = 1 << 20;

/** `dy` with zeros around it, as the padding of a convolution; a negative count takes rows or columns away. */
export function placed(
  dy: tf.Tensor4D,
  rows: [number, number],
  columns: [number, number],
): { seen: tf.Tensor4D | undefined; padding: tf.backend_util.ExplicitPadding } {
  const zeros = ([before, after]: [number, number]): [number, number] => [
    Math.max(0, before),
    Math.max(0, after),
  ];
  const padding: tf.backend_util.ExplicitPadding = [[0, 0], zeros(rows), zeros(columns), [0, 0]];
  const [images, height, width, channels] = dy.shape;
  const kept = (size: number, [before, after]: [number, number]) =>
    size + Math.min(0, before) + Math.min(0, after);
  const shape: [number, number, number, number] = [
    images,
    kept(height, rows),
    kept(width, columns),
    channels,
  ];
  if (shape[1] <= 0 || shape[2] <= 0) return { seen: undefined, padding };
  return { seen: dy.slice([0, Math.max(0, -rows[0]), Math.max(0, -columns[0]), 0], shape), padding };
}
