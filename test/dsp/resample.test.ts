import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.js";
import { resample, resamplingFilter } from "../../src/dsp/resample.js";

const pairs = [
  [48000, 8000],
  [44100, 8000],
  [22050, 8000],
  [16000, 8000],
  [11025, 8000],
  [12345, 8000],
  [8000, 11025],
  [8000, 16000],
  [8000, 44100],
  [16000, 48000],
] as const;

describe.each(pairs)("resample from %i to %i Hz", (fromRate, toRate) => {
  const nyquist = Math.min(fromRate, toRate) / 2;

  // A sine in the middle of a second, away from the ends where the signal begins and stops: its gain at the frequency that
  // is meant, and what there is besides, in dB of the sine.
  function measure(frequency: number): { gain: number; rest: number } {
    const out = resample(sine(frequency, fromRate, fromRate), fromRate, toRate);
    const margin = Math.round(toRate / 5);
    let power = 0;
    let re = 0;
    let im = 0;
    let weights = 0;
    for (let i = margin; i < out.length - margin; i++) {
      const weight = Math.sin((Math.PI * (i - margin + 0.5)) / (out.length - 2 * margin)) ** 2;
      const angle = (2 * Math.PI * frequency * i) / toRate;
      re += weight * out[i]! * Math.sin(angle);
      im += weight * out[i]! * Math.cos(angle);
      weights += weight / 2;
    }
    const [a, b] = [re / weights, im / weights];
    for (let i = margin; i < out.length - margin; i++) {
      const angle = (2 * Math.PI * frequency * i) / toRate;
      power = Math.max(power, Math.abs(out[i]! - a * Math.sin(angle) - b * Math.cos(angle)));
    }
    return { gain: decibels(a), rest: decibels(power) };
  }

  it("passes what is below 0.9 of the lower Nyquist frequency, in phase and without images", () => {
    for (const share of [0.01, 0.1, 0.25, 0.5, 0.75, 0.85, 0.9]) {
      const { gain, rest } = measure(share * nyquist);
      expect(Math.abs(gain), `${share}`).toBeLessThan(0.05);
      expect(rest, `${share}`).toBeLessThan(-60);
    }
  });

  if (toRate < fromRate)
    it("lets nothing above the new Nyquist frequency alias back above -60 dB", () => {
      const steps = 200;
      for (let step = 0; step <= steps; step++) {
        const frequency = nyquist + ((fromRate / 2 - nyquist) * step) / steps;
        const out = resample(sine(frequency, fromRate, fromRate / 4, 0.7), fromRate, toRate);
        const margin = Math.round(toRate / 16);
        const peak = out.subarray(margin, -margin).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        expect(decibels(peak), `${frequency.toFixed(1)} Hz`).toBeLessThan(-60);
      }
    });

  it("keeps an impulse where it was", () => {
    const samples = new Float32Array(fromRate);
    samples[fromRate / 5] = 1; // at 0.2 s
    const out = resample(samples, fromRate, toRate);
    const at = out.reduce((best, x, i) => (x > out[best]! ? i : best), 0);
    expect(at).toBe(Math.round(toRate / 5));
  });
});

