import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.js";
import { type PsdOptions, psdSpectrogram } from "../../src/dsp/fourier/psd.js";
import { transpose } from "../../src/dsp/fourier/spectrogram.js";
import { sine } from "../../src/dsp/generators.js";
import { golden, goldenItem, hasGolden } from "../helpers/golden.js";
import { expectNear } from "../helpers/near.js";
import { hasPython, runPython } from "../helpers/python.js";

function noise(length: number, seed = 1): number[] {
  const random = new Random(seed, "psd test", length);
  return Array.from({ length }, (_, i) => random.normal() + 3 + i / 50);
}

test.skipIf(!hasGolden)("spectrogram_nfft4096_noverlap5 of the golden arrays", () => {
  const psd = psdSpectrogram(goldenItem("wav", 0).re, { sampleRate: 8000, nFft: 4096, overlap: 5 });
  const expected = golden("spectrogram_nfft4096_noverlap5");
  expect([psd.bins, psd.frames]).toEqual(expected.shape);
  expectNear(transpose(psd.values, psd.frames, psd.bins), expected.re, 1e-12);
  expectNear(psd.frequencies, golden("spectrogram_f").re, 1e-14);
  expectNear(psd.times, golden("spectrogram_t").re, 1e-14);
});

describe("psdSpectrogram", () => {
  test("a density adds up to the mean square (Parseval)", () => {
    const random = new Random(2, "white");
    const signal = Array.from({ length: 256 }, () => random.normal());
    const { values, bins } = psdSpectrogram(signal, {
      sampleRate: 1000,
      winLength: 256,
      overlap: 0,
      window: "rectangular",
      detrend: false,
    });
    const hzPerBin = 1000 / 256;
    const total = values.subarray(0, bins).reduce((a, b) => a + b * hzPerBin, 0);
    expect(total).toBeCloseTo(signal.reduce((a, b) => a + b * b, 0) / 256, 12);
  });

  test("a spectrum's peak is a sine's mean square", () => {
    const signal = sine({ frequency: 125, amplitude: 3, sampleRate: 1000, seconds: 1 });
    const { values, frequencies } = psdSpectrogram(signal, {
      sampleRate: 1000,
      winLength: 200,
      scaling: "spectrum",
    });
    const peak = frequencies.indexOf(125);
    expect(values[peak]).toBeCloseTo(4.5, 3);
  });

  test("detrending takes off the mean, or the line", () => {
    const line = Float64Array.from({ length: 512 }, (_, i) => 5 + 0.25 * i);
    const most = (detrend: PsdOptions["detrend"]) =>
      psdSpectrogram(line, { sampleRate: 1, detrend: detrend ?? false }).values.reduce((a, b) =>
        Math.max(a, b),
      );
    expect(most("linear")).toBeLessThan(1e-20);
    expect(most("constant")).toBeGreaterThan(1);
    expect(most(false)).toBeGreaterThan(most("constant"));
  });

  test("a short signal is one segment", () => {
    const { frames, bins, times } = psdSpectrogram(noise(100), { sampleRate: 10 });
    expect([frames, bins, times[0]]).toEqual([1, 51, 5]);
  });

  const signal = noise(300);
  test.each<[string, 1 | 2, () => unknown, RegExp]>([
    ["NaN", 1, () => psdSpectrogram([1, Number.NaN], { sampleRate: 1 }), /NaN at sample 1/],
    ["an empty signal", 1, () => psdSpectrogram([], { sampleRate: 1 }), /is empty/],
    [
      "a segment longer than the signal",
      1,
      () => psdSpectrogram(signal, { sampleRate: 1, winLength: 301 }),
      /300 samples/,
    ],
    [
      "a segment longer than nFft",
      2,
      () => psdSpectrogram(signal, { sampleRate: 1, nFft: 128 }),
      /winLength 256, nFft 128/,
    ],
    [
      "an overlap as long as the segment",
      2,
      () => psdSpectrogram(signal, { sampleRate: 1, overlap: 256 }),
      /got 256/,
    ],
    [
      "a negative overlap",
      2,
      () => psdSpectrogram(signal, { sampleRate: 1, overlap: -1 }),
      /overlap.*got -1/,
    ],
    ["a rate of 0", 2, () => psdSpectrogram(signal, { sampleRate: 0 }), /sampleRate.*got 0/],
    [
      "an unknown scaling",
      2,
      () => psdSpectrogram(signal, { sampleRate: 1, scaling: "x" as "density" }),
      /got x/,
    ],
    [
      "an unknown detrending",
      2,
      () => psdSpectrogram(signal, { sampleRate: 1, detrend: "x" as "linear" }),
      /got x/,
    ],
  ])("%s is an error (exit %i)", (_, exitCode, run, message) => {
    expect(run).toThrow(expect.objectContaining({ exitCode, message: expect.stringMatching(message) }));
  });
});

describe.skipIf(!hasPython("scipy.signal"))("psdSpectrogram against SciPy (Python)", () => {
  test("random settings", () => {
    const random = new Random(17, "psd settings");
    const cases = Array.from({ length: 30 }, () => {
      const winLength = 1 + random.integer(300);
      return {
        sampleRate: random.between(1, 20_000),
        winLength,
        overlap: random.integer(winLength),
        nFft: winLength + random.integer(100),
        detrend: random.pick<"constant" | "linear" | false>(["constant", "linear", false]),
        scaling: random.pick<"density" | "spectrum">(["density", "spectrum"]),
        signal: noise(300 + random.integer(500), random.uint32()),
      };
    });
    const expected = runPython<{ f: number[]; t: number[]; s: number[][] }[]>(
      `
from scipy.signal import spectrogram
output = []
for c in input:
    f, t, s = spectrogram(np.array(c["signal"]), fs=c["sampleRate"], nperseg=c["winLength"], noverlap=c["overlap"],
                          nfft=c["nFft"], detrend=c["detrend"], scaling=c["scaling"])
    output.append({"f": f, "t": t, "s": s})
`,
      cases,
    );
    cases.forEach(({ signal, ...options }, i) => {
      const { values, frames, bins, times, frequencies } = psdSpectrogram(signal, options);
      const what = JSON.stringify(options);
      // After detrending a segment of one or two samples nothing is left but rounding.
      if (options.winLength > 2 || !options.detrend)
        expectNear(transpose(values, frames, bins), expected[i]!.s.flat(), 1e-9, what);
      expectNear(times, expected[i]!.t, 1e-12, what);
      expectNear(frequencies, expected[i]!.f, 1e-12, what);
    });
  });
});
