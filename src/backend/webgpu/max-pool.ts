import * as tf from "@tensorflow/tfjs";
import { runProgram, vectorWidth, webgpuKernel } from "./kernel.js";

/**
 * The gradient of max pooling: each output's gradient goes to the first largest input of its window, as on the other
 * backends; the backend's own takes the last, and behind a ReLU many are equal. An input looks for itself through the
 * windows that it lies in.
 */
export const maxPoolGrad = webgpuKernel(
  "MaxPoolGrad",
  (
    { dy, input }: { dy: tf.Tensor4D; input: tf.Tensor4D },
    { filterSize, strides, pad, dimRoundingMode }: tf.MaxPoolGradAttrs,
    backend,
  ) => {
    if (input.size === 0 || dy.size === 0) return tf.zeros(input.shape);
    const pool = tf.backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
    const components = vectorWidth(pool.inChannels);
    const [value, truth] = components === 4 ? ["vec4<f32>", "vec4<bool>"] : ["f32", "bool"];
    return runProgram(backend, {
      name: "maxPoolGrad",
      inputs: { x: [input, components], dy: [dy, components] },
      outputShape: input.shape,
      outputComponents: components,
      uniforms: {
        inHeight: pool.inHeight,
        inWidth: pool.inWidth,
        channels: pool.inChannels / components,
        outHeight: pool.outHeight,
        outWidth: pool.outWidth,
        poolHeight: pool.filterHeight,
        poolWidth: pool.filterWidth,
        strideDown: pool.strideHeight,
        strideAcross: pool.strideWidth,
        paddingTop: pool.padInfo.top,
        paddingLeft: pool.padInfo.left,
      },
      workgroupSize: 64,
      code: () => `
        fn main(index: i32) {
          if (index >= uniforms.size) { return; }
          let channel = index % uniforms.channels;
          let place = index / uniforms.channels;
          let column = place % uniforms.inWidth;
          let row = place / uniforms.inWidth % uniforms.inHeight;
          let image = place / uniforms.inWidth / uniforms.inHeight;
          let x0 = x[index];

          // The windows that hold this input: the last begins at or before it, the first ends behind it.
          let below = row + uniforms.paddingTop;
          let right = column + uniforms.paddingLeft;
          let firstDown = max(0, (below - uniforms.poolHeight + uniforms.strideDown) / uniforms.strideDown);
          let firstAcross = max(0, (right - uniforms.poolWidth + uniforms.strideAcross) / uniforms.strideAcross);
          let lastDown = min(uniforms.outHeight - 1, below / uniforms.strideDown);
          let lastAcross = min(uniforms.outWidth - 1, right / uniforms.strideAcross);

          var sum = ${value}(0.0);
          for (var i = firstDown; i <= lastDown; i++) {
            let top = i * uniforms.strideDown - uniforms.paddingTop;
            for (var j = firstAcross; j <= lastAcross; j++) {
              let left = j * uniforms.strideAcross - uniforms.paddingLeft;
              var largest = ${truth}(true);
              for (var r = max(0, top); r < min(uniforms.inHeight, top + uniforms.poolHeight); r++) {
                for (var c = max(0, left); c < min(uniforms.inWidth, left + uniforms.poolWidth); c++) {
                  let other = x[((image * uniforms.inHeight + r) * uniforms.inWidth + c) * uniforms.channels + channel];
                  let before = r < row || (r == row && c < column);
                  largest = largest & select(other <= x0, other < x0, before);
                }
              }
              let at = ((image * uniforms.outHeight + i) * uniforms.outWidth + j) * uniforms.channels + channel;
              sum += select(${value}(0.0), dy[at], largest);
            }
          }
          result[index] = sum;
        }`,
    });
  },
);
