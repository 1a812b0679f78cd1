import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.js";
import {
  type Augmentation,
  addNoise,
  changeSpeed,
  gain,
  mixAtSnr,
  reverberation,
  timeShift,
} from "../../../src/data/augment/effects.js";
import { playAtSpeed } from "../../../src/data/augment/speed.js";
import { speedSourceSha256 } from "../../../src/data/augment/speed-wasm.js";
import { SampleStore } from "../../../src/data/sample-store.js";
import { expectNear } from "../../helpers/near.js";

const rate = 8000;
const line = Float32Array.from({ length: rate }, (_, i) => (i + 1) / rate);
const ramp = () => line.slice();
const noise = (name: string) => {
  const random = new Random(3, name);
  return Float32Array.from({ length: rate }, () => 0.1 * random.normal());
};
const power = (wave: Float32Array) => wave.reduce((sum, x) => sum + x * x, 0);
const decibels = (ratio: number) => 10 * Math.log10(ratio);

/** What an augmentation makes of a clip, for each of so many draws. */
const draws = (count: number, effect: Augmentation, wave: () => Float32Array) =>
  Array.from({ length: count }, (_, i) => {
    const changed = wave();
    effect(changed, rate, new Random(7, i));
    return changed;
  });

describe("timeShift", () => {
  test("moves either way by at most so many ms, and lets zeros in", () => {
    const shifts = draws(300, timeShift(100), ramp).map((wave) => {
      const shift = wave[0] === 0 ? wave.findIndex((x) => x !== 0) : 1 - Math.round(wave[0]! * rate);
      const expected = line.map((_, i) => line[i - shift] ?? 0);
      expect(wave.every((x, i) => x === expected[i])).toBe(true);
      return shift;
    });
    expect(Math.max(...shifts)).toBeLessThanOrEqual(800);
    expect(Math.max(...shifts)).toBeGreaterThan(700);
    expect(Math.min(...shifts)).toBeGreaterThanOrEqual(-800);
    expect(Math.min(...shifts)).toBeLessThan(-700);
  });
});

describe("gain", () => {
  test("scales by a factor uniform in dB", () => {
    const gains = draws(400, gain(6), ramp).map((wave) => {
      const factor = wave[rate - 1]!;
      expect(Math.max(...wave.map((x, i) => Math.abs(x - factor * line[i]!)))).toBeLessThan(1e-6);
      return 20 * Math.log10(factor);
    });
    expect(Math.max(...gains)).toBeLessThanOrEqual(6);
    expect(Math.min(...gains)).toBeGreaterThanOrEqual(-6);
    for (const [low, high] of [-6, -3, 0, 3].map((from) => [from, from + 3] as const)) {
      const share = gains.filter((db) => db >= low && db < high).length / gains.length;
      expect(share).toBeGreaterThan(0.18); // a quarter, but for chance
      expect(share).toBeLessThan(0.32);
    }
  });
});

