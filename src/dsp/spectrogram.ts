import type { ComplexArray } from "./complex.js";

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

/** `[rows, columns]` to `[columns, rows]`, as a copy. */
export function transpose(values: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column]!;
  return result;
}
