import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.js";
import type { ComplexArray } from "../../src/dsp/complex.js";
import { magnitude, phase, power } from "../../src/dsp/complex.js";
import { dft, idft, transformBlocks } from "../../src/dsp/fourier/dft.js";
import { fft, ifft, irfft, rfft } from "../../src/dsp/fourier/fft.js";
import { expectNear } from "../helpers/near.js";
import { hasPython, runPython } from "../helpers/python.js";

const primes = [71, 73, 97, 101, 127, 251, 257, 509, 521];
const lengths = [...Array.from({ length: 70 }, (_, i) => i + 1), ...primes, 128, 258, 512, 1000];

function noise(length: number, stream: string): Float64Array {
  const random = new Random(1, "fft test", stream, length);
  return Float64Array.from({ length }, () => random.normal());
}

function complexNoise(length: number): ComplexArray {
  return { re: noise(length, "re"), im: noise(length, "im") };
}

function expectComplexNear(actual: ComplexArray, expected: ComplexArray, tolerance: number, what = ""): void {
  const scale = magnitude(expected).reduce((a, b) => Math.max(a, b), 1e-300);
  expectNear([scale, ...actual.re], [scale, ...expected.re], tolerance, `${what} re`);
  expectNear([scale, ...actual.im], [scale, ...expected.im], tolerance, `${what} im`);
}

describe("the transform by definition", () => {
  test("of 1 2 3 4, its magnitude, and the inverse of 1 1 1 1", () => {
    const spectrum = dft([1, 2, 3, 4]);
    expectComplexNear(
      spectrum,
      { re: Float64Array.of(10, -2, -2, -2), im: Float64Array.of(0, 2, 0, -2) },
      1e-15,
    );
    expectNear(magnitude(spectrum), [10, Math.sqrt(8), 2, Math.sqrt(8)], 1e-15);
    const impulse = idft([1, 1, 1, 1]);
    expectNear(impulse.re, [1, 0, 0, 0], 1e-15);
    expectNear(impulse.im, [0, 0, 0, 0], 1e-15);
  });

  test("block by block: in order, the last block filled up with zeros", () => {
    const blocks = transformBlocks([1, 2, 3, 4, 5], 2, dft);
    expectNear(blocks.re, [3, -1, 7, -1, 5, 5], 1e-15);
    expectNear(blocks.im, [0, 0, 0, 0, 0, 0], 1e-15);
    const signal = complexNoise(23);
    const back = transformBlocks(transformBlocks(signal, 5, fft), 5, ifft);
    expectComplexNear({ re: back.re.subarray(0, 23), im: back.im.subarray(0, 23) }, signal, 1e-14);
  });
});