describe("resample", () => {
  it("gives ceil(n * to / from) samples, for any rates and lengths", () => {
    const rate = fc.integer({ min: 1, max: 400 });
    fc.assert(
      fc.property(rate, rate, fc.integer({ min: 0, max: 300 }), (fromRate, toRate, length) => {
        const out = resample(new Float32Array(length).fill(0.5), fromRate, toRate);
        expect(out.length).toBe(Math.ceil((length * toRate) / fromRate));
        expect(out.every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("is the convolution that defines it: zeros between the samples, the filter, every so many-th value", () => {
    const ratio = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(ratio, ratio, fc.integer({ min: 1, max: 60 }), fc.integer(), (up, down, length, seed) => {
        fc.pre(up !== down);
        const random = new Random(seed, "test");
        const samples = Float32Array.from({ length }, () => random.between(-1, 1));
        const out = resample(samples, down, up);
        expectClose(out, byDefinition(samples, down, up), 1e-6);
      }),
      { numRuns: 60 },
    );
  });

  it("comes back to the same signal after going up and down, where the band is not full", () => {
    const samples = new Float32Array(8000);
    for (const frequency of [60, 440, 1234, 2900, 3500]) {
      sine(frequency, 8000, 8000, frequency).forEach((x, i) => {
        samples[i]! += 0.2 * x * Math.sin((Math.PI * i) / 8000) ** 2;
      });
    }
    for (const rate of [11025, 16000, 44100, 48000]) {
      const back = resample(resample(samples, 8000, rate), rate, 8000);
      expect(back.length).toBeGreaterThanOrEqual(8000);
      expectClose(back.subarray(0, 8000), samples, 1e-3);
    }
  });

  it("is linear", () => {
    const random = new Random(7, "test");
    const a = Float32Array.from({ length: 500 }, () => random.between(-1, 1));
    const b = Float32Array.from({ length: 500 }, () => random.between(-1, 1));
    const both = resample(
      a.map((x, i) => 2 * x - 3 * b[i]!),
      22050,
      8000,
    );
    const [outA, outB] = [resample(a, 22050, 8000), resample(b, 22050, 8000)];
    expectClose(
      both,
      outA.map((x, i) => 2 * x - 3 * outB[i]!),
      1e-5,
    );
  });

  it("gives the same for the same ratio, however many others came between", () => {
    const samples = sine(300, 16000, 1000);
    const first = resample(samples, 16000, 8000);
    for (let rate = 9000; rate < 9020; rate++) resample(samples, rate * 10, 8000);
    expect(resample(samples, 32000, 16000)).toEqual(first);
  });

  it("copies where the rates are equal", () => {
    const samples = Float32Array.of(1, 2, 3);
    const out = resample(samples, 8000, 8000);
    expect(out).toEqual(samples);
    expect(out).not.toBe(samples);
  });

  it.each([0, -8000, 8000.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses a rate of %s", (rate) => {
    expect(() => resample(new Float32Array(4), rate, 8000)).toThrow(/positive whole number of Hz/);
    expect(() => resample(new Float32Array(4), 8000, rate)).toThrow(/positive whole number of Hz/);
  });
});

const python = process.env.KEYSPOT_PYTHON ?? "python3";

describe.skipIf(!pythonHasScipy())("resample beside scipy.signal.resample_poly", () => {
  it("agrees for every pair of rates, with the same filter", () => {
    const random = new Random(1, "test");
    const samples = Float32Array.from({ length: 1237 }, () => random.between(-1, 1));
    const script = [
      "import json, sys",
      "import numpy as np",
      "from scipy.signal import resample_poly",
      "x, cases = json.load(sys.stdin)",
      "scaled = lambda filter: np.array(filter) / np.sum(filter)",
      "print(json.dumps([resample_poly(np.array(x), up, down, window=scaled(f)).tolist() for f, up, down in cases]))",
    ].join("\n");
    const cases = pairs.map(([from, to]) => [Array.from(resamplingFilter(from, to)), to, from]);
    const input = JSON.stringify([Array.from(samples), cases]);
    const answer = execFileSync(python, ["-c", script], { input, encoding: "utf8", maxBuffer: 1 << 28 });
    const expected = JSON.parse(answer) as number[][];
    pairs.forEach(([fromRate, toRate], i) => {
      expectClose(resample(samples, fromRate, toRate), expected[i]!, 2e-6);
    });
  });
});

function pythonHasScipy(): boolean {
  try {
    execFileSync(python, ["-c", "import scipy.signal"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function byDefinition(samples: Float32Array, down: number, up: number): Float64Array {
  const divisor = greatestCommonDivisor(up, down);
  const [zeros, step] = [up / divisor, down / divisor];
  const filter = resamplingFilter(down, up);
  const delay = (filter.length - 1) / 2;
  return Float64Array.from({ length: Math.ceil((samples.length * zeros) / step) }, (_, m) => {
    let sum = 0;
    samples.forEach((x, n) => {
      sum += x * (filter[m * step + delay - n * zeros] ?? 0);
    });
    return sum;
  });
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function sine(frequency: number, sampleRate: number, length: number, phase = 0): Float32Array {
  return Float32Array.from({ length }, (_, i) =>
    Math.sin((2 * Math.PI * frequency * i) / sampleRate + phase),
  );
}

function decibels(amplitude: number): number {
  return 20 * Math.log10(Math.abs(amplitude));
}

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < found.length; i++) worst = Math.max(worst, Math.abs(found[i]! - expected[i]!));
  expect(worst).toBeLessThan(tolerance);
}
