import * as tf from "@tensorflow/tfjs";
import { type Axis, convolution, onGrid, placed, shiftGrid, sumOverImages } from "../convolution.js";
import { wasmKernel } from "./kernel.js";

/** The gradient of a depthwise convolution by its filter [height, width, channels, multiplier]. */
export const depthwiseBackpropFilter = wasmKernel(
  "DepthwiseConv2dNativeBackpropFilter",
  (
    { x, dy }: { x: tf.Tensor4D; dy: tf.Tensor4D },
    attributes: tf.DepthwiseConv2dNativeBackpropFilterAttrs,
  ) => {
    const { filterShape } = attributes;
    const axes = convolution(x.shape, filterShape, attributes, true);
    const [, , channels, multiplier] = filterShape;
    return sumOverImages(x, dy, (x, dy) => {
      const { values, length, starts } = shiftGrid(x, axes);
      const outputs = onGrid(dy, axes).transpose().reshape([channels, multiplier, length]);
      const taps = starts.map((from) =>
        tf.tidy(() => {
          const shifted = values.slice(from, channels * length).reshape([channels, 1, length]);
          return shifted.mul(outputs).sum(2);
        }),
      );
      return tf.stack(taps).reshape(filterShape);
    });
  },
);

/** The gradient of a depthwise convolution by its input: `dy` convolved with the flipped filter, channel by channel. */
export const depthwiseBackpropInput = wasmKernel(
  "DepthwiseConv2dNativeBackpropInput",
  (
    { dy, filter }: { dy: tf.Tensor4D; filter: tf.Tensor4D },
    attributes: tf.DepthwiseConv2dNativeBackpropInputAttrs,
  ) => {
    const { inputShape } = attributes;
    const { height, width } = convolution(inputShape, filter.shape, attributes, true);
    const [tapsDown, tapsAcross, channels, multiplier] = filter.shape;
    const spread = spreadOut(dy, height.stride, width.stride);
    const rows = surroundings(height, spread.shape[1]);
    const columns = surroundings(width, spread.shape[2]);
    const { seen, padding } = placed(spread, rows, columns);
    if (seen === undefined) return tf.zeros(inputShape);
    const flipped = filter
      .reverse([0, 1])
      .reshape<tf.Tensor4D>([tapsDown, tapsAcross, channels * multiplier, 1]);
    const dilations: [number, number] = [height.dilation, width.dilation];
    const dx = tf.depthwiseConv2d(seen, flipped, 1, padding, "NHWC", dilations);
    return multiplier === 1 ? dx : dx.reshape([-1, channels, multiplier]).sum(2).reshape(inputShape);
  },
);

/** `dy` as the output of a convolution with stride 1: zeros where the stride left outputs out. */
function spreadOut(dy: tf.Tensor4D, strideDown: number, strideAcross: number): tf.Tensor4D {
  const [images, rows, columns, channels] = dy.shape;
  return dy
    .reshape<tf.Tensor4D>([images * rows, 1, columns, channels])
    .pad([
      [0, 0],
      [0, strideDown - 1],
      [0, 0],
      [0, (strideAcross - 1) * channels],
    ])
    .reshape([images, rows * strideDown, columns * strideAcross, channels]);
}

/** The zeros before and after `outputs` rows or columns of `dy` that its full convolution needs. */
function surroundings({ size, taps, dilation, padding }: Axis, outputs: number): [number, number] {
  const before = (taps - 1) * dilation - padding;
  return [before, size + padding - outputs];
}
