import * as tf from "@tensorflow/tfjs";
import { type Axis, convolution } from "../convolution.js";
import { vectorWidth, webgpuKernel } from "./kernel.js";
import { multiply, readAlong } from "./product.js";

/*
 * Convolutions and their gradients as matrix products (`multiply`) that read the tensors where they lie. The backend's
 * own gradients give each element of the filter or the input one thread that loops over all it meets.
 *
 * In the WGSL, `place` is what a row of the left operand needs: an image, row and column, or a channel. Where the channels
 * come in fours, four values on are one element of the buffer; else they are read one by one.
 */

interface Dilations {
  dilations?: number | [number, number];
}

/** Left: a row for each output place, a column for each tap and input channel. Right: the filter. */
export const conv2D = webgpuKernel(
  "Conv2D",
  ({ x, filter }: { x: tf.Tensor4D; filter: tf.Tensor4D }, attributes: tf.Conv2DAttrs, backend) => {
    if (!isSupported(attributes, x, filter)) return undefined;
    const { height, width } = convolution(x.shape, filter.shape, attributes, false);
    const [, , inChannels, outChannels] = filter.shape;
    const shape: tf.Tensor4D["shape"] = [x.shape[0], height.out, width.out, outChannels];
    if (tf.util.sizeFromShape(shape) === 0) return tf.zeros(shape);
    const vectors = vectorWidth(inChannels) === 4;
    const product = multiply(backend, {
      name: "conv2D",
      constants: { ...constants(height, width), inChannels },
      inputs: { x: [x, vectorWidth(inChannels)], weights: [filter, vectorWidth(outChannels)] },
      uniforms: uniforms(height, width),
      rows: x.shape[0] * height.out * width.out,
      inner: height.taps * width.taps * inChannels,
      columns: outChannels,
      leftAlong: "inner",
      code: `
        fn leftPlace(row: i32) -> vec4<i32> {
          let places = uniforms.outHeight * uniforms.outWidth;
          let image = select(-1, row / places, row < uniforms.rows);
          let place = row % places;
          let top = place / uniforms.outWidth * strideDown - uniforms.paddingTop;
          let left = place % uniforms.outWidth * strideAcross - uniforms.paddingLeft;
          return vec4<i32>(image, top, left, 0);
        }
        fn readOne(place: vec4<i32>, inner: i32) -> ${vectors ? "vec4<f32>" : "f32"} {
          let tap = inner / inChannels;
          let row = place.y + tap / tapsAcross * dilationDown;
          let column = place.z + tap % tapsAcross * dilationAcross;
          ${readImage("x", vectors, "place.x", "inChannels", "inner % inChannels", "inner < uniforms.inner")}
        }
        ${vectors ? readVector : readFourInner}
        ${readRight("weights", "inner", outChannels)}`,
    });
    return product.reshape(shape);
  },
);

/** Left: a row for each tap and input channel, a column for each output place. Right: `dy`. */
export const conv2DBackpropFilter = webgpuKernel(
  "Conv2DBackpropFilter",
  (
    { x, dy }: { x: tf.Tensor4D; dy: tf.Tensor4D },
    attributes: tf.Conv2DBackpropFilterAttrs & Dilations,
    backend,
  ) => {
    if (!isSupported(attributes, x, dy)) return undefined;
    const { filterShape } = attributes;
    const { height, width } = convolution(x.shape, filterShape, attributes, false);
    const [, , inChannels, outChannels] = filterShape;
    if (tf.util.sizeFromShape(filterShape) === 0 || dy.size === 0) return tf.zeros(filterShape);
    const vectors = vectorWidth(inChannels) === 4;
    const product = multiply(backend, {
      name: "conv2DBackpropFilter",
      // The sizes are constants too: here every step along the sum divides by them.
      constants: { ...constants(height, width), inChannels, outHeight: height.out, outWidth: width.out },
      inputs: { x: [x, vectorWidth(inChannels)], dy: [dy, vectorWidth(outChannels)] },
      uniforms: uniforms(height, width),
      rows: height.taps * width.taps * inChannels,
      inner: x.shape[0] * height.out * width.out,
      columns: outChannels,
      leftAlong: "rows",
      code: `
        fn leftPlace(row: i32) -> vec4<i32> {
          let channel = select(-1, row % inChannels, row < uniforms.rows);
          let tap = row / inChannels;
          let top = tap / tapsAcross * dilationDown - uniforms.paddingTop;
          let left = tap % tapsAcross * dilationAcross - uniforms.paddingLeft;
          return vec4<i32>(channel, top, left, row);
        }
        fn readOne(place: vec4<i32>, inner: i32) -> ${vectors ? "vec4<f32>" : "f32"} {
          let image = inner / (outHeight * outWidth);
          let at = inner % (outHeight * outWidth);
          let row = at / outWidth * strideDown + place.y;
          let column = at % outWidth * strideAcross + place.z;
          ${readImage("x", vectors, "image", "inChannels", "place.x", "place.x >= 0")}
        }
        ${vectors ? readVector : readFourRows}
        ${readRight("dy", "inner", outChannels)}`,
    });
    return product.reshape(filterShape);
  },
);

