import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.js";
import { type Spectrogram, transpose } from "../../src/dsp/fourier/spectrogram.js";
import { logMel } from "../../src/dsp/mel.js";
import { delta, mfcc } from "../../src/dsp/mfcc.js";
import { goldenItem, hasGolden } from "../helpers/golden.js";
import { expectNear } from "../helpers/near.js";
import { hasPython, runPython } from "../helpers/python.js";

function noise(frames: number, bins: number, seed = 1): Spectrogram {
  const random = new Random(seed, "mfcc test", frames, bins);
  return { values: Float64Array.from({ length: frames * bins }, () => random.normal()), frames, bins };
}

describe.skipIf(!hasGolden)("MFCC against the golden arrays", () => {
  test("mfcc13_ortho, of the golden log-mel and from the waveform on", () => {
    for (let clip = 0; clip < 3; clip++) {
      const expected = goldenItem("mfcc13_ortho", clip);
      const log = goldenItem("logmel_db_ref1_top80", clip);
      const [bins, frames] = log.shape as [number, number];
      const fromLog = mfcc({ values: transpose(log.re, bins, frames), frames, bins }, 13);
      expect([fromLog.bins, fromLog.frames]).toEqual(expected.shape);
      expectNear(transpose(fromLog.values, frames, 13), expected.re, 1e-12);
      const fromWave = mfcc(
        logMel(goldenItem("wav", clip).re, {
          sampleRate: 8000,
          nFft: 512,
          hop: 80,
          winLength: 240,
          nMels: 40,
          minFrequency: 20,
          padMode: "reflect",
        }),
      );
      expectNear(transpose(fromWave.values, frames, 13), expected.re, 1e-10);
    }
  });
});

describe("mfcc", () => {
  test("keeps the energy when no coefficient is left out", () => {
    const spectrogram = noise(1, 23);
    const energy = (values: Float64Array) => values.reduce((sum, v) => sum + v * v, 0);
    expect(energy(mfcc(spectrogram, 23).values)).toBeCloseTo(energy(spectrogram.values), 12);
  });

  test("of a constant frame is its first coefficient alone", () => {
    const { values } = mfcc({ values: new Float64Array(16).fill(3), frames: 1, bins: 16 }, 5);
    expectNear(values, [12, 0, 0, 0, 0], 1e-14);
  });

  test.each<[string, () => unknown, RegExp]>([
    ["no coefficients", () => mfcc(noise(2, 4), 0), /nMfcc.*got 0/],
    ["more coefficients than bands", () => mfcc(noise(2, 4), 5), /number of mel bands, 4, got 5/],
  ])("%s is wrong usage", (_, run, message) => {
    expect(run).toThrow(expect.objectContaining({ exitCode: 2, message: expect.stringMatching(message) }));
  });
});

describe("delta", () => {
  test("of a polynomial of its order is the derivative at every frame", () => {
    const parabola = Float64Array.from({ length: 12 }, (_, t) => 2 * t * t - 3 * t + 5);
    const line = Float64Array.from({ length: 12 }, (_, t) => 7 - 3 * t);
    expectNear(delta({ values: line, frames: 12, bins: 1 }).values, new Float64Array(12).fill(-3), 1e-13);
    expectNear(
      delta({ values: parabola, frames: 12, bins: 1 }, { order: 2, width: 7 }).values,
      new Float64Array(12).fill(4),
      1e-12,
    );
  });

  test("follows the textbook formula Σ i·(x[t+i] - x[t-i]) / 2Σ i² within the ends", () => {
    const { values, frames, bins } = noise(20, 2);
    const result = delta({ values, frames, bins }, { width: 5 });
    for (let t = 2; t < 18; t++)
      for (let k = 0; k < 2; k++) {
        const at = (frame: number) => values[frame * bins + k]!;
        const expected = (at(t + 1) - at(t - 1) + 2 * (at(t + 2) - at(t - 2))) / 10;
        expect(result.values[t * bins + k]).toBeCloseTo(expected, 13);
      }
  });

  test.each<[string, 1 | 2, () => unknown, RegExp]>([
    ["an even width", 2, () => delta(noise(20, 2), { width: 8 }), /odd, got 8/],
    ["a width of 1", 2, () => delta(noise(20, 2), { width: 1 }), /at least 3, got 1/],
    ["order 0", 2, () => delta(noise(20, 2), { order: 0 }), /order.*got 0/],
    [
      "an order as large as the width",
      2,
      () => delta(noise(20, 2), { width: 3, order: 3 }),
      /below the width, 3, got 3/,
    ],
    ["too few frames", 1, () => delta(noise(8, 2)), /at least 9 frames for deltas.*has 8/],
  ])("%s is an error (exit %i)", (_, exitCode, run, message) => {
    expect(run).toThrow(expect.objectContaining({ exitCode, message: expect.stringMatching(message) }));
  });
});

describe.skipIf(!hasPython("librosa"))("MFCC and deltas against librosa (Python)", () => {
  test("random sizes, widths and orders", () => {
    const random = new Random(13, "mfcc settings");
    const cases = Array.from({ length: 20 }, () => {
      const width = 3 + 2 * random.integer(6);
      const spectrogram = noise(width + random.integer(20), 1 + random.integer(50), random.uint32());
      const order = 1 + random.integer(Math.min(3, width - 1));
      return { ...spectrogram, width, order, nMfcc: 1 + random.integer(spectrogram.bins) };
    });
    const expected = runPython<{ mfcc: number[][]; delta: number[][] }[]>(
      `
import librosa
output = []
for c in input:
    s = np.array(c["values"]).reshape(c["frames"], c["bins"]).T
    output.append({"mfcc": librosa.feature.mfcc(S=s, n_mfcc=c["nMfcc"]),
                   "delta": librosa.feature.delta(s, width=c["width"], order=c["order"])})
`,
      cases,
    );
    cases.forEach(({ nMfcc, width, order, ...spectrogram }, i) => {
      const { frames, bins } = spectrogram;
      expectNear(transpose(mfcc(spectrogram, nMfcc).values, frames, nMfcc), expected[i]!.mfcc.flat(), 1e-12);
      const result = delta(spectrogram, { width, order });
      expectNear(
        transpose(result.values, frames, bins),
        expected[i]!.delta.flat(),
        1e-10,
        `${width} ${order}`,
      );
    });
  });
});
