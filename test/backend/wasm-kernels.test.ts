import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import {
  checkMatrixProduct,
  checkMaxPoolGradient,
  type Drawn,
  expectSame,
  matrixProducts,
  maxPools,
} from "../helpers/kernel-cases.js";
import { noise, on } from "../helpers/kernels.js";

beforeAll(async () => {
  await startBackend("cpu", "short");
  await startBackend("wasm", "training");
});

const size = (most: number) => fc.integer({ min: 1, max: most });

describe("matrix products on wasm, against the cpu backend", () => {
  it("of any size, stacked and transposed in every way", async () => {
    await fc.assert(
      fc.asyncProperty(matrixProducts, (each) => checkMatrixProduct("wasm", each)),
      { seed: 3, numRuns: 200 },
    );
  });

  it("with a right operand that is worked through in pieces", async () => {
    const [a, b] = [noise([3, 70_000], "a"), noise([70_000, 64], "b")];
    await expectSame("wasm", { a, b }, ({ a, b }) => tf.matMul(a!, b!));
  });

  it("with the same values in two shapes", async () => {
    const inputs = { a: noise([2, 6], "a"), b: noise([6, 4], "b"), c: noise([2, 3], "c") };
    await expectSame("wasm", inputs, ({ a, b, c }) =>
      tf.concat([tf.matMul(a!, b!), tf.matMul(c!, b!.reshape([3, 8])), tf.matMul(a!, b!)], 1),
    );
  });

  it("differentiates a product as the cpu backend does", async () => {
    const [a, b] = [noise([3, 50], "a"), noise([50, 7], "b")];
    for (const of of [0, 1]) {
      await expectSame(
        "wasm",
        { a, b },
        ({ a, b }) => tf.grads((a, b) => tf.matMul(a, b).square())([a!, b!])[of]!,
      );
    }
  });

  it("adds a bias and an activation", async () => {
    const inputs = { a: noise([5, 6], "a"), b: noise([6, 4], "b"), bias: noise([4], "bias") };
    for (const activation of ["linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu"] as const) {
      await expectSame("wasm", inputs, ({ a, b, bias }) =>
        tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias: bias!, activation }),
      );
    }
  });

  it("multiplies nothing into zeros, and refuses whole numbers in words", async () => {
    const nothing = { a: noise([2, 0], "a"), b: noise([0, 3], "b") };
    expect(await on("wasm", nothing, ({ a, b }) => tf.matMul(a!, b!))).toEqual({
      shape: [2, 3],
      values: new Float32Array(6),
    });
    const whole = { a: noise([2, 2], "a"), b: noise([2, 2], "b") };
    await expect(on("wasm", whole, ({ a, b }) => tf.matMul(a!.toInt(), b!.toInt()))).rejects.toThrow(
      /float32 matrices, not int32/,
    );
  });
});

describe("the gradient of max pooling on wasm, against the cpu backend", () => {
  it("for any window, stride, padding and size, where windows overlap and where values are equal", async () => {
    await fc.assert(
      fc.asyncProperty(maxPools, (each) => checkMaxPoolGradient("wasm", each)),
      { seed: 4, numRuns: 200 },
    );
  });
});

describe("slices on wasm, against the cpu backend", () => {
  it("of any part of tensors of one to five axes", async () => {
    const parts = fc
      .array(fc.tuple(size(6), fc.nat(5), fc.nat(6)), { minLength: 1, maxLength: 5 })
      .map((axes) => ({
        shape: axes.map(([length]) => length),
        begin: axes.map(([length, from]) => from % length),
        size: axes.map(([length, from, taken]) => taken % (length - (from % length) + 1)),
      }));
    const check = async ({ shape, begin, size }: Drawn<typeof parts>) =>
      expectSame("wasm", { x: noise(shape, "x") }, ({ x }) => tf.slice(x!, begin, size), 0);
    await fc.assert(fc.asyncProperty(parts, check), { seed: 5, numRuns: 300 });
  });

  it("with long runs, as a split's parts, and of whole numbers, booleans and strings", async () => {
    const x = noise([4, 300, 3], "x");
    await expectSame("wasm", { x }, ({ x }) => tf.slice(x!, [1, 20, 0], [2, 250, 3]), 0);
    await expectSame("wasm", { x }, ({ x }) => tf.concat(tf.split(x!, [1, 200, 99], 1).reverse(), 1), 0);
    await expectSame("wasm", { x }, ({ x }) => tf.slice(x!.mul(100).toInt(), [0, 7, 1], [4, 9, 2]), 0);
    await expectSame("wasm", { x }, ({ x }) => tf.slice(x!.greater(0), [0, 7, 1], [4, 9, 2]).toFloat(), 0);
    await tf.setBackend("wasm");
    const words = tf.tidy(() =>
      tf
        .tensor2d(
          [
            ["a", "b"],
            ["c", "d"],
          ],
          [2, 2],
          "string",
        )
        .slice([0, 1], [2, 1])
        .arraySync(),
    );
    expect(words).toEqual([["b"], ["d"]]);
  });
});

describe("clones on wasm", () => {
  it("share their original's memory, and outlive it", async () => {
    await tf.setBackend("wasm");
    const x = tf.tensor1d([1, 2, 3]);
    const { numBytes, numDataBuffers } = tf.memory();
    const clone = x.clone();
    expect(tf.memory().numDataBuffers).toBe(numDataBuffers);
    expect(numBytes).toBeGreaterThan(0);
    x.dispose();
    expect(clone.dataSync()).toEqual(Float32Array.of(1, 2, 3));
    clone.dispose();
    expect(tf.memory().numDataBuffers).toBe(numDataBuffers - 1);
  });
});

describe("a wasm memory that is full", () => {
  it("says so in one line, and works on with what there is", async () => {
    await tf.setBackend("wasm");
    const backend = tf.backend() as BackendWasm;
    const hoard: tf.TensorInfo[] = [];
    for (const mebibytes of [1024, 100, 1]) {
      const fill = () => {
        for (;;) hoard.push(backend.makeOutput([mebibytes << 18], "float32"));
      };
      expect(fill).toThrow(/^the wasm backend's memory is full: .*; use a smaller --batch-size or --width$/);
    }
    for (const { dataId } of hoard) backend.disposeData(dataId);
    const x = noise([1000], "x");
    expect(await on("wasm", { x }, ({ x }) => x!.add(0))).toEqual(x);
  });
});
