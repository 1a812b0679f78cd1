import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.js";
import { powerSpectrogram } from "../../../src/dsp/fourier/stft.js";
import { pictureSpectrogram } from "../../../src/dsp/picture.js";
import { createWindow, type WindowName, windowNames } from "../../../src/dsp/windows.js";
import { poolFrames } from "../../../src/sound/picture/sound-picture.js";
import {
  type LazySpectrogram,
  levelSpectrogram,
  pictureLevels,
} from "../../../src/sound/spectrogram/levels.js";
import { silenceDb } from "../../../src/sound/spectrogram/power.js";
import { expectNear } from "../../helpers/near.js";

const noise = (length: number) => {
  const random = new Random(1, "noise");
  return Float32Array.from({ length }, () => random.between(-1, 1));
};
const cosine = (hz: number, length: number, amplitude = 1) =>
  Float32Array.from({ length }, (_, i) => amplitude * Math.cos((2 * Math.PI * hz * i) / 16000));

/** All blocks behind each other. */
function valuesOf(frames: LazySpectrogram): Float64Array {
  const blocks = [...frames.blocks()];
  const all = new Float64Array(blocks.reduce((sum, { values }) => sum + values.length, 0));
  let at = 0;
  for (const { values } of blocks) {
    all.set(values, at);
    at += values.length;
  }
  expect(all.length).toBe(frames.count * frames.frequencies.length);
  return all;
}

describe("levels", () => {
  test.each([
    [512, 512, 64, "hann"],
    [300, 200, 77, "blackman"],
    [129, 101, 13, "rectangular"],
    [1, 1, 1, "hann"],
  ] as const)(
    "are the STFT's, padded by reflection: nFft %i, window %i, hop %i, %s",
    (nFft, winLength, hop, window) => {
      const samples = noise(2000);
      const frames = levelSpectrogram(samples, 16000, { nFft, winLength, hop, window });
      const powers = powerSpectrogram(samples, { nFft, winLength, hop, window, padMode: "reflect" });
      const fullScale = createWindow(window, winLength).reduce((a, b) => a + b) / 2;
      const amplitude = valuesOf(frames).map((value) => fullScale * 10 ** (value / 20));
      expect(frames.count).toBe(powers.frames);
      expectNear(amplitude, powers.values.map(Math.sqrt), 1e-9);
      expect(frames.seconds).toBe(hop / 16000);
      expectNear(
        frames.frequencies,
        Float64Array.from({ length: powers.bins }, (_, k) => (k * 16000) / nFft),
        1e-15,
      );
    },
  );

  test("do not depend on where a block ends, nor a signal shorter than its padding", () => {
    // 40,000 frames of 33 bins take two blocks.
    const samples = noise(40000);
    const frames = levelSpectrogram(samples, 16000, { nFft: 64, hop: 1 });
    expect([...frames.blocks()].length).toBeGreaterThan(1);
    const powers = powerSpectrogram(samples, { nFft: 64, hop: 1, padMode: "reflect" });
    const levels = valuesOf(frames).map((value) => 10 ** (value / 10) * 16 ** 2);
    expectNear(levels, powers.values, 1e-12);
    for (const length of [1, 2, 5]) {
      const short = levelSpectrogram(noise(length), 16000, { nFft: 64, hop: 3 });
      const expected = powerSpectrogram(noise(length), { nFft: 64, hop: 3, padMode: "reflect" });
      expectNear(
        valuesOf(short).map((value) => 10 ** (value / 10) * 16 ** 2),
        expected.values,
        1e-12,
      );
    }
  });

  test.each<WindowName>([...windowNames])(
    "a sine of full scale in the middle of a bin has 0 dB: %s",
    (window) => {
      const frames = levelSpectrogram(cosine(1000, 16000), 16000, { nFft: 512, hop: 128, window });
      const values = valuesOf(frames);
      const bins = frames.frequencies.length;
      expect(frames.frequencies[32]).toBe(1000);
      for (let t = 4; t < frames.count - 4; t++) {
        expect(values[t * bins + 32]).toBeCloseTo(0, 4);
        const largest = values.subarray(t * bins, (t + 1) * bins).reduce((a, b) => Math.max(a, b));
        expect(values[t * bins + 32]).toBe(largest);
      }
      const half = valuesOf(
        levelSpectrogram(cosine(1000, 16000, 0.5), 16000, { nFft: 512, hop: 128, window }),
      );
      expect(half[40 * bins + 32]).toBeCloseTo(20 * Math.log10(0.5), 4);
    },
  );

  test("silence has a level that is a number", () => {
    const values = valuesOf(levelSpectrogram(new Float32Array(1000), 16000));
    expect(new Set(values)).toEqual(new Set([silenceDb]));
  });

  test.each([
    [8000, 256],
    [11025, 256],
    [16000, 512],
    [44100, 1024],
    [48000, 1024],
  ])(
    "at %i Hz the transform has %i points, a window as many, and an eighth of it is the hop",
    (sampleRate, nFft) => {
      expect(levelSpectrogram(noise(4000), sampleRate)).toMatchObject({
        nFft,
        winLength: nFft,
        hop: nFft / 8,
      });
    },
  );

  test("the transform grows with a longer window, the hop follows the window", () => {
    expect(levelSpectrogram(noise(4000), 8000, { winLength: 600 })).toMatchObject({
      nFft: 1024,
      winLength: 600,
      hop: 75,
    });
    expect(levelSpectrogram(noise(4000), 8000, { winLength: 100 })).toMatchObject({
      nFft: 256,
      winLength: 100,
      hop: 12,
    });
  });

  test("a band has the bins that lie in it, its ends too, with the same values", () => {
    const whole = levelSpectrogram(noise(4000), 16000, { nFft: 512 });
    const band = levelSpectrogram(noise(4000), 16000, { nFft: 512, minFrequency: 62.5, maxFrequency: 200 });
    expect([...band.frequencies]).toEqual([62.5, 93.75, 125, 156.25, 187.5]);
    const [all, part] = [valuesOf(whole), valuesOf(band)];
    for (let t = 0; t < whole.count; t++)
      for (let k = 0; k < 5; k++) expect(part[t * 5 + k]).toBe(all[t * 257 + k + 2]);
  });

  test.each<[string, 1 | 2, Parameters<typeof levelSpectrogram>[2], RegExp]>([
    ["a hop of 0", 2, { hop: 0 }, /hop.*at least 1, got 0/],
    ["a window longer than the transform", 2, { nFft: 256, winLength: 300 }, /winLength 300, nFft 256/],
    ["half a sample", 2, { nFft: 256.5 }, /nFft.*got 256.5/],
    ["a frequency below 0", 2, { minFrequency: -1 }, /minFrequency.*got -1/],
    ["a band that goes down", 2, { minFrequency: 200, maxFrequency: 100 }, /got 100 and 200/],
    ["a frequency above half the rate", 1, { maxFrequency: 8001 }, /tone: .*8000 Hz.*16000 Hz, got 8001/],
    ["a lower end above half the rate", 1, { minFrequency: 9000 }, /8000 Hz.*got 9000/],
    [
      "a band between two bins",
      1,
      { nFft: 512, minFrequency: 100, maxFrequency: 120 },
      /no bin.*31.25 Hz apart/,
    ],
  ])("%s is an error (exit %i)", (_, exitCode, options, message) => {
    expect(() => levelSpectrogram(noise(100), 16000, options, "tone")).toThrow(
      expect.objectContaining({ exitCode, message: expect.stringMatching(message) }),
    );
  });

  test("NaN and nothing at all are errors", () => {
    expect(() => [...levelSpectrogram(Float32Array.of(0, Number.NaN), 16000).blocks()]).toThrow(/NaN/);
    expect(() => levelSpectrogram(new Float32Array(0), 16000, {}, "x.wav")).toThrow(/x.wav is empty/);
  });
});

