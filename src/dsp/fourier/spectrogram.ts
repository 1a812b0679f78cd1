import { requireInteger, requirePositive } from "../checks.js";
import type { ComplexArray } from "../complex.js";

/**
 * Real values over time, `[frames, bins]`: the value of frame t and bin k is `values[t * bins + k]`. A bin is a frequency
 * of the transform, a mel band or a coefficient. Frames are contiguous, so that a longer recording only adds to the end.
 * `transpose(values, frames, bins)` gives the `[bins, frames]` order of librosa and SciPy.
 */
export interface Spectrogram {
  values: Float64Array;
  frames: number;
  bins: number;
}

/** Complex values over time in the same layout: `re[t * bins + k] + im[t * bins + k]·i`. */
export interface ComplexSpectrogram extends ComplexArray {
  frames: number;
  bins: number;
}

/** Real values with their axes. */
export interface SpectrogramWithAxes extends Spectrogram {
  /** The middle of each frame in seconds, `[frames]`. */
  times: Float64Array;
  /** Hz, `[bins]`. */
  frequencies: Float64Array;
}

/** Computes the frequencies of a real transform's bins in Hz, k·sampleRate/nFft, `[floor(nFft / 2) + 1]`. */
export function fftFrequencies(sampleRate: number, nFft: number): Float64Array {
  requirePositive("sampleRate", sampleRate);
  requireInteger("nFft", nFft);
  return Float64Array.from({ length: Math.floor(nFft / 2) + 1 }, (_, k) => (k * sampleRate) / nFft);
}

/** Returns a transposed copy: `[rows, columns]` → `[columns, rows]`. */
export function transpose(values: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column]!;
  return result;
}
