import { describe, expect, test } from "vitest";
import { argMax, quantile, softmax } from "../../src/base/numbers.js";
import { Random } from "../../src/base/random.js";
import { computeMetrics } from "../../src/eval/metrics.js";
import {
  bootstrapAccuracyCi95,
  bootstrapDifferenceCi95,
  mcnemarExact,
  wilsonCi95,
} from "../../src/eval/statistics.js";
import type { Logits } from "../../src/run/logits.js";
import { hasPython, runPython } from "../helpers/python.js";

/** Logits that are sure of the given labels. */
function sureOf(predicted: number[], labelCount: number): Logits {
  const values = new Float32Array(predicted.length * labelCount);
  predicted.forEach((label, i) => {
    values[i * labelCount + label] = 5;
  });
  return { values, examples: predicted.length, labelCount };
}

describe("metrics of a table worked by hand", () => {
  // true a a a b b c, predicted a a b b c c; d occurs nowhere
  const metrics = computeMetrics(sureOf([0, 0, 1, 1, 2, 2], 4), Int32Array.of(0, 0, 0, 1, 1, 2), [
    "a",
    "b",
    "c",
    "d",
  ]);

  test("confusion and accuracy", () => {
    expect(metrics.confusion).toEqual([
      [2, 1, 0, 0],
      [0, 1, 1, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 0],
    ]);
    expect(metrics.accuracy).toBeCloseTo(4 / 6, 12);
    expect(metrics.examples).toBe(6);
  });

  test("precision, recall, F1 and support", () => {
    expect(metrics.perLabel).toEqual([
      { label: "a", precision: 1, recall: 2 / 3, f1: expect.closeTo(0.8, 12), support: 3 },
      { label: "b", precision: 0.5, recall: 0.5, f1: 0.5, support: 2 },
      { label: "c", precision: 0.5, recall: 1, f1: expect.closeTo(2 / 3, 12), support: 1 },
      { label: "d", precision: 0, recall: 0, f1: 0, support: 0 },
    ]);
    expect(metrics.macroF1).toBeCloseTo((0.8 + 0.5 + 2 / 3) / 3, 12);
  });

  test("the baseline is the most frequent label", () => {
    expect(metrics.baseline).toEqual({ label: "a", accuracy: 0.5 });
  });

  test("the loss is the mean cross-entropy in nats", () => {
    const right = Math.log(Math.exp(5) + 3) - 5;
    const wrong = Math.log(Math.exp(5) + 3);
    expect(metrics.loss).toBeCloseTo((4 * right + 2 * wrong) / 6, 6);
  });
});

