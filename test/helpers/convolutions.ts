import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { expect } from "vitest";
import type { BackendName } from "../../src/backend/names.js";
import { noise, runKernel, type Values } from "./kernels.js";
import { expectNear } from "./near.js";

type Shape4D = [number, number, number, number];
type Padding = "same" | "valid" | number | tf.backend_util.ExplicitPadding;

const nhwc = { dataFormat: "NHWC" };

export interface Case {
  depthwise: boolean;
  x: Shape4D;
  filter: Shape4D;
  strides: [number, number];
  dilations: [number, number];
  pad: Padding;
}

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
export const convolutions: fc.Arbitrary<Case> = fc
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

/** Against the cpu backend. */
export async function checkFilterGradient(backend: BackendName, c: Case): Promise<void> {
  const inputs = { x: noise(c.x, "x"), dy: noise(outputShape(c), "dy") };
  const name = kernelName(c, "Filter");
  const expected = gatherFilter(
    c,
    await runKernel("cpu", name, inputs, { ...withoutDilation(c), filterShape: spreadShape(c) }),
  );
  const actual = await runKernel(backend, name, inputs, { ...nhwc, ...c, filterShape: c.filter });
  expect(actual.shape).toEqual(c.filter);
  expectNear(actual.values, expected.values, 1e-4, name);
}

/** Against the cpu backend. */
export async function checkInputGradient(backend: BackendName, c: Case): Promise<void> {
  const [dy, filter] = [noise(outputShape(c), "dy"), noise(c.filter, "filter")];
  const name = kernelName(c, "Input");
  const spread = { dy, filter: spreadFilter(c, filter) };
  const expected = await runKernel("cpu", name, spread, { ...withoutDilation(c), inputShape: c.x });
  const actual = await runKernel(backend, name, { dy, filter }, { ...nhwc, ...c, inputShape: c.x });
  expect(actual.shape).toEqual(c.x);
  expectNear(actual.values, expected.values, 1e-4, name);
}

const plain = { strides: [1, 1] as [number, number], dilations: [1, 1] as [number, number] };

export type NamedConvolution = { what: string } & Omit<Case, "depthwise">;

/** What random cases seldom are. */
export const namedConvolutions: NamedConvolution[] = [
  { ...plain, what: "kernel 9, same", x: [2, 1, 101, 3], filter: [1, 9, 3, 5], pad: "same" },
  { ...plain, what: "one input channel", x: [3, 1, 200, 1], filter: [1, 9, 1, 32], pad: "same" },
  { ...plain, what: "3 × 3, same, odd picture", x: [2, 13, 17, 4], filter: [3, 3, 4, 8], pad: "same" },
  { ...plain, what: "a number as padding", x: [2, 6, 7, 2], filter: [3, 3, 2, 3], pad: 2 },
  { ...plain, what: "more padding than the filter reaches", x: [1, 2, 2, 1], filter: [2, 2, 1, 1], pad: 5 },
  { ...plain, what: "a filter as large as the picture", x: [2, 5, 4, 2], filter: [5, 4, 2, 3], pad: "valid" },
];
