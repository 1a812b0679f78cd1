import * as tf from "@tensorflow/tfjs";
import { convolution } from "../wasm/convolution.js";
import { runProgram, webgpuKernel } from "./kernel.js";
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
        tapsAcross: width.taps,
        strideDown: height.stride,
        strideAcross: width.stride,
        dilationDown: height.dilation,
        dilationAcross: width.dilation,
        paddingTop: height.padding,
        paddingLeft: width.padding,
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
