import { requireInteger, requirePositive } from "../checks.js";
import type { ComplexArray } from "../complex.js";

/**
 * Real values over time, frame by frame: that of frame t and bin k is `values[t * bins + k]`, `[frames, bins]`. A bin is
 * a frequency of the transform, a mel band or a coefficient. A frame lies in one piece, so that a longer recording only
 * adds to the end; `transpose(values, frames, bins)` gives the `[bins, frames]` order of librosa and SciPy.
 */
export interface Spectrogram {
  values: Float64Array;
  frames: number;
  bins: number;
}

/** Complex values over time in the same order: `re[t * bins + k] + im[t * bins + k]·i`. */
export interface ComplexSpectrogram extends ComplexArray {
  frames: number;
  bins: number;
}

/** Real values with the axes they stand on. */
export interface SpectrogramWithAxes extends Spectrogram {
  /** Seconds, `[frames]`: the middle of each frame. */
  times: Float64Array;
  /** Hz, `[bins]`. */
  frequencies: Float64Array;
}

/** The frequencies of a real transform's bins in Hz, k·sampleRate/nFft, `[floor(nFft / 2) + 1]`. */
export function fftFrequencies(sampleRate: number, nFft: number): Float64Array {
  requirePositive("sampleRate", sampleRate);
  requireInteger("nFft", nFft);
  return Float64Array.from({ length: Math.floor(nFft / 2) + 1 }, (_, k) => (k * sampleRate) / nFft);
}

/** `[rows, columns]` to `[columns, rows]`, as a copy. */
export function transpose(values: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column]!;
  return result;
}
