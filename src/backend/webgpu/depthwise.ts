import * as tf from "@tensorflow/tfjs";
import { type Axis, convolution } from "../convolution.js";
import { runProgram, vectorWidth, webgpuKernel } from "./kernel.js";
import { sumLeading } from "./sum.js";

/** Threads that keep a large GPU busy, and terms that one adds up at least. */
const enoughThreads = 1 << 16;
const fewestTerms = 32;

/**
 * The gradient of a depthwise convolution by its filter [height, width, channels, multiplier]. Its sums are long and few:
 * the backend's own kernel gives each to one thread, here many share it.
 */
export const depthwiseBackpropFilter = webgpuKernel(
  "DepthwiseConv2dNativeBackpropFilter",
  (
    { x, dy }: { x: tf.Tensor4D; dy: tf.Tensor4D },
    attributes: tf.DepthwiseConv2dNativeBackpropFilterAttrs,
    backend,
  ) => {
    const { filterShape } = attributes;
    if (tf.util.sizeFromShape(filterShape) === 0 || dy.size === 0) return tf.zeros(filterShape);
    const { height, width } = convolution(x.shape, filterShape, attributes, true);
    const [, , channels, multiplier] = filterShape;
    const places = x.shape[0] * height.out * width.out;
    const sums = height.taps * width.taps * channels * multiplier;
    const parts = Math.max(1, Math.min(Math.ceil(places / fewestTerms), Math.ceil(enoughThreads / sums)));
    const partial = runProgram(backend, {
      name: "depthwiseBackpropFilter",
      inputs: { x: [x, 1], dy: [dy, 1] },
      outputShape: [parts, sums],
      outputComponents: 1,
      uniforms: {
        parts,
        sums,
        places,
        channels,
        multiplier,
        outHeight: height.out,
        outWidth: width.out,
        ...geometry(height, width),
      },
      workgroupSize: 64,
      code: () => `
        fn main(index: i32) {
          if (index >= uniforms.size) { return; }
          let outChannels = uniforms.channels * uniforms.multiplier;
          let outChannel = index % outChannels;
          let tap = index % uniforms.sums / outChannels;
          let top = tap / uniforms.tapsAcross * uniforms.dilationDown - uniforms.paddingTop;
          let left = tap % uniforms.tapsAcross * uniforms.dilationAcross - uniforms.paddingLeft;
          var sum = 0.0;
          for (var place = index / uniforms.sums; place < uniforms.places; place += uniforms.parts) {
            let row = place / uniforms.outWidth % uniforms.outHeight * uniforms.strideDown + top;
            let column = place % uniforms.outWidth * uniforms.strideAcross + left;
            if (row < 0 || row >= uniforms.xShape.y || column < 0 || column >= uniforms.xShape.z) { continue; }
            let image = place / uniforms.outWidth / uniforms.outHeight;
            sum += dy[place * outChannels + outChannel] * getX(image, row, column, outChannel / uniforms.multiplier);
          }
          result[index] = sum;
        }`,
    });
    return sumLeading(backend, partial, [parts, sums], 1).reshape(filterShape);
  },
);

/**
 * The gradient by the input: each input adds up the outputs that it meets. The backend's own kernel does the same, but
 * knows no dilation.
 */
export const depthwiseBackpropInput = webgpuKernel(
  "DepthwiseConv2dNativeBackpropInput",
  (
    { dy, filter }: { dy: tf.Tensor4D; filter: tf.Tensor4D },
    attributes: tf.DepthwiseConv2dNativeBackpropInputAttrs,
    backend,
  ) => {
    const { inputShape } = attributes;
    if (tf.util.sizeFromShape(inputShape) === 0 || dy.size === 0) return tf.zeros(inputShape);
    const { height, width } = convolution(inputShape, filter.shape, attributes, true);
    const multiplier = filter.shape[3];
    const components = multiplier === 1 ? vectorWidth(inputShape[3]) : 1;
    return runProgram(backend, {
      name: "depthwiseBackpropInput",
      inputs: { dy: [dy, components], weights: [filter, components] },
      outputShape: inputShape,
      outputComponents: components,
      uniforms: {
        multiplier,
        outChannels: (inputShape[3] * multiplier) / components,
        outHeight: height.out,
        outWidth: width.out,
        ...geometry(height, width),
      },
      workgroupSize: 64,
      code: () => `
        // The output that a tap takes this place to, or -1.
        fn outputAt(place: i32, stride: i32, outputs: i32) -> i32 {
          return select(-1, place / stride, place >= 0 && place % stride == 0 && place / stride < outputs);
        }
        fn main(index: i32) {
          if (index >= uniforms.size) { return; }
          let channels = uniforms.outChannels / uniforms.multiplier;
          let outChannel = index % channels * uniforms.multiplier;
          let place = index / channels;
          let column = place % uniforms.outShape.z + uniforms.paddingLeft;
          let row = place / uniforms.outShape.z % uniforms.outShape.y + uniforms.paddingTop;
          let image = place / uniforms.outShape.z / uniforms.outShape.y;
          var sum = ${components === 4 ? "vec4<f32>(0.0)" : "0.0"};
          for (var i = 0; i < uniforms.tapsDown; i++) {
            let y = outputAt(row - i * uniforms.dilationDown, uniforms.strideDown, uniforms.outHeight);
            if (y < 0) { continue; }
            for (var j = 0; j < uniforms.tapsAcross; j++) {
              let x = outputAt(column - j * uniforms.dilationAcross, uniforms.strideAcross, uniforms.outWidth);
              if (x < 0) { continue; }
              let output = ((image * uniforms.outHeight + y) * uniforms.outWidth + x) * uniforms.outChannels + outChannel;
              let tap = (i * uniforms.tapsAcross + j) * uniforms.outChannels + outChannel;
              for (var k = 0; k < uniforms.multiplier; k++) { sum += dy[output + k] * weights[tap + k]; }
            }
          }
          result[index] = sum;
        }`,
    });
  },
);

function geometry(height: Axis, width: Axis) {
  return {
    tapsDown: height.taps,
    tapsAcross: width.taps,
    strideDown: height.stride,
    strideAcross: width.stride,
    dilationDown: height.dilation,
    dilationAcross: width.dilation,
    paddingTop: height.padding,
    paddingLeft: width.padding,
  };
}
