import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { convolution } from "../../src/backend/convolution.js";
import { startBackend } from "../../src/backend/start.js";
import { blocksSourceSha256 } from "../../src/backend/wasm/blocks-wasm.js";
import { fastConvolution, fastFilterGradient, isFast } from "../../src/backend/wasm/fast-convolution.js";
import {
  checkFilterGradient,
  checkInputGradient,
  convolutions,
  type NamedConvolution,
  namedConvolutions,
} from "../helpers/convolutions.js";
import { noise, on, runKernel, type Values } from "../helpers/kernels.js";
import { expectNear } from "../helpers/near.js";

type Shape = [number, number, number, number];

beforeAll(async () => {
  await startBackend("cpu", "short");
  await startBackend("wasm", "short");
});

describe("convolution gradients on wasm, against the cpu backend", () => {
  it("by the filter, with any stride, dilation, padding and size", async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, (c) => checkFilterGradient("wasm", c)),
      { seed: 1, numRuns: 300 },
    );
  });

  it("by the input, with any stride, dilation, padding and size", async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, (c) => checkInputGradient("wasm", c)),
      { seed: 2, numRuns: 300 },
    );
  });

  it.each<NamedConvolution>([
    ...namedConvolutions,
    {
      what: "more images than one group holds",
      x: [40, 1, 7000, 4],
      filter: [1, 3, 4, 4],
      strides: [1, 1],
      dilations: [1, 1],
      pad: "same",
    },
  ])("$what", async (c) => {
    for (const depthwise of [false, true]) {
      await checkFilterGradient("wasm", { ...c, depthwise });
      await checkInputGradient("wasm", { ...c, depthwise });
    }
  });

  // Lengths that blocks do not fill, several rows, odd paddings, short and long filters.
  it.each<[x: Shape, filter: Shape, pad: "same" | "valid" | 0]>([
    [[2, 1, 53, 8], [1, 5, 8, 12], "same"],
    [[1, 3, 41, 4], [1, 9, 4, 20], "valid"],
    [[2, 1, 40, 20], [1, 12, 20, 4], "same"],
    [[3, 1, 7, 4], [1, 6, 4, 4], "same"],
    [[2, 2, 30, 4], [1, 8, 4, 8], 0],
  ])("by transforms: %j by %j, %s", async (x, filter, pad) => {
    const attributes = { strides: 1, dilations: 1, pad, dataFormat: "NHWC" as const };
    const axes = convolution(x, filter, attributes, false);
    const inputs = { x: noise(x, "x"), filter: noise(filter, "filter") };
    const expected = await runKernel("cpu", "Conv2D", inputs, attributes);
    const actual = await on("wasm", inputs, ({ x, filter }) =>
      fastConvolution(tf.backend() as BackendWasm, x as tf.Tensor4D, filter as tf.Tensor4D, axes),
    );
    expect(actual.shape).toEqual(expected.shape);
    expectNear(actual.values, expected.values, 1e-4);

    const gradientInputs = { x: inputs.x, dy: noise(expected.shape, "dy") };
    const ofFilter = { ...attributes, filterShape: filter };
    const gradient = await runKernel("cpu", "Conv2DBackpropFilter", gradientInputs, ofFilter);
    const fast = await on("wasm", gradientInputs, ({ x, dy }) =>
      fastFilterGradient(tf.backend() as BackendWasm, x as tf.Tensor4D, dy as tf.Tensor4D, axes),
    );
    expect(fast.shape).toEqual(gradient.shape);
    expectNear(fast.values, gradient.values, 1e-4);
  });

  it("by transforms where channels are many, as in parts with few", async () => {
    const inputs = { x: noise([1, 1, 600, 64], "x"), w: noise([1, 9, 64, 64], "w") };
    const axes = convolution([1, 1, 600, 64], [1, 9, 64, 64], { strides: 1, pad: "same" }, false);
    expect([isFast(axes, 64, 64), isFast(axes, 32, 64)]).toEqual([true, false]);
    const convolve = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same");
    const parts = (x: tf.Tensor, w: tf.Tensor) =>
      tf.addN(tf.split(x, 2, 3).map((half, i) => convolve(half, tf.split(w, 2, 2)[i]!)));
    for (const of of [0, 1]) {
      const run = (f: typeof convolve) =>
        on("wasm", inputs, ({ x, w }) => tf.grads((x, w) => f(x, w).square())([x!, w!])[of]!);
      expectNear((await run(convolve)).values, (await run(parts)).values, 1e-4);
    }
  });

  it("by transforms of more images than one group holds, as one by one", async () => {
    const [x, filter] = [noise([18, 2, 2051, 64], "x"), noise([1, 9, 64, 64], "filter")];
    const convolve = (x: tf.Tensor, filter: tf.Tensor) =>
      tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, "same");
    const together = await on("wasm", { x, filter }, ({ x, filter }) => convolve(x!, filter!));
    const apart = await on("wasm", { x, filter }, ({ x, filter }) =>
      tf.concat(tf.split(x!, 18).map((image) => convolve(image, filter!))),
    );
    expect(together.shape).toEqual(apart.shape);
    expectNear(together.values, apart.values, 0);

    const byFilter = (x: tf.Tensor, filter: tf.Tensor) =>
      tf
        .grad((filter) => convolve(x, filter).square())(filter)
        .div(4102);
    const gradient = await on("wasm", { x, filter }, ({ x, filter }) => byFilter(x!, filter!));
    const sum = await on("wasm", { x, filter }, ({ x, filter }) =>
      tf.addN(tf.split(x!, 18).map((image) => byFilter(image, filter!))),
    );
    expectNear(gradient.values, sum.values, 1e-4);
  });

  it("by transforms that were compiled from the source that is here", () => {
    const source = readFileSync(new URL("../../kernels/blocks.ts", import.meta.url));
    expect(createHash("sha256").update(source).digest("hex")).toBe(blocksSourceSha256);
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
