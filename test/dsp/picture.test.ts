import { describe, expect, test } from "vitest";
import { pictureSpectrogram } from "../../src/dsp/picture.js";
import { golden, hasGolden } from "../helpers/golden.js";
import { expectNear } from "../helpers/near.js";

describe.skipIf(!hasGolden)("the picture's numbers against the golden arrays", () => {
  test.each([0, 1].flatMap((wav) => [1, 20].map((factor) => [wav, factor] as const)))(
    "picture %i, factor %i",
    (wav, factor) => {
      const picture = pictureSpectrogram(golden(`picture${wav}_samples`).re, {
        sampleRate: golden(`picture${wav}_rate`).re[0]!,
        frameSize: 1024,
        factor,
      });
      const expected = golden(`picture${wav}_1024_factor${factor}_db`);
      expect([picture.frames, picture.bins]).toEqual(expected.shape);
      expectNear(picture.values, expected.re, 1e-10);
      expectNear(picture.frequencies, golden(`picture${wav}_1024_factor${factor}_freqs`).re, 1e-14);
    },
  );
});

describe("pictureSpectrogram", () => {
  test("silence is minus infinity", () => {
    const { values, frames, bins, times } = pictureSpectrogram(new Float64Array(64), {
      sampleRate: 8,
      frameSize: 16,
    });
    expect([frames, bins]).toEqual([8, 9]);
    expect([...values]).toEqual(new Array(72).fill(Number.NEGATIVE_INFINITY));
    expect([...times]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("a group's bins add up as complex numbers, and every bin is in one group", () => {
    // An impulse in the middle of frame 1 has bins of equal size and alternating sign.
    const impulse = new Float64Array(32);
    impulse[8] = 1;
    const { values, bins } = pictureSpectrogram(impulse, { sampleRate: 1, frameSize: 16, factor: 2 });
    const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * 8) / 15);
    // linspace(0, 1, 9)² · 8 rounds to 0 0 0 1 2 3 4 6 8 (0.125, 0.5, 1.125, 2, 3.125, 4.5, 6.125, 8).
    const sizes = [1, 1, 1, 1, 2, 2, 1];
    const sums = sizes.map((size) => (size % 2) * weight);
    expect(bins).toBe(sizes.length);
    sums.forEach((sum, g) => {
      const amplitude = 10e-6 * 10 ** (values[bins + g]! / 20);
      expect(amplitude).toBeCloseTo(sum, 12);
    });
  });

  test("any frame size and length", () => {
    for (const frameSize of [2, 3, 7, 100])
      for (const length of [1, 5, 99, 250]) {
        const { frames, bins, values } = pictureSpectrogram(new Float64Array(length).fill(1), {
          sampleRate: 100,
          frameSize,
        });
        const hop = Math.ceil(frameSize / 2);
        expect(frames).toBe(Math.ceil((length - hop) / hop) + 1);
        expect(bins).toBe(Math.floor(frameSize / 2) + 1);
        expect(values.length).toBe(frames * bins);
      }
  });

  test.each<[string, 1 | 2, () => unknown, RegExp]>([
    ["an empty signal", 1, () => pictureSpectrogram([], { sampleRate: 1 }), /is empty/],
    ["NaN", 1, () => pictureSpectrogram([Number.NaN], { sampleRate: 1 }), /NaN at sample 0/],
    [
      "a frame of one sample",
      2,
      () => pictureSpectrogram([1], { sampleRate: 1, frameSize: 1 }),
      /at least 2, got 1/,
    ],
    ["a factor of 0", 2, () => pictureSpectrogram([1], { sampleRate: 1, factor: 0 }), /factor.*got 0/],
    ["a rate of 0", 2, () => pictureSpectrogram([1], { sampleRate: 0 }), /sampleRate.*got 0/],
  ])("%s is an error (exit %i)", (_, exitCode, run, message) => {
    expect(run).toThrow(expect.objectContaining({ exitCode, message: expect.stringMatching(message) }));
  });
});
