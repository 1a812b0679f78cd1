import { describe, expect, test } from "vitest";
import { fft } from "../../src/dsp/fourier/fft.js";
import { complexSine, generate, sine } from "../../src/dsp/generators.js";
import { expectNear } from "../helpers/near.js";

describe("generators", () => {
  test("a sine of 10 Hz, phase 1, at 50 Hz for 100 ms", () => {
    const values = sine({ frequency: 10, amplitude: 1, phase: 1, sampleRate: 50, seconds: 0.1 });
    expectNear(
      values,
      [0, 1, 2, 3, 4].map((i) => Math.cos(0.4 * Math.PI * i + 1)),
      1e-15,
    );
    // The figures to reproduce were made with times in single precision, which shows from the eighth digit on.
    const figures = [0.5403023059, -0.633323847, -0.9317180031, 0.0574904034, 0.9672490295];
    expectNear(values, figures, 1e-7);
    const interval = Math.fround(1 / 50);
    expectNear(
      sine({ frequency: 10, amplitude: 1, phase: 1, sampleRate: 50, seconds: 0.1, interval }),
      figures,
      1e-10,
    );
  });

  test("amplitude 1 and phase 0 unless they are given", () => {
    const short = { frequency: 1, sampleRate: 4, seconds: 1 };
    expectNear(sine(short), [1, 0, -1, 0], 1e-15);
    expectNear(sine({ ...short, amplitude: 3, phase: -Math.PI / 2 }), [0, 3, 0, -3], 1e-15);
  });

  test("samples lie at the times within the duration", () => {
    const count = (sampleRate: number, seconds: number) => generate((i) => i, { sampleRate, seconds }).length;
    expect(count(50, 0.1)).toBe(5);
    expect(count(50, 0.11)).toBe(6); // 0, 20, … 100 ms
    expect(count(100, 0.07)).toBe(7); // 7.000000000000001 in binary
    expect(count(8000, 1)).toBe(8000);
    expect(count(8000, 0)).toBe(0);
  });

  test("any function of the index and the rate", () => {
    expect([...generate((i, rate) => i / rate, { sampleRate: 4, seconds: 1 })]).toEqual([0, 0.25, 0.5, 0.75]);
  });

  test("the complex sine k = 1, n = 5", () => {
    const { re, im } = complexSine(1, 5);
    expectNear(re, [1, 0.309017, -0.809017, -0.809017, 0.309017], 1e-6);
    expectNear(im, [0, -0.951057, -0.587785, 0.587785, 0.951057], 1e-6);
  });

  test("a complex sine has one bin, n - k; k counts modulo n", () => {
    for (const [k, bin] of [
      [3, 9],
      [0, 0],
      [-2, 2],
      [15, 9],
    ] as const) {
      const { re, im } = fft(complexSine(k, 12));
      expectNear(
        re,
        Float64Array.from({ length: 12 }, (_, i) => (i === bin ? 12 : 0)),
        1e-14,
      );
      expectNear([12, ...im], [12, ...new Float64Array(12)], 1e-14);
    }
  });

  const short = { frequency: 1, sampleRate: 10, seconds: 1 };
  test.each<[string, () => unknown, RegExp]>([
    ["a frequency above half the rate", () => sine({ ...short, frequency: 5.1 }), /0 and 5 Hz.*got 5.1/],
    ["a negative frequency", () => sine({ ...short, frequency: -1 }), /got -1/],
    [
      "a rate of 0",
      () => sine({ ...short, sampleRate: 0, frequency: 0 }),
      /sampleRate must be.*above 0, got 0/,
    ],
    ["an amplitude that is no number", () => sine({ ...short, amplitude: Number.NaN }), /amplitude.*NaN/],
    ["an endless duration", () => sine({ ...short, seconds: Number.POSITIVE_INFINITY }), /seconds.*Infinity/],
    ["a negative duration", () => sine({ ...short, seconds: -1 }), /negative, got -1/],
    ["n 0", () => complexSine(1, 0), /n must be.*got 0/],
    ["a broken k", () => complexSine(0.5, 4), /k must be a whole number, got 0.5/],
  ])("%s is wrong usage", (_, run, message) => {
    expect(run).toThrow(expect.objectContaining({ exitCode: 2, message: expect.stringMatching(message) }));
  });
});
