import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.js";
import { beta, mixUp } from "../../../src/data/augment/mixup.js";

describe("beta", () => {
  test.each([0.1, 0.4, 1, 5])("Beta(a, a) for a = %f has its mean and variance", (alpha) => {
    const random = new Random(1, "beta", alpha);
    const drawn = Array.from({ length: 20_000 }, () => beta(alpha, random));
    const mean = drawn.reduce((a, b) => a + b) / drawn.length;
    const variance = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length;
    expect(mean).toBeCloseTo(0.5, 1.7);
    expect(variance * 4 * (2 * alpha + 1)).toBeCloseTo(1, 1.2);
    expect(drawn.every((x) => x >= 0 && x <= 1)).toBe(true);
  });

  test("Beta(1, 1) is uniform", () => {
    const random = new Random(2, "uniform");
    const sorted = Float64Array.from({ length: 10_000 }, () => beta(1, random)).sort();
    const distance = Math.max(...sorted.map((x, i) => Math.abs(x - (i + 0.5) / sorted.length)));
    expect(distance).toBeLessThan(1.63 / 100); // Kolmogorov and Smirnov's statistic, 1 %
  });
});

describe("mixUp", () => {
  const size = 40;
  const row = (i: number) => [i + 1, 2 * i, -3];
  const batch = () => Float32Array.from(Array.from({ length: size }, (_, i) => row(i)).flat());

  test("each row is its own share of itself and the rest of its partner", () => {
    const waves = batch();
    const { partners, shares } = mixUp(waves, size, { probability: 1, alpha: 1 }, new Random(4, "mixup"));
    expect([...partners].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
    for (let i = 0; i < size; i++) {
      expect(shares[i]).toBeGreaterThanOrEqual(0.5);
      expect(shares[i]).toBeLessThanOrEqual(1);
      row(i).forEach((own, k) => {
        const expected = shares[i]! * own + (1 - shares[i]!) * row(partners[i]!)[k]!;
        expect(waves[3 * i + k]).toBeCloseTo(expected, 4);
      });
    }
    expect(new Set(shares).size).toBeGreaterThan(30);
  });

  test("rows that are not drawn stay as they are, with a share of 1", () => {
    const waves = batch();
    const { shares } = mixUp(waves, size, { probability: 0.5, alpha: 1 }, new Random(4, "half"));
    const kept = [...shares.keys()].filter((i) => shares[i] === 1);
    expect(kept.length).toBeGreaterThan(8);
    expect(kept.length).toBeLessThan(32);
    for (const i of kept) expect([...waves.subarray(3 * i, 3 * i + 3)]).toEqual(row(i));
  });
});
