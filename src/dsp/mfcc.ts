import { Cache } from "../base/cache.js";
import { UserError, usageError } from "../base/errors.js";
import { requireInteger } from "./checks.js";
import type { Spectrogram } from "./fourier/spectrogram.js";

/**
 * Computes the mel-frequency cepstral coefficients of a log-mel spectrogram, `[frames, nMels]` → `[frames, nMfcc]`: the
 * first `nMfcc` coefficients of each frame's orthonormal DCT-II. `mfcc(logMel(signal, options))` equals
 * `librosa.feature.mfcc`.
 *
 * Source: S. B. Davis and P. Mermelstein, "Comparison of parametric representations for monosyllabic word recognition in
 * continuously spoken sentences" (1980).
 *
 * @throws UserError (exit 2) for more coefficients than bands, or none
 */
export function mfcc(logMel: Spectrogram, nMfcc = 13): Spectrogram {
  const { values, frames, bins } = logMel;
  requireInteger("nMfcc", nMfcc);
  if (nMfcc > bins)
    throw usageError(`nMfcc must not be above the number of mel bands, ${bins}, got ${nMfcc}`);
  const basis = cosines.get(bins, cosineTransform);
  const coefficients = new Float64Array(frames * nMfcc);
  for (let t = 0; t < frames; t++) {
    for (let c = 0; c < nMfcc; c++) {
      let sum = 0;
      for (let m = 0; m < bins; m++) sum += basis[c * bins + m]! * values[t * bins + m]!;
      coefficients[t * nMfcc + c] = sum;
    }
  }
  return { values: coefficients, frames, bins: nMfcc };
}

/** Computes the matrix of the orthonormal DCT-II of n values, `[n, n]`. */
export function cosineTransform(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, i) => {
    const [c, m] = [Math.floor(i / n), i % n];
    return Math.sqrt((c === 0 ? 1 : 2) / n) * Math.cos((Math.PI * c * (2 * m + 1)) / (2 * n));
  });
}

const cosines = new Cache<number, Float64Array>(8);

export interface DeltaOptions {
  /** Number of frames of each fit, odd. Default: 9. */
  width?: number;
  /** Order of the derivative: 1, 2, …, below the width. Default: 1. */
  order?: number;
}

/**
 * Computes the derivative of each bin over time, per frame, `[frames, bins]` → the same shape. It is the derivative of
 * the polynomial of degree `order` fitted to the `width` frames around each frame. At the ends the first and the last
 * complete fit are used. Equals `librosa.feature.delta` with its default mode "interp".
 *
 * Source: A. Savitzky and M. J. E. Golay, "Smoothing and differentiation of data by simplified least squares
 * procedures" (1964).
 *
 * @throws UserError (exit 2) for a width that is even or below 3, or an order not below the width; (exit 1) for fewer
 * frames than the width
 */
export function delta(spectrogram: Spectrogram, { width = 9, order = 1 }: DeltaOptions = {}): Spectrogram {
  const { values, frames, bins } = spectrogram;
  requireInteger("width", width, 3);
  if (width % 2 === 0) throw usageError(`width must be odd, got ${width}`);
  requireInteger("order", order);
  if (order >= width) throw usageError(`order must be below the width, ${width}, got ${order}`);
  if (frames < width)
    throw new UserError(
      `expected at least ${width} frames for deltas of that width, the spectrogram has ${frames}; use a smaller width`,
    );
  const weights = derivativeWeights(width, order);
  const half = (width - 1) / 2;
  const result = new Float64Array(values.length);
  for (let t = 0; t < frames; t++) {
    // A polynomial's highest derivative is constant, so the ends take the value of the nearest complete fit.
    const first = Math.min(Math.max(t - half, 0), frames - width);
    for (let k = 0; k < bins; k++) {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += weights[i]! * values[(first + i) * bins + k]!;
      result[t * bins + k] = sum;
    }
  }
  return { values: result, frames, bins };
}

/**
 * Computes the weights of `width` values that give the derivative of their least-squares polynomial of degree `order`:
 * order!·p[order] / ⟨p[order], p[order]⟩, where p are Gram's polynomials, orthogonal on those points.
 */
function derivativeWeights(width: number, order: number): Float64Array {
  const half = (width - 1) / 2;
  let before = new Float64Array(width);
  let current = new Float64Array(width).fill(1);
  let normBefore = 1;
  let factorial = 1;
  for (let degree = 1; degree <= order; degree++) {
    const norm = squaredNorm(current);
    const next = current.map((value, i) => (i - half) * value - (norm / normBefore) * before[i]!);
    [before, current, normBefore] = [current, next, norm];
    factorial *= degree;
  }
  const factor = factorial / squaredNorm(current);
  return current.map((value) => factor * value);
}

function squaredNorm(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