/**
 * Left: a row for each input place, a column for each tap and output channel. Right: the filter, input channels last.
 * With a stride s every s-th place meets the same taps: each of those phases is a product of its own.
 */
export const conv2DBackpropInput = webgpuKernel(
  "Conv2DBackpropInput",
  (
    { dy, filter }: { dy: tf.Tensor4D; filter: tf.Tensor4D },
    attributes: tf.Conv2DBackpropInputAttrs & Dilations,
    backend,
  ) => {
    if (!isSupported(attributes, dy, filter)) return undefined;
    const { inputShape } = attributes;
    const { height, width } = convolution(inputShape, filter.shape, attributes, false);
    const [, , inChannels, outChannels] = filter.shape;
    const [images] = inputShape;
    if (tf.util.sizeFromShape(inputShape) === 0 || dy.size === 0) return tf.zeros(inputShape);
    const [down, across] = [phases(height), phases(width)];
    const vectors = vectorWidth(outChannels) === 4;
    const product = multiply(backend, {
      name: "conv2DBackpropInput",
      constants: {
        ...constants(height, width),
        outChannels,
        firstDown: down.first,
        firstAcross: across.first,
        stepDown: down.step,
        stepAcross: across.step,
        metAcross: across.met,
        shiftDown: down.shift,
        shiftAcross: across.shift,
      },
      inputs: {
        dy: [dy, vectorWidth(outChannels)],
        weights: [filter.transpose([0, 1, 3, 2]), vectorWidth(inChannels)],
      },
      uniforms: { ...uniforms(height, width), phaseHeight: down.places, phaseWidth: across.places },
      rows: images * down.places * across.places,
      inner: down.met * across.met * outChannels,
      columns: inChannels,
      products: height.stride * width.stride,
      leftAlong: "inner",
      code: `
        fn leftPlace(row: i32) -> vec4<i32> {
          let places = uniforms.phaseHeight * uniforms.phaseWidth;
          let image = select(-1, row / places, row < uniforms.rows);
          let place = row % places;
          let phaseDown = product / strideAcross;
          let phaseAcross = product % strideAcross;
          let y = place / uniforms.phaseWidth * strideDown + phaseDown + uniforms.paddingTop;
          let x = place % uniforms.phaseWidth * strideAcross + phaseAcross + uniforms.paddingLeft;
          let bottom = (y - firstDown[phaseDown] * dilationDown) / strideDown;
          let right = (x - firstAcross[phaseAcross] * dilationAcross) / strideAcross;
          return vec4<i32>(image, bottom, right, 0);
        }
        // The number of the tap in the filter, or -1 where this phase meets fewer than others.
        fn tapAt(met: i32) -> i32 {
          let tapDown = firstDown[product / strideAcross] + met / metAcross * stepDown;
          let tapAcross = firstAcross[product % strideAcross] + met % metAcross * stepAcross;
          return select(-1, tapDown * tapsAcross + tapAcross, tapDown < tapsDown && tapAcross < tapsAcross);
        }
        fn readOne(place: vec4<i32>, inner: i32) -> ${vectors ? "vec4<f32>" : "f32"} {
          let met = inner / outChannels;
          let row = place.y - met / metAcross * shiftDown;
          let column = place.z - met % metAcross * shiftAcross;
          ${readImage("dy", vectors, "place.x", "outChannels", "inner % outChannels", "inner < uniforms.inner && tapAt(met) >= 0")}
        }
        ${vectors ? readVector : readFourInner}
        ${readRight("weights", "tapAt(inner / outChannels) * outChannels + inner % outChannels", inChannels)}`,
    });
    if (height.stride === 1 && width.stride === 1) return product.reshape(inputShape);
    return product
      .reshape([height.stride, width.stride, images, down.places, across.places, inChannels])
      .transpose([2, 3, 0, 4, 1, 5])
      .reshape<tf.Tensor4D>([images, down.places * height.stride, across.places * width.stride, inChannels])
      .slice([0, 0, 0, 0], inputShape);
  },
);