describe("playAtSpeed", () => {
  const middle = (rate - 1) / 2;
  const sine = (frequency: number) =>
    Float32Array.from({ length: rate }, (_, i) => Math.cos((2 * Math.PI * frequency * (i - middle)) / rate));

  test.each([0.8, 0.93, 1, 1.1, 1.25])(
    "at %f it plays a sine at that multiple of its frequency",
    (factor) => {
      for (const frequency of [50, 440, 2000]) {
        const wave = sine(frequency);
        playAtSpeed(wave, factor);
        const expected = sine(frequency * factor);
        for (let i = 1000; i < 7000; i++) expect(Math.abs(wave[i]! - expected[i]!)).toBeLessThan(1e-3);
      }
    },
  );

  test("a sine that would pass the Nyquist frequency is taken away, not aliased", () => {
    const wave = sine(3900);
    playAtSpeed(wave, 1.25);
    for (let i = 1000; i < 7000; i++) expect(Math.abs(wave[i]!)).toBeLessThan(3e-3);
  });

  test("was compiled from the source that is here", () => {
    const source = readFileSync(new URL("../../../kernels/speed.ts", import.meta.url));
    expect(createHash("sha256").update(source).digest("hex")).toBe(speedSourceSha256);
  });

  test.each([0.8, 0.95, 1.03, 1.3])(
    "at %f it is the sum of windowed sincs at each place, up to the ends",
    (factor) => {
      for (const length of [1, 2, 63, 500]) {
        const wave = noise("sincs").slice(0, length);
        const squeeze = Math.min(1, Math.floor(64 / factor) / 64); // of the band, in steps
        const sums = Array.from(wave, (_, i) => {
          const at = (length - 1) / 2 + (i - (length - 1) / 2) * factor;
          return wave.reduce((sum, value, k) => {
            const x = (at - k) * squeeze;
            const sinc = x === 0 ? 1 : Math.sin(Math.PI * 0.92 * x) / (Math.PI * 0.92 * x);
            return Math.abs(x) < 12
              ? sum + value * squeeze * 0.92 * sinc * Math.cos((Math.PI * x) / 24) ** 2
              : sum;
          }, 0);
        });
        playAtSpeed(wave, factor);
        // The nearest of 1,024 filters is up to 1 / 2,048 of a sample away, and a signal below the Nyquist frequency
        // changes by at most π times its amplitude a sample.
        expectNear(wave, Float32Array.from(sums), Math.PI / 2048, `${length} samples`);
      }
    },
  );

  test("faster, the clip is shorter, with silence about it", () => {
    const wave = new Float32Array(rate).fill(1);
    playAtSpeed(wave, 1.25);
    expect(wave.findIndex((x) => Math.abs(x - 1) < 0.02)).toBeGreaterThan(780);
    for (let i = 0; i < 760; i++) expect(Math.abs(wave[i]!)).toBeLessThan(0.02);
  });
});

describe("changeSpeed", () => {
  test("draws factors between 1 / (1 + most) and 1 + most, as many below 1 as above", () => {
    const frequency = 500;
    const sine = () =>
      Float32Array.from({ length: rate }, (_, i) => Math.sin((2 * Math.PI * frequency * i) / rate));
    const factors = draws(60, changeSpeed(0.25), sine).map((wave) => {
      let crossings = 0;
      for (let i = 2000; i < 6000; i++) if (wave[i]! < 0 !== wave[i + 1]! < 0) crossings++;
      return crossings / 500; // two a period, half a second
    });
    expect(Math.max(...factors)).toBeLessThan(1.26);
    expect(Math.max(...factors)).toBeGreaterThan(1.2);
    expect(Math.min(...factors)).toBeGreaterThan(0.79);
    expect(Math.min(...factors)).toBeLessThan(0.84);
    expect(factors.filter((factor) => factor > 1).length).toBeGreaterThan(18);
    expect(factors.filter((factor) => factor < 1).length).toBeGreaterThan(18);
  });
});