describe("pooling", () => {
  test("keeps the largest value of neighbours and says when they were", () => {
    const samples = new Float32Array(16000);
    samples[8000] = 1; // a click at 0.5 s
    const frames = levelSpectrogram(samples, 16000, { nFft: 64, hop: 16 });
    const pooled = poolFrames(frames, 300);
    expect(frames.count).toBe(1001);
    expect([pooled.frames, pooled.bins]).toEqual([334, 33]); // of three each, the last of two
    const all = valuesOf(frames);
    for (let t = 0; t < pooled.frames; t++)
      for (let k = 0; k < 33; k++) {
        const each = [3 * t, 3 * t + 1, 3 * t + 2].filter((at) => at < 1001).map((at) => all[at * 33 + k]!);
        expect(pooled.values[t * 33 + k]).toBe(Math.max(...each));
      }
    expect(pooled.times[0]).toBeCloseTo(0.001, 12);
    expect(pooled.times[1]).toBeCloseTo(0.004, 12);
    expect(pooled.times[333]).toBeCloseTo(0.9995, 12);
    const loudest = pooled.values.indexOf(pooled.values.reduce((a, b) => Math.max(a, b)));
    expect(Math.abs(pooled.times[Math.floor(loudest / 33)]! - 0.5)).toBeLessThan(0.003);
  });

  test("leaves fewer frames than asked for as they are", () => {
    const frames = levelSpectrogram(noise(1000), 16000);
    const { values, times } = poolFrames(frames, 1600);
    expect([...values]).toEqual([...valuesOf(frames)]);
    expect(times[5]).toBeCloseTo(5 * frames.seconds, 12);
  });
});

test("the bare picture's frames are those of its function, of samples as 16-bit numbers", () => {
  const samples = noise(5000).map((value) => Math.round(32767 * value) / 32768);
  const frames = pictureLevels(samples, 8000, { frameSize: 100, factor: 3 });
  const expected = pictureSpectrogram(
    samples.map((value) => value * 32768),
    { sampleRate: 8000, frameSize: 100, factor: 3 },
  );
  expect([...valuesOf(frames)]).toEqual([...expected.values]);
  expect([...frames.frequencies]).toEqual([...expected.frequencies]);
  expect(frames.seconds * 7).toBeCloseTo(expected.times[7]!, 12);
});
