import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../src/backend/index.js";
import {
  checkFilterGradient,
  checkInputGradient,
  convolutions,
  type NamedConvolution,
  namedConvolutions,
} from "../helpers/convolutions.js";
import { noise, on, runKernel, type Values } from "../helpers/kernels.js";
import { expectNear } from "../helpers/near.js";

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