describe("fft", () => {
  test.each(lengths)("of %i equals the definition, and its inverse too", (n) => {
    const signal = complexNoise(n);
    expectComplexNear(fft(signal), dft(signal), 1e-13);
    expectComplexNear(ifft(signal), idft(signal), 1e-13);
    expectComplexNear(ifft(fft(signal)), signal, 1e-13);
  });

  test.each(lengths)("of %i real samples is the first half, and comes back", (n) => {
    const signal = noise(n, "real");
    const half = rfft(signal);
    const whole = dft(signal);
    const bins = Math.floor(n / 2) + 1;
    expectComplexNear(half, { re: whole.re.subarray(0, bins), im: whole.im.subarray(0, bins) }, 1e-13);
    expectNear(irfft(half, n), signal, 1e-13);
  });

  test("a long prime length stays exact", () => {
    const n = 100_003;
    const at = 77_777;
    const tone = new Float64Array(n).map((_, i) => Math.cos((2 * Math.PI * ((at * i) % n)) / n));
    const { re, im } = fft(tone);
    const expected = new Float64Array(n);
    expected[at] = expected[n - at] = n / 2;
    expectNear(re, expected, 1e-12);
    expectNear(im, new Float64Array(n), 1e-12 * n);
  });

  test("Parseval: energy is kept", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 300 }),
        (x) => {
          const energy = x.reduce((sum, v) => sum + v * v, 0);
          const spectral = power(fft(x)).reduce((sum, v) => sum + v, 0) / x.length;
          expect(Math.abs(spectral - energy)).toBeLessThanOrEqual(1e-11 * energy + 1e-300);
        },
      ),
    );
  });

  test("linearity", () => {
    const value = fc.double({ min: -1e3, max: 1e3, noNaN: true });
    const pair = fc
      .integer({ min: 1, max: 200 })
      .chain((n) => fc.tuple(value, ...[0, 1].map(() => fc.array(value, { minLength: n, maxLength: n }))));
    fc.assert(
      fc.property(pair, ([factor, x, y]) => {
        const [fx, fy] = [fft(x as number[]), fft(y as number[])];
        const sum = fft((x as number[]).map((v, i) => (factor as number) * v + (y as number[])[i]!));
        const expected = {
          re: fx.re.map((v, i) => (factor as number) * v + fy.re[i]!),
          im: fx.im.map((v, i) => (factor as number) * v + fy.im[i]!),
        };
        const scale = 1e-11 * (1 + Math.abs(factor as number)) * 200 * 1e3;
        sum.re.forEach((v, i) => {
          expect(Math.abs(v - expected.re[i]!)).toBeLessThanOrEqual(scale);
          expect(Math.abs(sum.im[i]! - expected.im[i]!)).toBeLessThanOrEqual(scale);
        });
      }),
    );
  });

  test("arguments are left as they were", () => {
    const signal = complexNoise(12);
    const held = { re: signal.re.slice(), im: signal.im.slice() };
    fft(signal);
    ifft(signal);
    irfft({ re: signal.re.subarray(0, 7), im: signal.im.subarray(0, 7) }, 12);
    expect(signal).toEqual(held);
  });

  test("phase is the angle", () => {
    expectNear(
      phase({ re: Float64Array.of(1, 0, -1), im: Float64Array.of(0, 2, 0) }),
      [0, Math.PI / 2, Math.PI],
      1e-15,
    );
  });

  test.each<[string, () => unknown, RegExp]>([
    ["an empty signal", () => fft([]), /is empty/],
    ["NaN", () => rfft([1, Number.NaN, 2]), /NaN at sample 1/],
    ["infinity", () => dft([1, 2, Number.POSITIVE_INFINITY]), /Infinity at sample 2/],
    ["parts of two lengths", () => fft({ re: new Float64Array(2), im: new Float64Array(3) }), /length: 2, 3/],
    ["too few bins", () => irfft(rfft([1, 2, 3]), 4), /4 samples has 3 bins, got 2/],
  ])("%s is bad data", (_, run, message) => {
    expect(run).toThrow(expect.objectContaining({ exitCode: 1, message: expect.stringMatching(message) }));
  });
});

describe.skipIf(!hasPython("numpy"))("fft against NumPy (Python)", () => {
  test("complex and real, both ways, of many lengths", () => {
    const signals = [1, 2, 3, 5, 30, 64, 129, 258, 1021, 1024, 4099].map(complexNoise);
    const expected = runPython<Record<"fft" | "ifft" | "rfft", { re: number[]; im: number[] }>[]>(
      `
output = []
for s in input:
    z = np.array(s["re"]) + 1j * np.array(s["im"])
    output.append({"fft": np.fft.fft(z), "ifft": np.fft.ifft(z), "rfft": np.fft.rfft(z.real)})
`,
      signals,
    );
    signals.forEach((signal, i) => {
      const typed = ({ re, im }: { re: number[]; im: number[] }) => ({
        re: Float64Array.from(re),
        im: Float64Array.from(im),
      });
      expectComplexNear(fft(signal), typed(expected[i]!.fft), 1e-13, `fft ${signal.re.length}`);
      expectComplexNear(ifft(signal), typed(expected[i]!.ifft), 1e-13, `ifft ${signal.re.length}`);
      expectComplexNear(rfft(signal.re), typed(expected[i]!.rfft), 1e-13, `rfft ${signal.re.length}`);
    });
  });
});
