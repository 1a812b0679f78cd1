import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { UserError } from "../../../../src/base/errors.js";
import type { RealArray } from "../../../../src/sound/factory/real-array.js";
import { scaler } from "../../../../src/sound/factory/steps/scaler.js";
import { expectNear } from "../../../helpers/near.js";

const folder = mkdtempSync(join(tmpdir(), "scaler-"));
afterAll(() => rmSync(folder, { recursive: true }));

const array = (...planes: number[][]): RealArray => ({
  data: Float32Array.from(planes.flat()),
  shape: [planes.length, 1, planes[0]!.length],
});
const examples = [array([0, 2, 4], [10, 20, 30]), array([1, 1, 10], [40, 10, 10])];

describe("by hand", () => {
  test("to a range: each array's smallest and largest value become its ends", async () => {
    const scale = scaler({ range: [0, 1] });
    await scale.fit(examples);
    expectNear(scale.forward(examples[0]!).data, [0, 0.2, 0.4, 0, 1 / 3, 2 / 3], 1e-7);
    expectNear(scale.forward(examples[1]!).data, [0.1, 0.1, 1, 1, 0, 0], 1e-7);
  });

  test("without settings the range is -1 to 1", async () => {
    const scale = scaler();
    await scale.fit(examples);
    expectNear(scale.forward(examples[1]!).data, [-0.8, -0.8, 1, 1, -1, -1], 1e-7);
  });

  test("to a range and a mean: the mean becomes it, and the farther end is reached", async () => {
    // Means 3 and 20, from 0 to 10 and from 10 to 40: the ends above are farther.
    const scale = scaler({ range: [-1, 1], mean: 0 });
    await scale.fit(examples);
    expectNear(
      scale.forward(examples[0]!).data,
      [-3, -1, 1, -3.5, 0, 3.5].map((x) => x / 7),
      1e-7,
    );
    const upper = scaler({ range: [0, 1], mean: 0.9 });
    await upper.fit(examples);
    expectNear(upper.forward(array([3, 10], [20, 40])).data, [0.9, 1, 0.9, 1], 1e-7);
  });

  test("values beyond those of the examples go on in a straight line", async () => {
    const scale = scaler({ range: [0, 1] });
    await scale.fit(examples);
    expectNear(scale.forward(array([-10, 20], [70, -20])).data, [-1, 2, 2, -1], 1e-7);
  });

  test("an array of one value is moved there and comes back", async () => {
    const silence = array([5, 5], [0, 1]);
    for (const [settings, expected] of [
      [{}, -1],
      [{ range: [0, 1], mean: 0.25 } as const, 0.25],
    ] as const) {
      const scale = scaler(settings);
      await scale.fit([silence]);
      expect(scale.forward(silence).data[0]).toBe(expected);
      expect(scale.backward(scale.forward(silence)).data[0]).toBe(5);
    }
  });
});

