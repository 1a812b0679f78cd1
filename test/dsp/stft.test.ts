import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.js";
import { power } from "../../src/dsp/complex.js";
import { transpose } from "../../src/dsp/fourier/spectrogram.js";
import { istft, type PadMode, powerSpectrogram, type StftOptions, stft } from "../../src/dsp/fourier/stft.js";
import { createWindow, type WindowName, windowNames } from "../../src/dsp/windows.js";
import { goldenItem, hasGolden } from "../helpers/golden.js";
import { expectNear } from "../helpers/near.js";
import { hasPython, runPython } from "../helpers/python.js";

function noise(length: number, seed = 1): Float64Array {
  const random = new Random(seed, "stft test", length);
  return Float64Array.from({ length }, () => random.normal());
}

describe.skipIf(!hasGolden)("stft against the golden arrays", () => {
  test.each<[string, StftOptions]>([
    ["stft258_hop64_reflect", { nFft: 258, hop: 64, padMode: "reflect" }],
    ["stft258_hop64_constant", { nFft: 258, hop: 64, padMode: "constant" }],
    ["stft256_hop128_win200_reflect", { nFft: 256, hop: 128, winLength: 200, padMode: "reflect" }],
  ])("%s", (name, options) => {
    for (let clip = 0; clip < 3; clip++) {
      const expected = goldenItem(name, clip);
      const { re, im, frames, bins } = stft(goldenItem("wav", clip).re, options);
      expect([bins, frames]).toEqual(expected.shape);
      expectNear(transpose(re, frames, bins), expected.re, 1e-12);
      expectNear(transpose(im, frames, bins), expected.im, 1e-12);
    }
  });
});

describe("stft", () => {
  test("equals its definition: windowed pieces times complex sines", () => {
    const [nFft, hop, winLength] = [10, 3, 7];
    const signal = noise(31);
    const window = createWindow("hamming", winLength);
    const { re, im, frames, bins } = stft(signal, { nFft, hop, winLength, window: "hamming", center: false });
    expect([frames, bins]).toEqual([8, 6]);
    for (let t = 0; t < frames; t++) {
      for (let k = 0; k < bins; k++) {
        let [sumRe, sumIm] = [0, 0];
        for (let i = 0; i < winLength; i++) {
          const place = i + 1; // seven points centred in ten: one zero in front
          const value = signal[t * hop + place]! * window[i]!;
          sumRe += value * Math.cos((2 * Math.PI * k * place) / nFft);
          sumIm -= value * Math.sin((2 * Math.PI * k * place) / nFft);
        }
        expect(re[t * bins + k]).toBeCloseTo(sumRe, 12);
        expect(im[t * bins + k]).toBeCloseTo(sumIm, 12);
      }
    }
  });

  test("frames of a piece are those of the whole, to the last bit", () => {
    const signal = noise(2000);
    for (const nFft of [256, 258, 255]) {
      const whole = stft(signal, { nFft, hop: 50, center: false });
      const piece = stft(signal.subarray(500, 1500), { nFft, hop: 50, center: false });
      const from = 10 * whole.bins;
      expect(piece.re).toEqual(whole.re.subarray(from, from + piece.re.length));
      expect(piece.im).toEqual(whole.im.subarray(from, from + piece.im.length));
    }
  });

  test("the hop is a quarter of the window unless it is given", () => {
    expect(stft(noise(1000), { nFft: 400, winLength: 200 })).toEqual(
      stft(noise(1000), { nFft: 400, winLength: 200, hop: 50 }),
    );
  });

  test("powerSpectrogram is the squared magnitude", () => {
    const spectrum = stft(noise(900), { nFft: 120, hop: 33 });
    const { values, frames, bins } = powerSpectrogram(noise(900), { nFft: 120, hop: 33 });
    expect([frames, bins]).toEqual([spectrum.frames, spectrum.bins]);
    expectNear(values, power(spectrum), 1e-15);
  });

  test("writes to the arrays it is given", () => {
    const out = stft(noise(400, 1), { nFft: 64 });
    const { re } = out;
    expect(stft(noise(400, 2), { nFft: 64 }, out)).toBe(out);
    expect(out.re).toBe(re);
    expect(out).toEqual(stft(noise(400, 2), { nFft: 64 }));
    expect(() => stft(noise(500), { nFft: 64 }, out)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringMatching(/32 frames of 33 bins, got 26 frames/),
      }),
    );
  });

  test("float32 samples and plain arrays are taken, and left as they were", () => {
    const signal = Float32Array.from(noise(300));
    const held = signal.slice();
    expect(stft(signal, { nFft: 64 })).toEqual(stft([...signal], { nFft: 64 }));
    expect(signal).toEqual(held);
  });

  test.each<[string, 1 | 2, () => unknown, RegExp]>([
    [
      "a hop of 0",
      2,
      () => stft(noise(99), { nFft: 16, hop: 0 }),
      /hop must be a whole number of at least 1, got 0/,
    ],
    ["nFft 0", 2, () => stft(noise(99), { nFft: 0 }), /nFft must be a whole number of at least 1, got 0/],
    ["a broken nFft", 2, () => stft(noise(99), { nFft: 12.5 }), /got 12.5/],
    [
      "a window longer than nFft",
      2,
      () => stft(noise(99), { nFft: 16, winLength: 17 }),
      /winLength 17, nFft 16/,
    ],
    ["a window of 0", 2, () => stft(noise(99), { nFft: 16, winLength: 0 }), /winLength.*got 0/],
    [
      "an unknown window",
      2,
      () => stft(noise(99), { nFft: 16, window: "x" as WindowName }),
      /window must be one of/,
    ],
    [
      "an unknown pad mode",
      2,
      () => stft(noise(99), { nFft: 16, padMode: "x" as PadMode }),
      /padMode must be one of/,
    ],
    ["an empty signal", 1, () => stft([], { nFft: 16 }), /signal is empty/],
    ["NaN", 1, () => stft([0, 0, Number.NaN], { nFft: 4 }), /NaN at sample 2/],
    [
      "infinity",
      1,
      () => powerSpectrogram([0, Number.NEGATIVE_INFINITY], { nFft: 4 }),
      /-Infinity at sample 1/,
    ],
    [
      "a signal shorter than a frame",
      1,
      () => stft(noise(9), { nFft: 16, center: false }),
      /at least the 16 samples of one frame, the signal has 9$/,
    ],
  ])("%s is an error (exit %i)", (_, exitCode, run, message) => {
    expect(run).toThrow(expect.objectContaining({ exitCode, message: expect.stringMatching(message) }));
  });
});