test("softmax of large logits stays finite and sums to 1", () => {
  const p = softmax([1000, 999, -1000]);
  expect(p[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
  expect(p.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  expect(argMax([1, 3, 3])).toBe(1);
});

describe("exact McNemar", () => {
  test("values worked by hand", () => {
    expect(mcnemarExact(0, 0)).toBe(1);
    expect(mcnemarExact(5, 5)).toBe(1);
    expect(mcnemarExact(0, 5)).toBeCloseTo(2 / 32, 12);
    expect(mcnemarExact(1, 9)).toBeCloseTo((2 * (1 + 10)) / 1024, 12);
    expect(mcnemarExact(9, 1)).toBe(mcnemarExact(1, 9));
  });

  describe.skipIf(!hasPython("scipy"))("against SciPy (Python)", () => {
    test("small and large counts", () => {
      const pairs = [
        [3, 12],
        [40, 61],
        [500, 600],
        [900, 1300],
        [2000, 2100],
      ];
      const expected = runPython<number[]>(
        "from scipy.stats import binomtest\noutput = [float(binomtest(a, a + b, 0.5).pvalue) for a, b in input]\n",
        pairs,
      );
      pairs.forEach(([a, b], i) => {
        expect(mcnemarExact(a!, b!) / expected[i]!).toBeCloseTo(1, 6);
      });
    });
  });
});

describe("bootstrap interval", () => {
  const random = new Random(1, "clips");
  const correct = Uint8Array.from({ length: 400 }, () => (random.uniform() < 0.8 ? 1 : 0));
  const accuracy = correct.reduce((a, b) => a + b) / 400;

  test("of independent clips is near the normal approximation", () => {
    const [low, high] = bootstrapAccuracyCi95(correct, undefined, 42);
    const half = 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / 400);
    expect(Math.abs(low - (accuracy - half))).toBeLessThan(0.01);
    expect(Math.abs(high - (accuracy + half))).toBeLessThan(0.01);
    expect(bootstrapAccuracyCi95(correct, undefined, 42)).toEqual([low, high]);
  });

  test("is wider where a speaker's clips are right or wrong together", () => {
    const together = Uint8Array.from({ length: 400 }, (_, i) => (Math.floor(i / 20) % 5 === 0 ? 0 : 1));
    const speakers = Array.from(together, (_, i) => `s${Math.floor(i / 20)}`);
    const [low, high] = bootstrapAccuracyCi95(together, speakers, 42);
    const [lowAlone, highAlone] = bootstrapAccuracyCi95(together, undefined, 42);
    expect(high - low).toBeGreaterThan(3 * (highAlone - lowAlone));
  });
});

describe("bootstrap interval of a difference", () => {
  const random = new Random(2, "clips");
  const a = Array.from({ length: 400 }, () => (random.uniform() < 0.8 ? 1 : 0));
  const b = a.map((right) => (random.uniform() < 0.15 ? 1 - right : right));

  test("of independent clips is near the normal approximation of paired differences", () => {
    const differences = a.map((right, i) => right - b[i]!);
    const mean = differences.reduce((sum, value) => sum + value) / 400;
    const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 399;
    const half = 1.96 * Math.sqrt(variance / 400);
    const [low, high] = bootstrapDifferenceCi95(a, b, undefined, 42);
    expect(Math.abs(low - (mean - half))).toBeLessThan(0.01);
    expect(Math.abs(high - (mean + half))).toBeLessThan(0.01);
    // Narrower than of two accuracies on other clips: the pairing counts.
    const [lowA, highA] = bootstrapAccuracyCi95(a, undefined, 42);
    expect(high - low).toBeLessThan(highA - lowA);
    const [lowBack, highBack] = bootstrapDifferenceCi95(b, a, undefined, 42);
    expect(lowBack).toBeCloseTo(-high, 12);
    expect(highBack).toBeCloseTo(-low, 12);
  });

  test("is wider where the models differ by speaker", () => {
    const right = new Array<number>(400).fill(1);
    const wrongForSome = right.map((_, i) => (Math.floor(i / 20) % 5 === 0 ? 0 : 1));
    const speakers = right.map((_, i) => `s${Math.floor(i / 20)}`);
    const [low, high] = bootstrapDifferenceCi95(right, wrongForSome, speakers, 42);
    const [lowAlone, highAlone] = bootstrapDifferenceCi95(right, wrongForSome, undefined, 42);
    expect(high - low).toBeGreaterThan(3 * (highAlone - lowAlone));
  });
});

test("an interval does not claim to be sure where there is one speaker, or all is right", () => {
  const correct = Array.from({ length: 40 }, (_, i) => (i === 0 ? 0 : 1));
  const alone = correct.map(() => "me");
  const interval = bootstrapAccuracyCi95(correct, alone, 42);
  expect(interval).toEqual(bootstrapAccuracyCi95(correct, undefined, 42));
  expect(interval[1] - interval[0]).toBeGreaterThan(0.04);
  const speakers = correct.map((_, i) => `s${i % 4}`);
  expect(bootstrapAccuracyCi95(new Array(40).fill(1), speakers, 42)).toEqual(wilsonCi95(40, 40));
  expect(bootstrapAccuracyCi95(new Array(40).fill(0), speakers, 42)).toEqual(wilsonCi95(0, 40));
});

test("quantiles lie linearly between the values", () => {
  expect(quantile([1, 2, 4], 0.5)).toBe(2);
  expect(quantile([1, 2, 4], 0.75)).toBe(3);
  expect(quantile([7], 0.3)).toBe(7);
});
