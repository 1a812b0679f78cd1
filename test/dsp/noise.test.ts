import { describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.js";
import { rfft } from "../../src/dsp/fourier/fft.js";
import { knocks, mainsHum, powerLawNoise } from "../../src/dsp/noise.js";

const sampleRate = 8000;
const length = 8000;

const rms = (samples: Float64Array) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);

/** Power by frequency in whole Hz, the mean of several seconds. */
function power(make: (random: Random) => Float64Array, seconds: number): Float64Array {
  const mean = new Float64Array(length / 2 + 1);
  for (let i = 0; i < seconds; i++) {
    const { re, im } = rfft(make(new Random(i, "test")));
    for (let k = 0; k < mean.length; k++) mean[k]! += (re[k]! ** 2 + im[k]! ** 2) / seconds;
  }
  return mean;
}

const between = (spectrum: Float64Array, low: number, high: number) =>
  spectrum.subarray(low, high).reduce((sum, x) => sum + x, 0);

describe("powerLawNoise", () => {
  it.each([0, 1, 2, 0.5])("its power falls as 1/f^%s", (exponent) => {
    const spectrum = power((random) => powerLawNoise({ exponent, length, sampleRate }, random), 20);
    // The definition, integrated: the power from f to 2f is in proportion to f^(1 - exponent).
    for (const f of [100, 200, 400, 800]) {
      const decibels = 10 * Math.log10(between(spectrum, 2 * f, 4 * f) / between(spectrum, f, 2 * f));
      expect(decibels).toBeCloseTo(10 * Math.log10(2 ** (1 - exponent)), 0); // ± 0.5 dB
    }
  });

  it("has nothing below its lowest frequency, and root mean square 1", () => {
    const noise = powerLawNoise({ exponent: 2, length, sampleRate, lowestHz: 100 }, new Random(1));
    const { re, im } = rfft(noise);
    for (let k = 0; k < 100; k++) expect(Math.hypot(re[k]!, im[k]!)).toBeLessThan(1e-6);
    expect(Math.hypot(re[100]!, im[100]!)).toBeGreaterThan(1);
    expect(rms(noise)).toBeCloseTo(1, 10);
  });

  it("is Gaussian: its fourth moment is three times the square of its second", () => {
    let fourth = 0;
    for (let i = 0; i < 20; i++) {
      const noise = powerLawNoise({ exponent: 0, length, sampleRate }, new Random(i, "moments"));
      for (const x of noise) fourth += x ** 4 / length / 20;
    }
    expect(Math.abs(fourth - 3)).toBeLessThan(0.1);
  });

  it("takes any length, and gives the same for the same random stream alone", () => {
    const make = (seed: number, points = 251) =>
      powerLawNoise({ exponent: 1, length: points, sampleRate }, new Random(seed));
    expect(make(3).length).toBe(251);
    expect(make(3)).toEqual(make(3));
    expect(make(3)).not.toEqual(make(4));
    expect(rms(make(3, 16000))).toBeCloseTo(1, 10);
  });
});

describe("mainsHum", () => {
  it("is the mains frequency and its harmonics, and nothing else; root mean square 1", () => {
    const hum = mainsHum({ mainsHz: 50, length, sampleRate }, new Random(5));
    const spectrum = power(() => hum, 1);
    const total = between(spectrum, 0, spectrum.length);
    let harmonics = 0;
    for (let k = 50; k <= 600; k += 50) harmonics += spectrum[k]!;
    expect(harmonics / total).toBeCloseTo(1, 9);
    expect(rms(hum)).toBeCloseTo(1, 10);
  });

  it("has no harmonic above half the sample rate, where it would be another tone", () => {
    const hum = mainsHum({ mainsHz: 60, length: 500, sampleRate: 500 }, new Random(5)); // 500 Hz: 60 to 240 Hz fit
    const { re, im } = rfft(hum);
    for (let k = 0; k < re.length; k++) {
      const size = Math.hypot(re[k]!, im[k]!);
      if (k === 0 || k % 60 !== 0) expect(size).toBeLessThan(1e-9);
    }
  });
});

describe("knocks", () => {
  it("are short and few: most of the second has next to none of the power", () => {
    for (let seed = 0; seed < 20; seed++) {
      const sound = knocks({ length, sampleRate }, new Random(seed));
      expect(rms(sound)).toBeCloseTo(1, 10);
      const pieces = Array.from({ length: 100 }, (_, i) => rms(sound.subarray(80 * i, 80 * (i + 1))) ** 2);
      pieces.sort((a, b) => a - b);
      const quietHalf = pieces.slice(0, 50).reduce((sum, x) => sum + x, 0);
      expect(quietHalf / pieces.reduce((sum, x) => sum + x, 0)).toBeLessThan(0.05);
    }
  });
});
