import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { expect } from "vitest";
import type { BackendName } from "../../src/backend/names.js";
import { noise, on, runKernel, type Values } from "./kernels.js";
import { expectNear } from "./near.js";

/** What a fast-check arbitrary draws. */
export type Drawn<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Value> ? Value : never;

const size = (most: number) => fc.integer({ min: 1, max: most });

/** Expects of the backend what the cpu backend gives. */
export async function expectSame(
  backend: BackendName,
  inputs: Record<string, Values>,
  run: (tensors: Record<string, tf.Tensor>) => tf.Tensor,
  tolerance = 1e-4,
): Promise<void> {
  const [expected, actual] = [await on("cpu", inputs, run), await on(backend, inputs, run)];
  expect(actual.shape).toEqual(expected.shape);
  expectNear(actual.values, expected.values, tolerance);
}

export const matrixProducts = fc.record({
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

export async function checkMatrixProduct(
  backend: BackendName,
  { m, k, n, stacks, transposeA, transposeB }: Drawn<typeof matrixProducts>,
): Promise<void> {
  const a = noise([...stacks[0], ...(transposeA ? [k, m] : [m, k])], "a");
  const b = noise([...stacks[1], ...(transposeB ? [n, k] : [k, n])], "b");
  await expectSame(backend, { a, b }, ({ a, b }) => tf.matMul(a!, b!, transposeA, transposeB));
}

export const maxPools = fc.record({
  x: fc.tuple(size(3), size(9), size(11), size(5)),
  filterSize: fc.tuple(size(4), size(4)),
  strides: fc.tuple(size(4), size(4)),
  pad: fc.constantFrom<"same" | "valid">("same", "valid"),
  rounded: fc.boolean(),
});

export async function checkMaxPoolGradient(
  backend: BackendName,
  { x, filterSize, strides, pad, rounded }: Drawn<typeof maxPools>,
): Promise<void> {
  const { outShape } = tf.backend_util.computePool2DInfo(x, filterSize, strides, 1, pad);
  if (outShape.some((length) => length <= 0)) return;
  const input = noise(x, "x");
  // As after ReLU: half of the values are equal.
  if (rounded) input.values = input.values.map((value) => Math.max(0, Math.round(value)));
  const inputs = { input, dy: noise(outShape, "dy"), output: noise(outShape, "unused") };
  const attributes = { filterSize, strides, pad };
  const expected = await runKernel("cpu", "MaxPoolGrad", inputs, attributes);
  const actual = await runKernel(backend, "MaxPoolGrad", inputs, attributes);
  expect(actual.shape).toEqual(expected.shape);
  expectNear(actual.values, expected.values, 1e-6);
}