function isSupported(attributes: { dataFormat?: "NHWC" | "NCHW" }, a: tf.Tensor, b: tf.Tensor): boolean {
  return attributes.dataFormat !== "NCHW" && a.dtype === "float32" && b.dtype === "float32";
}

function constants(height: Axis, width: Axis) {
  return {
    tapsDown: height.taps,
    tapsAcross: width.taps,
    strideDown: height.stride,
    strideAcross: width.stride,
    dilationDown: height.dilation,
    dilationAcross: width.dilation,
  };
}

function uniforms(height: Axis, width: Axis) {
  return {
    outHeight: height.out,
    outWidth: width.out,
    paddingTop: height.padding,
    paddingLeft: width.padding,
  };
}

/**
 * Which taps the inputs of each phase meet, input i being of phase i mod stride: `first`, and every `step`-th on from
 * it, at most `met` of them; each next one meets the output `shift` before. A phase may meet none: `first` is then behind
 * the last tap. A phase has at most `places` inputs.
 */
function phases({ size, taps, stride, dilation, padding }: Axis) {
  const first = Array.from({ length: stride }, (_, phase) => {
    for (let tap = 0; tap < taps; tap++) if ((phase + padding - tap * dilation) % stride === 0) return tap;
    return taps;
  });
  const step = stride / greatestCommonDivisor(stride, dilation);
  return {
    first,
    step,
    met: Math.max(1, Math.ceil((taps - Math.min(...first)) / step)),
    shift: (step * dilation) / stride,
    places: Math.ceil(size / stride),
  };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** WGSL that returns the value, or four, of an image at `row` and `column`: zero outside of it, or unless `condition`. */
function readImage(
  buffer: string,
  vectors: boolean,
  image: string,
  channels: string,
  channel: string,
  condition: string,
): string {
  const zero = vectors ? "vec4<f32>(0.0)" : "0.0";
  return `
          let shape = uniforms.${buffer}Shape;
          if (!(${condition}) || ${image} < 0 || row < 0 || row >= shape.y || column < 0 || column >= shape.z) {
            return ${zero};
          }
          let index = ((${image} * shape.y + row) * shape.z + column) * ${channels} + ${channel};
          return ${buffer}[index${vectors ? " / 4" : ""}];`;
}

const readVector = `
        fn readLeft(place: vec4<i32>, inner: i32) -> vec4<f32> { return readOne(place, inner); }`;

const readFourInner = `
        fn readLeft(place: vec4<i32>, inner: i32) -> vec4<f32> {
          var values = vec4<f32>(0.0);
          for (var i = 0; i < 4; i++) { values[i] = readOne(place, inner + i); }
          return values;
        }`;

const readFourRows = `
        fn readLeft(place: vec4<i32>, inner: i32) -> vec4<f32> {
          var values = vec4<f32>(0.0);
          for (var i = 0; i < 4; i++) { values[i] = readOne(leftPlace(place.w + i), inner); }
          return values;
        }`;

function readRight(buffer: string, row: string, columns: number): string {
  return `
        fn readRight(inner: i32, column: i32) -> vec4<f32> {
          let rightRow = ${row};
          if (column >= uniforms.columns || rightRow < 0) { return vec4<f32>(0.0); }
          ${readAlong(buffer, "rightRow", "column", "uniforms.columns", vectorWidth(columns))}
        }`;
}
