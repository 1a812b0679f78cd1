import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../src/backend/index.js";
import { noise, on, runKernel, type Values } from "../helpers/kernels.js";
import { expectNear } from "../helpers/near.js";

type Shape4D = [number, number, number, number];
type Padding = "same" | "valid" | number | tf.backend_util.ExplicitPadding;

const nhwc = { dataFormat: "NHWC" };

interface Case {
  depthwise: boolean;
  x: Shape4D;
  filter: Shape4D;
  strides: [number, number];
  dilations: [number, number];
  pad: Padding;
}

beforeAll(async () => {
  await startBackend("cpu", "short");
  await startBackend("wasm", "short");
});

const size = (most: number) => fc.integer({ min: 1, max: most });
const explicit: fc.Arbitrary<Padding> = fc
  .tuple(fc.nat(4), fc.nat(4), fc.nat(4), fc.nat(4))
  .map(([top, bottom, left, right]) => [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);

/** Convolutions in one dimension (height 1) or two, with a stride or a dilation but not both, as TensorFlow.js has it. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    depthwise: fc.boolean(),
    x: fc.tuple(size(4), fc.oneof(fc.constant(1), size(12)), size(14), size(6)),
    taps: fc.tuple(size(5), size(6)),
    co: size(9),
    step: fc.tuple(size(4), size(4)),
    dilated: fc.boolean(),
    pad: fc.oneof(fc.constantFrom<Padding>("same", "valid"), explicit),
  })
  .map(
    ({ depthwise, x, taps, co, step, dilated, pad }): Case => ({
      depthwise,
      x,
      filter: [x[1] === 1 ? 1 : taps[0], taps[1], x[3], depthwise ? Math.ceil(co / 3) : co],
      strides: dilated ? [1, 1] : step,
      dilations: dilated ? step : [1, 1],
      pad,
    }),
  )
  .filter((c) => outputShape(c).every((length) => length > 0));

function info({ x, filter, strides, dilations, pad, depthwise }: Case) {
  return tf.backend_util.computeConv2DInfo(x, filter, strides, dilations, pad, undefined, depthwise);
}

function outputShape(c: Case): Shape4D {
  return info(c).outShape;
}

// The cpu backend knows no dilation in gradients: to it a dilated filter is a larger one with zeros between the taps.
function spreadShape({ filter: [height, width, ci, co], dilations: [down, across] }: Case): Shape4D {
  return [(height - 1) * down + 1, (width - 1) * across + 1, ci, co];
}

/** Where the taps begin in the filter, and in the one that is spread out. */
function taps(c: Case): { dense: number; spread: number; length: number }[] {
  const [height, width, ci, co] = c.filter;
  const [, spreadWidth] = spreadShape(c);
  return Array.from({ length: height * width }, (_, tap) => {
    const [i, j] = [Math.floor(tap / width) * c.dilations[0], (tap % width) * c.dilations[1]];
    return { dense: tap * ci * co, spread: (i * spreadWidth + j) * ci * co, length: ci * co };
  });
}

function spreadFilter(c: Case, filter: Values): Values {
  const shape = spreadShape(c);
  const values = new Float32Array(tf.util.sizeFromShape(shape));
  for (const { dense, spread, length } of taps(c))
    values.set(filter.values.subarray(dense, dense + length), spread);
  return { shape, values };
}

function gatherFilter(c: Case, filter: Values): Values {
  const values = new Float32Array(tf.util.sizeFromShape(c.filter));
  for (const { dense, spread, length } of taps(c))
    values.set(filter.values.subarray(spread, spread + length), dense);
  return { shape: c.filter, values };
}

/** The same padding in numbers, which do not depend on the dilation. */
function withoutDilation(c: Case) {
  const { top, bottom, left, right } = info(c).padInfo;
  return {
    ...nhwc,
    strides: c.strides,
    dilations: 1,
    pad: [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ],
  };
}

function kernelName(c: Case, by: "Filter" | "Input"): string {
  return `${c.depthwise ? "DepthwiseConv2dNative" : "Conv2D"}Backprop${by}`;
}

async function checkFilterGradient(c: Case): Promise<void> {
  const inputs = { x: noise(c.x, "x"), dy: noise(outputShape(c), "dy") };
  const name = kernelName(c, "Filter");
  const expected = gatherFilter(
    c,
    await runKernel("cpu", name, inputs, { ...withoutDilation(c), filterShape: spreadShape(c) }),
  );
  const actual = await runKernel("wasm", name, inputs, { ...nhwc, ...c, filterShape: c.filter });
  expect(actual.shape).toEqual(c.filter);
  expectNear(actual.values, expected.values, 1e-4, name);
}

async function checkInputGradient(c: Case): Promise<void> {
  const [dy, filter] = [noise(outputShape(c), "dy"), noise(c.filter, "filter")];
  const name = kernelName(c, "Input");
  const spread = { dy, filter: spreadFilter(c, filter) };
  const expected = await runKernel("cpu", name, spread, { ...withoutDilation(c), inputShape: c.x });
  const actual = await runKernel("wasm", name, { dy, filter }, { ...nhwc, ...c, inputShape: c.x });
  expect(actual.shape).toEqual(c.x);
  expectNear(actual.values, expected.values, 1e-4, name);
}

describe("convolution gradients on wasm, against the cpu backend", () => {
  it("by the filter, with any stride, dilation, padding and size", async () => {
    await fc.assert(fc.asyncProperty(cases, checkFilterGradient), { seed: 1, numRuns: 300 });
  });

  it("by the input, with any stride, dilation, padding and size", async () => {
    await fc.assert(fc.asyncProperty(cases, checkInputGradient), { seed: 2, numRuns: 300 });
  });

  it.each([
    { what: "kernel 9, same", x: [2, 1, 101, 3], filter: [1, 9, 3, 5], pad: "same" },
    { what: "one input channel", x: [3, 1, 200, 1], filter: [1, 9, 1, 32], pad: "same" },
    { what: "3 × 3, same, odd picture", x: [2, 13, 17, 4], filter: [3, 3, 4, 8], pad: "same" },
    { what: "a number as padding", x: [2, 6, 7, 2], filter: [3, 3, 2, 3], pad: 2 },
    { what: "more padding than the filter reaches", x: [1, 2, 2, 1], filter: [2, 2, 1, 1], pad: 5 },
    { what: "a filter as large as the picture", x: [2, 5, 4, 2], filter: [5, 4, 2, 3], pad: "valid" },
  ] as const)("$what", async ({ x, filter, pad }) => {
    for (const depthwise of [false, true]) {
      const c: Case = {
        depthwise,
        x: [...x],
        filter: [...filter],
        strides: [1, 1],
        dilations: [1, 1],
        pad,
      };
      await checkFilterGradient(c);
      await checkInputGradient(c);
    }
  });

  it("by the filter, of more images than are worked on at once: the sum of those of each image", async () => {
    const x = noise([3, 1, 2100, 250], "x");
    for (const depthwise of [false, true]) {
      const dy = noise([3, 1, 2100, depthwise ? 250 : 2], "dy");
      const name = depthwise ? "DepthwiseConv2dNativeBackpropFilter" : "Conv2DBackpropFilter";
      const filterShape = [1, 3, 250, depthwise ? 1 : 2];
      const attributes = { ...nhwc, strides: 1, dilations: 1, pad: "same", filterShape };
      const run = (x: tf.Tensor, dy: tf.Tensor) =>
        tf.engine().runKernel(name, { x, dy }, attributes) as tf.Tensor;
      const together = await on("wasm", { x, dy }, ({ x, dy }) => run(x!, dy!));
      const summed = await on("wasm", { x, dy }, ({ x, dy }) =>
        tf.addN([0, 1, 2].map((image) => run(x!.slice(image, 1), dy!.slice(image, 1)))),
      );
      expectNear(together.values, summed.values, 1e-5, name);
    }
  });

  it("refuses channels-first tensors in words", async () => {
    const inputs = { x: noise([1, 2, 5, 5], "x"), dy: noise([1, 2, 5, 5], "dy") };
    const attributes = { strides: 1, pad: "same", dataFormat: "NCHW", filterShape: [3, 3, 2, 2] };
    await expect(runKernel("wasm", "Conv2DBackpropFilter", inputs, attributes)).rejects.toThrow(/NCHW/);
  });
});

describe("what TensorFlow.js makes of them", () => {
  const waves = noise([2, 30, 3], "waves");
  const weights = noise([5, 3, 4], "weights");

  // By definition: the sum over outputs of their weight, so the gradient is what a small change of one value changes.
  it("differentiates a dilated convolution", async () => {
    const conv = (x: tf.Tensor, w: tf.Tensor) =>
      tf
        .conv1d(x as tf.Tensor3D, w as tf.Tensor3D, 1, "same", "NWC", 3)
        .square()
        .sum();
    const gradient = (of: number) =>
      on("wasm", { x: waves, w: weights }, ({ x, w }) => tf.grads(conv as never)([x!, w!])[of]!);
    const at = async (x: Values, w: Values) =>
      (await on("cpu", { x, w }, ({ x, w }) => conv(x!, w!))).values[0]!;
    const nudged = (all: Values, index: number, by: number): Values => ({
      shape: all.shape,
      values: all.values.map((value, i) => (i === index ? value + by : value)),
    });
    const [dx, dw] = [await gradient(0), await gradient(1)];
    for (const index of [0, 7, 59, 101]) {
      const change =
        (await at(nudged(waves, index, 0.05), weights)) - (await at(nudged(waves, index, -0.05), weights));
      expect(change / 0.1 / dx.values[index]!).toBeCloseTo(1, 2);
    }
    for (const index of [0, 13, 59]) {
      const change =
        (await at(waves, nudged(weights, index, 0.05))) - (await at(waves, nudged(weights, index, -0.05)));
      expect(change / 0.1 / dw.values[index]!).toBeCloseTo(1, 2);
    }
  });

  it("transposes a strided convolution", async () => {
    const inputs = { x: noise([2, 4, 5, 3], "x"), w: noise([3, 4, 2, 3], "w") };
    const run = (backend: "cpu" | "wasm") =>
      on(backend, inputs, ({ x, w }) =>
        tf.conv2dTranspose(x as tf.Tensor4D, w as tf.Tensor4D, [2, 8, 15, 2], [2, 3], "same"),
      );
    const [expected, actual] = [await run("cpu"), await run("wasm")];
    expect(actual.shape).toEqual(expected.shape);
    expectNear(actual.values, expected.values, 1e-4);
  });

  it("differentiates ReLU as the cpu backend does, at zero too", async () => {
    const inputs = { x: { shape: [5], values: Float32Array.of(-2, -0, 0, 1e-30, 3) } };
    const run = (backend: "cpu" | "wasm") =>
      on(backend, inputs, ({ x }) => tf.grad((v) => tf.relu(v).mul([5, 6, 7, 8, 9]))(x!));
    expect((await run("wasm")).values).toEqual(Float32Array.of(0, 0, 0, 8, 9));
    expect((await run("cpu")).values).toEqual(Float32Array.of(0, 0, 0, 8, 9));
  });
});