describe("istft", () => {
  const settings = fc
    .record({
      nFft: fc.integer({ min: 2, max: 150 }),
      window: fc.constantFrom(...windowNames),
      center: fc.boolean(),
      padMode: fc.constantFrom<PadMode>("constant", "reflect", "edge"),
      samples: fc.integer({ min: 1, max: 700 }),
    })
    .chain((s) =>
      fc.record({ s: fc.constant(s), winLength: fc.integer({ min: Math.ceil(s.nFft / 2), max: s.nFft }) }),
    )
    .chain(({ s, winLength }) =>
      fc.record({
        s: fc.constant({ ...s, winLength }),
        hop: fc.integer({ min: 1, max: Math.max(1, winLength >> 1) }),
      }),
    )
    .map(({ s, hop }) => ({ ...s, hop }));

  test("gives the signal back to 1e-9, whatever the window, hop, length and padding", () => {
    fc.assert(
      fc.property(settings, ({ samples, ...options }) => {
        fc.pre(options.winLength > 3 && (options.center || samples >= options.nFft));
        const signal = noise(samples);
        const spectrum = stft(signal, options);
        const back = istft(spectrum, { ...options, length: samples });
        if (options.center && options.winLength === options.nFft) expectNear(back, signal, 1e-9);
        else {
          // The ends are within no window where it is short, or where the frames begin at the first sample.
          const reached = (spectrum.frames - 1) * options.hop;
          const from = options.center ? 0 : options.nFft;
          if (from < reached) expectNear(back.subarray(from, reached), signal.subarray(from, reached), 1e-9);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("without a length gives the whole hops", () => {
    const signal = noise(1000);
    const back = istft(stft(signal, { nFft: 64, hop: 48 }), { nFft: 64, hop: 48 });
    expect(back.length).toBe(48 * 20);
    expectNear(back, signal.subarray(0, 960), 1e-9);
  });

  test("what no frame reaches is 0", () => {
    const options = { nFft: 64, hop: 16, center: false };
    const signal = noise(100);
    const back = istft(stft(signal, options), { ...options, length: 110 });
    expect(back[0]).toBe(0); // a Hann window begins with 0
    expectNear(back.subarray(1, 96), signal.subarray(1, 96), 1e-9);
    expect([...back.subarray(96)]).toEqual(new Array(14).fill(0));
  });

  test("of a changed spectrogram is nearest in the least squares: projecting twice changes nothing", () => {
    const options = { nFft: 60, hop: 20 };
    const spectrum = stft(noise(600), options);
    const random = new Random(3, "changed");
    const changed = { ...spectrum, re: spectrum.re.map((v) => v * random.uniform()) };
    const once = istft(changed, { ...options, length: 600 });
    const twice = istft(stft(once, options), { ...options, length: 600 });
    expectNear(twice, once, 1e-12);
    // Every bin but the first and the last stands for two of the whole transform.
    const twofold = (k: number) => (k % 31 === 0 || k % 31 === 30 ? 1 : 2);
    const distance = (signal: Float64Array) => {
      const { re, im } = stft(signal, options);
      return re.reduce(
        (sum, v, k) => sum + twofold(k) * ((v - changed.re[k]!) ** 2 + (im[k]! - changed.im[k]!) ** 2),
        0,
      );
    };
    // Away from the padded ends no other signal is nearer.
    for (let i = 100; i < 500; i += 57)
      for (const step of [-0.01, 0.01]) {
        const other = once.slice();
        other[i]! += step;
        expect(distance(other)).toBeGreaterThan(distance(once));
      }
  });

  const spectrum = stft(noise(400), { nFft: 32, hop: 32 });
  test.each<[string, 1 | 2, () => unknown, RegExp]>([
    [
      "hop as long as a Hann window",
      2,
      () => istft(spectrum, { nFft: 32, hop: 32 }),
      /cannot be inverted.*NOLA/,
    ],
    [
      "a hop beyond the window",
      2,
      () => istft(spectrum, { nFft: 32, hop: 40, window: "rectangular" }),
      /NOLA/,
    ],
    [
      "a hop beyond a short window",
      2,
      () => istft(spectrum, { nFft: 32, winLength: 20, hop: 21, window: "rectangular" }),
      /at sample 5 of every hop.*NOLA/,
    ],
    [
      "other bins",
      1,
      () => istft(spectrum, { nFft: 30, hop: 8 }),
      /nFft 30 has 16 bins, the spectrogram has 17/,
    ],
    ["no frames", 2, () => istft({ ...spectrum, frames: 0 }, { nFft: 32, hop: 8 }), /frames must be/],
    [
      "values missing",
      1,
      () => istft({ ...spectrum, frames: 9 }, { nFft: 32, hop: 8 }),
      /9 frames and 17 bins has 153/,
    ],
    [
      "NaN",
      1,
      () =>
        istft(
          { ...spectrum, im: spectrum.im.map((v, i) => (i === 5 ? Number.NaN : v)) },
          { nFft: 32, hop: 8 },
        ),
      /NaN at sample 5/,
    ],
  ])("%s is an error (exit %i)", (_, exitCode, run, message) => {
    expect(run).toThrow(expect.objectContaining({ exitCode, message: expect.stringMatching(message) }));
  });

  test("a hop as long as a rectangular window can be undone", () => {
    const options = { nFft: 32, hop: 32, window: "rectangular", center: false } as const;
    const signal = noise(320);
    expectNear(istft(stft(signal, options), options), signal, 1e-12);
  });
});

describe.skipIf(!hasPython("librosa"))("stft and istft against librosa (Python)", () => {
  test("random settings, both ways", () => {
    const random = new Random(7, "librosa settings");
    const cases = Array.from({ length: 40 }, () => {
      const nFft = 2 + random.integer(400);
      const winLength = Math.max(2, Math.ceil(nFft * random.between(0.5, 1)));
      return {
        nFft,
        winLength,
        hop: 1 + random.integer(Math.max(1, winLength >> 1)),
        window: random.pick<WindowName>(["hann", "hamming", "blackman", "rectangular"]),
        center: random.uniform() < 0.7,
        padMode: random.pick<PadMode>(["constant", "reflect", "edge"]),
        signal: [...noise(420 + random.integer(1000), random.uint32())],
      };
    });
    type Expected = { stft: { re: number[][]; im: number[][] }; istft: number[] };
    const expected = runPython<Expected[]>(
      `
import librosa
output = []
for c in input:
    y = np.array(c["signal"])
    kw = dict(n_fft=c["nFft"], hop_length=c["hop"], win_length=c["winLength"], center=c["center"],
              window={"rectangular": "boxcar"}.get(c["window"], c["window"]))
    s = librosa.stft(y, pad_mode=c["padMode"], dtype=np.complex128, **kw)
    output.append({"stft": s, "istft": librosa.istft(s * 0.5, length=len(y), dtype=np.float64, **kw)})
`,
      cases,
    );
    cases.forEach(({ signal, ...options }, i) => {
      const what = JSON.stringify(options);
      const { re, im, frames, bins } = stft(signal, options);
      expectNear(transpose(re, frames, bins), expected[i]!.stft.re.flat(), 1e-11, what);
      expectNear(transpose(im, frames, bins), expected[i]!.stft.im.flat(), 1e-11, what);
      const halved = { re: re.map((v) => v / 2), im: im.map((v) => v / 2), frames, bins };
      const back = istft(halved, { ...options, length: signal.length });
      // librosa leaves the ends that windows barely touch undivided; both agree where the frames reach.
      const reached = Math.min(signal.length, (frames - 1) * options.hop);
      const from = options.center ? 0 : options.nFft;
      if (from < reached)
        expectNear(back.subarray(from, reached), expected[i]!.istft.slice(from, reached), 1e-9, what);
    });
  });
});
