import * as tf from "@tensorflow/tfjs";
import { floats, wasmKernel } from "./kernel.js";

/**
 * The gradient of max pooling: each output's gradient goes to the first largest input of its window. A plain loop in
 * JavaScript; the backend's own, which looks up every window for every input, takes ten times as long.
 */
export const maxPoolGrad = wasmKernel(
  "MaxPoolGrad",
  (
    { dy, input }: { dy: tf.Tensor4D; input: tf.Tensor4D },
    { filterSize, strides, pad, dimRoundingMode }: tf.MaxPoolGradAttrs,
    backend,
  ) => {
    const pool = tf.backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
    const dx = backend.makeOutput(input.shape, "float32");
    scatter(floats(backend, input), floats(backend, dy), floats(backend, dx).fill(0), pool);
    return dx;
  },
);

function scatter(
  x: Float32Array,
  dy: Float32Array,
  dx: Float32Array,
  pool: tf.backend_util.Conv2DInfo,
): void {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, strideHeight, strideWidth } = pool;
  let at = 0;
  for (let image = 0; image < batchSize; image++) {
    for (let row = 0; row < outHeight; row++) {
      const top = row * strideHeight - pool.padInfo.top;
      const rowFrom = Math.max(0, top);
      const rowTo = Math.min(inHeight, top + pool.filterHeight);
      for (let column = 0; column < outWidth; column++) {
        const left = column * strideWidth - pool.padInfo.left;
        const columnFrom = Math.max(0, left);
        const columnTo = Math.min(inWidth, left + pool.filterWidth);
        for (let channel = 0; channel < inChannels; channel++, at++) {
          let largest = Number.NEGATIVE_INFINITY;
          let where = -1;
          for (let r = rowFrom; r < rowTo; r++) {
            const rowStart = ((image * inHeight + r) * inWidth + columnFrom) * inChannels + channel;
            const rowEnd = rowStart + (columnTo - columnFrom) * inChannels;
            for (let i = rowStart; i < rowEnd; i += inChannels) {
              const value = x[i]!;
              if (value > largest) {
                largest = value;
                where = i;
              }
            }
          }
          if (where >= 0) dx[where]! += dy[at]!;
        }
      }
    }
  }
}
