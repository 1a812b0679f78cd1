import { requireInteger } from "../checks.js";
import type { ComplexArray } from "../complex.js";
import { complexSine } from "../generators.js";
import { complexSamples } from "./fft.js";

/**
 * Computes the discrete Fourier transform by its definition, X[k] = Σ x[j]·e^(-2πi·jk/n), `[n]` → `[n]`. It takes n²
 * multiplications; it is for teaching, and the reference that `fft` is tested against.
 */
export function dft(signal: ComplexArray | ArrayLike<number>): ComplexArray {
  return sumOfSines(complexSamples(signal), 1, 1);
}

/** Computes the inverse of `dft`: x[j] = 1/n·Σ X[k]·e^(2πi·jk/n), `[n]` → `[n]`. */
export function idft(spectrum: ComplexArray | ArrayLike<number>): ComplexArray {
  const samples = complexSamples(spectrum);
  return sumOfSines(samples, -1, 1 / samples.re.length);
}

function sumOfSines({ re, im }: ComplexArray, sign: 1 | -1, factor: number): ComplexArray {
  const n = re.length;
  const turns = complexSine(1, n);
  const result = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    let sumRe = 0;
    let sumIm = 0;
    for (let j = 0, turn = 0; j < n; j++, turn = (turn + k) % n) {
      const cos = turns.re[turn]!;
      const sin = sign * turns.im[turn]!;
      sumRe += re[j]! * cos - im[j]! * sin;
      sumIm += re[j]! * sin + im[j]! * cos;
    }
    result.re[k] = factor * sumRe;
    result.im[k] = factor * sumIm;
  }
  return result;
}

/**
 * Transforms a signal of any length in consecutive blocks of n numbers, and concatenates the results. The last block is
 * padded with zeros.
 *
 * @param transform `dft`, `idft`, `fft` or `ifft`
 */
export function transformBlocks(
  signal: ComplexArray | ArrayLike<number>,
  n: number,
  transform: (block: ComplexArray) => ComplexArray,
): ComplexArray {
  requireInteger("block length", n);
  const { re, im } = complexSamples(signal);
  const length = Math.ceil(re.length / n) * n;
  const result = { re: new Float64Array(length), im: new Float64Array(length) };
  for (let start = 0; start < length; start += n) {
    const block = { re: new Float64Array(n), im: new Float64Array(n) };
    block.re.set(re.subarray(start, start + n));
    block.im.set(im.subarray(start, start + n));
    const transformed = transform(block);
    result.re.set(transformed.re, start);
    result.im.set(transformed.im, start);
  }
  return result;
}
