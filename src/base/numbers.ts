/** Computes the softmax of one example's logits, in float64. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    values[i] = Math.exp(values[i]! - largest);
    sum += values[i]!;
  }
  return values.map((value) => value / sum);
}

/** Rounds to the nearest 16-bit integer; values beyond its range are clamped. */
export function clampInt16(value: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(value)));
}

/** Converts a sample to a 16-bit integer, 1 being 32768: rounded to the nearest and clamped. */
export function toInt16(sample: number): number {
  return clampInt16(sample * 32768);
}

/** Returns the index of the largest value; of equal ones, the first. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/**
 * Computes a quantile of values in ascending order, linearly interpolated (NumPy's default).
 *
 * @param share 0 for the least value, 0.5 for the median, 1 for the greatest
 */
export function quantile(ascending: ArrayLike<number>, share: number): number {
  const at = share * (ascending.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, ascending.length - 1);
  return ascending[low]! + (at - low) * (ascending[high]! - ascending[low]!);
}
