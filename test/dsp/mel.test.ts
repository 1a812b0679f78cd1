import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.js";
import { transpose } from "../../src/dsp/fourier/spectrogram.js";
import {
  applyFilterBank,
  hzToMel,
  logMel,
  type MelScale,
  melFilterBank,
  melSpectrogram,
  melToHz,
} from "../../src/dsp/mel.js";
import { golden, goldenItem, hasGolden } from "../helpers/golden.js";
import { expectNear } from "../helpers/near.js";
import { hasPython, runPython } from "../helpers/python.js";

const speech = {
  sampleRate: 8000,
  nFft: 512,
  hop: 80,
  winLength: 240,
  nMels: 40,
  minFrequency: 20,
  maxFrequency: 4000,
  padMode: "reflect",
} as const;

function noise(length: number, seed = 1): number[] {
  const random = new Random(seed, "mel test", length);
  return Array.from({ length }, () => random.normal());
}

describe.skipIf(!hasGolden)("mel against the golden arrays", () => {
  test("the filter bank", () => {
    const expected = golden("melfb_slaney_8k_512_40_20_4000");
    const { weights, nMels, bins } = melFilterBank(speech);
    expect([nMels, bins]).toEqual(expected.shape);
    expectNear(weights, expected.re, 1e-13);
  });

  test("mel power and log-mel of real clips", () => {
    for (let clip = 0; clip < 3; clip++) {
      const { re: signal } = goldenItem("wav", clip);
      const mel = melSpectrogram(signal, speech);
      expect([mel.bins, mel.frames]).toEqual([40, 101]);
      expectNear(transpose(mel.values, 101, 40), goldenItem("mel_power_512_80_240", clip).re, 1e-12);
      const log = logMel(signal, speech);
      expectNear(transpose(log.values, 101, 40), goldenItem("logmel_db_ref1_top80", clip).re, 1e-10);
    }
  });
});

describe("the mel scales", () => {
  test("at points of their definitions", () => {
    expect(hzToMel(1000)).toBeCloseTo(15, 12);
    expect(hzToMel(500)).toBeCloseTo(7.5, 12);
    expect(hzToMel(6400)).toBeCloseTo(42, 12); // 27 steps from 1000 to 6400 Hz
    expect(hzToMel(700, "htk")).toBeCloseTo(2595 * Math.log10(2), 9);
    expect(hzToMel(1000, "htk")).toBeCloseTo(1000, 1); // what its constants are made for
  });

  test("come back", () => {
    for (const scale of ["slaney", "htk"] as const)
      for (const hz of [0, 1, 440, 999.9, 1000, 1000.1, 4000, 20_000])
        expect(melToHz(hzToMel(hz, scale), scale)).toBeCloseTo(hz, 8);
  });
});