describe("reverberation", () => {
  const room = { probability: 1, rt60Ms: [400, 400], directDb: [3, 3] } as const;
  const impulse = () => Float32Array.from({ length: rate }, (_, i) => (i === 0 ? 1 : 0));

  test("an impulse gets an echo of the asked energy, which dies away by 60 dB in RT60", () => {
    for (const wave of draws(10, reverberation(room), impulse)) {
      const echo = wave.slice(1);
      expect(decibels(wave[0]! ** 2 / power(echo))).toBeCloseTo(3, 3);
      // Schroeder's backward integral falls in a straight line: from -5 to -25 dB it takes a third of RT60.
      const left = new Float64Array(echo.length + 1);
      for (let i = echo.length - 1; i >= 0; i--) left[i] = left[i + 1]! + echo[i]! ** 2;
      const at = (db: number) => left.findIndex((energy) => decibels(energy / left[0]!) < db);
      expect((3 * (at(-25) - at(-5))) / rate).toBeGreaterThan(0.34);
      expect((3 * (at(-25) - at(-5))) / rate).toBeLessThan(0.46);
    }
  });

  test("is the convolution with that echo, and keeps the clip's energy", () => {
    const effect = reverberation(room);
    const wave = Float32Array.from(noise("reverb"), (x, i) => (i < 300 ? x : 0));
    const direct = wave.slice();
    const response = impulse();
    effect(response, rate, new Random(7, "same"));
    effect(wave, rate, new Random(7, "same"));
    const expected = new Float32Array(rate);
    for (let i = 0; i < 300; i++)
      for (let k = 0; k + i < rate; k++) expected[i + k]! += direct[i]! * response[k]!;
    const factor = Math.sqrt(power(direct) / power(expected));
    wave.forEach((x, i) => {
      expect(Math.abs(x - factor * expected[i]!)).toBeLessThan(1e-6);
    });
    expect(power(wave)).toBeCloseTo(power(direct), 4);
  });

  test("happens with its probability; digital silence stays what it is", () => {
    const changed = draws(200, reverberation({ ...room, probability: 0.3 }), ramp).filter(
      (wave) => wave[1] !== line[1],
    );
    expect(changed.length).toBeGreaterThan(35);
    expect(changed.length).toBeLessThan(85);
    const [silent] = draws(1, reverberation(room), () => new Float32Array(rate));
    expect(silent!.every((x) => x === 0)).toBe(true);
  });
});

describe("mixAtSnr", () => {
  test.each([-5, 0, 12.5, 20])("adds noise at %f dB", (snr) => {
    const wave = ramp();
    const background = noise("snr");
    mixAtSnr(wave, background, snr);
    const added = wave.map((x, i) => x - line[i]!);
    expect(decibels(power(ramp()) / power(added))).toBeCloseTo(snr, 3);
    const scale = added[100]! / background[100]!;
    for (let i = 0; i < rate; i += 97) expect(added[i]!).toBeCloseTo(scale * background[i]!, 5);
  });

  test("leaves a clip alone where either is digital silence", () => {
    const wave = ramp();
    mixAtSnr(wave, new Float32Array(rate), 0);
    expect(wave).toEqual(ramp());
    const silent = new Float32Array(rate);
    mixAtSnr(silent, noise("x"), 0);
    expect(silent.every((x) => x === 0)).toBe(true);
  });
});

describe("addNoise", () => {
  // Row 1 has one click, row 2 has two: what was mixed in shows which row it is, and from where on.
  const clicks = (...at: number[]) =>
    Float32Array.from({ length: rate }, (_, i) => (at.includes(i) ? 0.5 : 0));
  const samples = SampleStore.of(rate, [noise("a"), clicks(100), clicks(100, 2100)]);
  const clips = { samples, rows: Int32Array.of(1, 2) };

  test("takes the given rows alone, from any place on, at ratios within the range", () => {
    const used = new Set<number>();
    const starts: number[] = [];
    const snrs = draws(100, addNoise({ probability: 1, snrDb: [5, 15] }, clips), ramp).map((wave) => {
      const added = wave.map((x, i) => x - line[i]!);
      const places = [...added.keys()].filter((i) => Math.abs(added[i]!) > 1e-3);
      used.add(places.length);
      starts.push(places[0]!);
      if (places.length === 2) expect([2000, 6000]).toContain(places[1]! - places[0]!);
      return decibels(power(ramp()) / power(added));
    });
    expect(used).toEqual(new Set([1, 2]));
    expect(new Set(starts).size).toBeGreaterThan(90);
    expect(Math.min(...snrs)).toBeGreaterThan(4.99);
    expect(Math.min(...snrs)).toBeLessThan(7);
    expect(Math.max(...snrs)).toBeLessThan(15.01);
    expect(Math.max(...snrs)).toBeGreaterThan(13);
  });

  test("happens with its probability", () => {
    const effect = addNoise({ probability: 0.5, snrDb: [0, 0] }, { samples, rows: Int32Array.of(0) });
    const changed = draws(200, effect, ramp).filter((wave) => wave[5] !== line[5]);
    expect(changed.length).toBeGreaterThan(70);
    expect(changed.length).toBeLessThan(130);
  });
});
