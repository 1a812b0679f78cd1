/** Complex numbers as two arrays of equal length: number i is `re[i] + im[i]·i`. */
export interface ComplexArray {
  re: Float64Array;
  im: Float64Array;
}

/** Computes |z| of each number, in the same layout. */
export function magnitude({ re, im }: ComplexArray): Float64Array {
  const values = new Float64Array(re.length);
  for (let i = 0; i < values.length; i++) values[i] = Math.sqrt(re[i]! * re[i]! + im[i]! * im[i]!);
  return values;
}

/** Computes |z|² of each number, in the same layout. */
export function power({ re, im }: ComplexArray): Float64Array {
  const values = new Float64Array(re.length);
  for (let i = 0; i < values.length; i++) values[i] = re[i]! * re[i]! + im[i]! * im[i]!;
  return values;
}

/** Computes the angle of each number in radians, in (-π, π], in the same layout. */
export function phase({ re, im }: ComplexArray): Float64Array {
  const values = new Float64Array(re.length);
  for (let i = 0; i < values.length; i++) values[i] = Math.atan2(im[i]!, re[i]!);
  return values;
}
