/** Complex numbers as two arrays of one length: number i is `re[i] + im[i]·i`. */
export interface ComplexArray {
  re: Float64Array;
  im: Float64Array;
}

/** |z| of each number, in the same order and layout. */
export function magnitude({ re, im }: ComplexArray): Float64Array {
  const values = new Float64Array(re.length);
  for (let i = 0; i < values.length; i++) values[i] = Math.sqrt(re[i]! * re[i]! + im[i]! * im[i]!);
  return values;
}

/** |z|² of each number, in the same order and layout. */
export function power({ re, im }: ComplexArray): Float64Array {
  const values = new Float64Array(re.length);
  for (let i = 0; i < values.length; i++) values[i] = re[i]! * re[i]! + im[i]! * im[i]!;
  return values;
}

/** The angle of each number in radians, in (-π, π], in the same order and layout. */
export function phase({ re, im }: ComplexArray): Float64Array {
  const values = new Float64Array(re.length);
  for (let i = 0; i < values.length; i++) values[i] = Math.atan2(im[i]!, re[i]!);
  return values;
}
