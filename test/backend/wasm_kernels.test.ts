import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../src/backend/index.js";
import { noise, on, runKernel, type Values } from "../helpers/kernels.js";
import { expectNear } from "../helpers/near.js";

beforeAll(async () => {
  await startBackend("cpu", "short");
  await startBackend("wasm", "short");
});

type Drawn<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Value> ? Value : never;

const size = (most: number) => fc.integer({ min: 1, max: most });

async function expectSame(
  inputs: Record<string, Values>,
  run: (tensors: Record<string, tf.Tensor>) => tf.Tensor,
  tolerance = 1e-4,
): Promise<void> {
  const [expected, actual] = [await on("cpu", inputs, run), await on("wasm", inputs, run)];
  expect(actual.shape).toEqual(expected.shape);
  expectNear(actual.values, expected.values, tolerance);
}

describe("matrix products on wasm, against the cpu backend", () => {
  it("of any size, stacked and transposed in every way", async () => {
    const products = fc.record({
      m: size(20),
      k: size(20),
      n: size(20),
      stacks: fc.constantFrom<[number[], number[]]>(
        [[], []],
        [[3], [3]],
        [[1], [4]],
        [[4], [1]],
        [
          [2, 3],
          [2, 3],
        ],
      ),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
    });
    const check = async ({ m, k, n, stacks, transposeA, transposeB }: Drawn<typeof products>) => {
      const a = noise([...stacks[0], ...(transposeA ? [k, m] : [m, k])], "a");
      const b = noise([...stacks[1], ...(transposeB ? [n, k] : [k, n])], "b");
      await expectSame({ a, b }, ({ a, b }) => tf.matMul(a!, b!, transposeA, transposeB));
    };
    await fc.assert(fc.asyncProperty(products, check), { seed: 3, numRuns: 200 });
  });

  it("with a right operand that is worked through in pieces", async () => {
    const [a, b] = [noise([3, 6000], "a"), noise([6000, 64], "b")];
    await expectSame({ a, b }, ({ a, b }) => tf.matMul(a!, b!));
  });

  it("differentiates a product as the cpu backend does", async () => {
    const [a, b] = [noise([3, 50], "a"), noise([50, 7], "b")];
    for (const of of [0, 1]) {
      await expectSame({ a, b }, ({ a, b }) => tf.grads((a, b) => tf.matMul(a, b).square())([a!, b!])[of]!);
    }
  });

  it("adds a bias and an activation", async () => {
    const inputs = { a: noise([5, 6], "a"), b: noise([6, 4], "b"), bias: noise([4], "bias") };
    for (const activation of ["linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu"] as const) {
      await expectSame(inputs, ({ a, b, bias }) =>
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
    const pools = fc.record({
      x: fc.tuple(size(3), size(9), size(11), size(5)),
      filterSize: fc.tuple(size(4), size(4)),
      strides: fc.tuple(size(4), size(4)),
      pad: fc.constantFrom<"same" | "valid">("same", "valid"),
      rounded: fc.boolean(),
    });
    const check = async ({ x, filterSize, strides, pad, rounded }: Drawn<typeof pools>) => {
      const { outShape } = tf.backend_util.computePool2DInfo(x, filterSize, strides, 1, pad);
      if (outShape.some((length) => length <= 0)) return;
      const input = noise(x, "x");
      // As after ReLU: half of the values are equal.
      if (rounded) input.values = input.values.map((value) => Math.max(0, Math.round(value)));
      const inputs = { input, dy: noise(outShape, "dy"), output: noise(outShape, "unused") };
      const attributes = { filterSize, strides, pad };
      const [expected, actual] = [
        await runKernel("cpu", "MaxPoolGrad", inputs, attributes),
        await runKernel("wasm", "MaxPoolGrad", inputs, attributes),
      ];
      expect(actual.shape).toEqual(expected.shape);
      expectNear(actual.values, expected.values, 1e-6);
    };
    await fc.assert(fc.asyncProperty(pools, check), { seed: 4, numRuns: 200 });
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
      expectSame({ x: noise(shape, "x") }, ({ x }) => tf.slice(x!, begin, size), 0);
    await fc.assert(fc.asyncProperty(parts, check), { seed: 5, numRuns: 300 });
  });

  it("with long runs, as a split's parts, and of whole numbers, booleans and strings", async () => {
    const x = noise([4, 300, 3], "x");
    await expectSame({ x }, ({ x }) => tf.slice(x!, [1, 20, 0], [2, 250, 3]), 0);
    await expectSame({ x }, ({ x }) => tf.concat(tf.split(x!, [1, 200, 99], 1).reverse(), 1), 0);
    await expectSame({ x }, ({ x }) => tf.slice(x!.mul(100).toInt(), [0, 7, 1], [4, 9, 2]), 0);
    await expectSame({ x }, ({ x }) => tf.slice(x!.greater(0), [0, 7, 1], [4, 9, 2]).toFloat(), 0);
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