describe("the mel filter bank", () => {
  test("is triangles: zero at the neighbours' centres, 1 at their own, adding up to 1 between", () => {
    const { weights, nMels, bins, centers } = melFilterBank({
      sampleRate: 8000,
      nFft: 4000,
      nMels: 8,
      norm: "none",
    });
    // Bins are 2 Hz apart here.
    for (let k = Math.ceil(centers[0]! / 2); 2 * k <= centers[nMels - 1]!; k++) {
      let sum = 0;
      for (let m = 0; m < nMels; m++) sum += weights[m * bins + k]!;
      expect(sum).toBeCloseTo(1, 12);
    }
    for (let m = 0; m < nMels; m++)
      for (let k = 0; k < bins; k++)
        if (Math.abs(2 * k - centers[m]!) > centers[m]!) expect(weights[m * bins + k]).toBeLessThan(1);
  });

  test("has equal areas under Slaney's normalisation", () => {
    const { weights, nMels, bins } = melFilterBank({ sampleRate: 8000, nFft: 8000, nMels: 20 });
    for (let m = 0; m < nMels; m++) {
      const area = weights.subarray(m * bins, (m + 1) * bins).reduce((a, b) => a + b, 0); // bins are 1 Hz apart
      expect(area).toBeCloseTo(1, 3);
    }
  });

  test("HTK's has no normalisation unless it is asked for", () => {
    const options = { sampleRate: 16_000, nFft: 512, scale: "htk" } as const;
    expect(melFilterBank(options)).toEqual(melFilterBank({ ...options, norm: "none" }));
    expect(melFilterBank(options)).not.toEqual(melFilterBank({ ...options, norm: "slaney" }));
  });

  test("its bands' bounds hold all that is not zero, and give the whole matrix product", () => {
    const bank = melFilterBank({ sampleRate: 8000, nFft: 64, nMels: 40 }); // some bands hold no bin
    const spectrogram = { values: Float64Array.from(noise(3 * 33)), frames: 3, bins: 33 };
    const { values } = applyFilterBank(spectrogram, bank);
    for (let t = 0; t < 3; t++)
      for (let m = 0; m < 40; m++) {
        let sum = 0;
        for (let k = 0; k < 33; k++) sum += bank.weights[m * 33 + k]! * spectrogram.values[t * 33 + k]!;
        expect(values[t * 40 + m]).toBeCloseTo(sum, 14);
      }
    expect(bank.ends.some((end) => end === 0)).toBe(true);
  });

  test("writing to one leaves the next melSpectrogram as it should be", () => {
    const before = melSpectrogram(noise(800), speech);
    melFilterBank(speech).weights.fill(0);
    expect(melSpectrogram(noise(800), speech)).toEqual(before);
  });

  test.each<[string, 1 | 2, () => unknown, RegExp]>([
    ["no bands", 2, () => melFilterBank({ ...speech, nMels: 0 }), /nMels must be.*got 0/],
    [
      "a frequency above half the rate",
      1,
      () => melFilterBank({ ...speech, maxFrequency: 4001 }),
      /maxFrequency must not be above 4000 Hz.*got 4001/,
    ],
    [
      "a lowest frequency above it",
      1,
      () => melFilterBank({ ...speech, minFrequency: 5000 }),
      /minFrequency.*4000 Hz/,
    ],
    [
      "bounds the wrong way round",
      2,
      () => melFilterBank({ ...speech, minFrequency: 100, maxFrequency: 90 }),
      /100 and 90/,
    ],
    [
      "a negative frequency",
      2,
      () => melFilterBank({ ...speech, minFrequency: -1 }),
      /at least 0 Hz, got -1/,
    ],
    [
      "a frequency that is no number",
      2,
      () => melSpectrogram(noise(9), { ...speech, minFrequency: Number.NaN }),
      /NaN/,
    ],
    [
      "an unknown scale",
      2,
      () => melFilterBank({ ...speech, scale: "bark" as MelScale }),
      /slaney, htk, got bark/,
    ],
    ["an unknown scale of one value", 2, () => hzToMel(1, "bark" as MelScale), /slaney, htk, got bark/],
    ["a rate of 0", 2, () => melFilterBank({ ...speech, sampleRate: 0 }), /sampleRate.*got 0/],
    ["NaN in the signal", 1, () => logMel([Number.NaN], speech), /NaN at sample 0/],
    ["a hop of 0", 2, () => logMel([1], { ...speech, hop: 0 }), /hop.*got 0/],
    [
      "a bank for other bins",
      1,
      () => applyFilterBank({ values: new Float64Array(9), frames: 1, bins: 9 }, melFilterBank(speech)),
      /for 257 bins, the spectrogram has 9/,
    ],
  ])("%s is an error (exit %i)", (_, exitCode, run, message) => {
    expect(run).toThrow(expect.objectContaining({ exitCode, message: expect.stringMatching(message) }));
  });
});

describe.skipIf(!hasPython("librosa"))("mel against librosa (Python)", () => {
  test("random banks and mel spectrograms", () => {
    const random = new Random(11, "mel settings");
    const cases = Array.from({ length: 25 }, () => {
      const sampleRate = random.pick([8000, 16_000, 22_050]);
      return {
        sampleRate,
        nFft: 64 + random.integer(700),
        hop: 20 + random.integer(200),
        nMels: 1 + random.integer(90),
        minFrequency: random.between(0, 1500),
        maxFrequency: random.between(1600, sampleRate / 2),
        scale: random.pick<MelScale>(["slaney", "htk"]),
        norm: random.pick(["slaney", "none"] as const),
        signal: noise(1000 + random.integer(2000), random.uint32()),
      };
    });
    const expected = runPython<{ bank: number[][]; mel: number[][]; hz: number[] }[]>(
      `
import librosa, warnings
warnings.simplefilter("ignore")
output = []
for c in input:
    kw = dict(n_fft=c["nFft"], n_mels=c["nMels"], fmin=c["minFrequency"], fmax=c["maxFrequency"], htk=c["scale"] == "htk",
              norm=None if c["norm"] == "none" else "slaney", dtype=np.float64)
    mel = librosa.feature.melspectrogram(y=np.array(c["signal"]), sr=c["sampleRate"], hop_length=c["hop"], **kw)
    hz = librosa.mel_frequencies(c["nMels"] + 2, fmin=c["minFrequency"], fmax=c["maxFrequency"], htk=c["scale"] == "htk")
    output.append({"bank": librosa.filters.mel(sr=c["sampleRate"], **kw), "mel": mel, "hz": hz[1:-1]})
`,
      cases,
    );
    cases.forEach(({ signal, ...options }, i) => {
      const what = JSON.stringify(options);
      const bank = melFilterBank(options);
      expectNear(bank.weights, expected[i]!.bank.flat(), 1e-10, what);
      expectNear(bank.centers, expected[i]!.hz, 1e-12, what);
      const { values, frames, bins } = melSpectrogram(signal, options);
      expectNear(transpose(values, frames, bins), expected[i]!.mel.flat(), 1e-10, what);
    });
  });
});