test("scaled examples fill their range, have their mean, and come back", async () => {
  const value = fc.float({ min: -1000, max: 1000, noNaN: true });
  const data = fc.array(fc.tuple(value, value), { minLength: 2, maxLength: 30 });
  const target = fc
    .tuple(fc.double({ min: -5, max: 5, noNaN: true }), fc.double({ min: 0.1, max: 5, noNaN: true }))
    .map(([low, size]) => [low, low + size] as const);
  const share = fc.option(fc.double({ min: 0.05, max: 0.95, noNaN: true }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(data, target, share, async (rows, [low, high], at) => {
      const example = array(
        rows.map((row) => row[0]),
        rows.map((row) => row[1]),
      );
      const mean = at === undefined ? undefined : low + at * (high - low);
      const scale = scaler({ range: [low, high], ...(mean !== undefined && { mean }) });
      await scale.fit([example]);
      const scaled = scale.forward(example);
      const back = scale.backward(scaled);
      for (const index of [0, 1]) {
        const plane = rows.map((row) => row[index as 0 | 1]);
        const size = Math.max(...plane.map(Math.abs));
        const spread = Math.max(...plane) - Math.min(...plane);
        const result = Array.from(scaled.data.subarray(index * rows.length, (index + 1) * rows.length));
        // A spread of the last bits has no more digits than that.
        const tolerance = 1e-5 + (spread > 0 ? (1e-6 * size) / spread : 0);
        if (spread > 1e-3 * size) {
          const margin = tolerance * (high - low + Math.abs(low));
          expect(Math.min(...result)).toBeGreaterThanOrEqual(low - margin);
          expect(Math.max(...result)).toBeLessThanOrEqual(high + margin);
          const nearest = Math.min(Math.min(...result) - low, high - Math.max(...result));
          const farthest = Math.max(Math.min(...result) - low, high - Math.max(...result));
          expect(Math.abs(mean === undefined ? farthest : nearest)).toBeLessThan(margin);
          if (mean !== undefined)
            expect(Math.abs(result.reduce((a, b) => a + b) / result.length - mean)).toBeLessThan(margin);
        }
        expectNear(back.data.subarray(index * rows.length, (index + 1) * rows.length), plane, 1e-4);
      }
    }),
    { numRuns: 200 },
  );
});

test("forward and backward leave what they are given as it is", async () => {
  const scale = scaler();
  await scale.fit(examples);
  const given = array([0, 2, 4], [10, 20, 30]);
  scale.backward(scale.forward(given));
  expect(given).toEqual(examples[0]);
});

test("examples may come one after the other, and fitting again forgets", async () => {
  async function* stream() {
    yield* examples;
  }
  const [one, other] = [scaler(), scaler()];
  await one.fit([array([100], [200])]);
  await one.fit(stream());
  await other.fit(examples);
  expect(one.forward(examples[0]!)).toEqual(other.forward(examples[0]!));
});

describe("saving", () => {
  test("what was learnt is read back", async () => {
    const scale = scaler({ range: [0, 1], mean: 0.5 });
    await scale.fit(examples);
    const path = join(folder, "inner", "scaler.json");
    await scale.save(path);
    expect(readdirSync(join(folder, "inner"))).toEqual(["scaler.json"]);
    const restored = scaler({ range: [0, 1], mean: 0.5 });
    expect(restored.fitted).toBe(false);
    await restored.load(path);
    expect(restored.fitted).toBe(true);
    expect(restored.forward(examples[1]!)).toEqual(scale.forward(examples[1]!));
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      scaler: [
        { minimum: 0, maximum: 10, mean: 3 },
        { minimum: 10, maximum: 40, mean: 20 },
      ],
    });
  });

  test.each([
    ["[]", /: expected the state of a scaler, found \[\]$/],
    ['{"scaler":[]}', /scaler: expected the statistics of at least one array, found \[\]$/],
    [
      '{"scaler":[{"minimum":0,"maximum":null,"mean":1}]}',
      /scaler.0.maximum: expected a number, found null$/,
    ],
    ["{", /is not valid JSON/],
  ])("%s is no state of a scaler", (text, message) => {
    const path = join(folder, "damaged.json");
    writeFileSync(path, text);
    expect(() => scaler().load(path)).toThrow(UserError);
    expect(() => scaler().load(path)).toThrow(message);
  });
});

test("before fit nothing works", () => {
  const scale = scaler();
  for (const use of [
    () => scale.forward(examples[0]!),
    () => scale.backward(examples[0]!),
    () => scale.save(join(folder, "never.json")),
  ])
    expect(use).toThrow(/the scaler is not fitted: fit it or load its state before it is used/);
  expect(readdirSync(folder)).not.toContain("never.json");
});

test.each([
  [{ range: 5 as never }, /range must be two numbers, got 5/],
  [{ range: [1, 1] as const }, /range must be ascending, got 1 to 1/],
  [{ range: [0, Number.NaN] as const }, /range must be a finite number, got NaN/],
  [{ range: [0, Number.POSITIVE_INFINITY] as const }, /range must be a finite number, got Infinity/],
  [{ range: [0, 1] as const, mean: 1 }, /mean must lie between 0 and 1, got 1/],
  [{ mean: Number.NaN }, /mean must lie between -1 and 1, got NaN/],
])("%o is no setting", (settings, message) => {
  expect(() => scaler(settings)).toThrow(message);
});

test("data that do not fit are errors", async () => {
  const scale = scaler();
  await expect(scale.fit([])).rejects.toThrow("the scaler needs at least one example to fit, got none");
  await expect(scale.fit([array([1]), array([1], [2])])).rejects.toThrow(
    "the scaler was fitted to 1 arrays, example 1 has 2",
  );
  await expect(scale.fit([array([1, 2], [3, Number.NaN])])).rejects.toThrow(
    "the scaler needs finite numbers to fit, example 0 has NaN in array 1",
  );
  expect(scale.fitted).toBe(false);
  await scale.fit(examples);
  expect(() => scale.forward(array([1]))).toThrow("the scaler was fitted to 2 arrays, got 1");
  expect(() => scale.forward({ data: new Float32Array(4), shape: [2, 2] })).toThrow(
    "what is scaled must have the shape [arrays, bins, frames], got [2, 2]",
  );
});
