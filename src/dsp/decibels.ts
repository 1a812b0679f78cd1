import { UserError, usageError } from "../base/errors.js";
import { requireFinite, requirePositive } from "./checks.js";

export interface DecibelOptions {
  /** The value of 0 dB: a number above 0, or `max`, the largest of the values. Default: 1. */
  reference?: number | "max";
  /** Floor of the values and of the reference, so that zero has a logarithm. Default: 1e-10, for amplitudes 1e-5. */
  minimum?: number;
  /** Floor of the results, in dB below the largest; Infinity for none. Default: 80. */
  topDb?: number;
}

/**
 * Computes factor·log10(value / reference), with a floor. The factor is 10 for powers and 20 for amplitudes; others
 * give other intensity scales. All values share one reference and one floor.
 *
 * @throws UserError (exit 2) for options out of their range, (exit 1) for a value that is negative or not finite
 */
export function toDecibels(
  values: ArrayLike<number>,
  factor: number,
  { reference = 1, minimum = 1e-10, topDb = 80 }: DecibelOptions = {},
): Float64Array {
  requirePositive("factor", factor);
  requirePositive("minimum", minimum);
  if (reference !== "max") requirePositive("reference", reference);
  if (!(topDb >= 0)) throw usageError(`topDb must be at least 0, got ${topDb}`);
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
      throw new UserError(`value ${i} is ${value}; expected finite numbers of at least 0`);
    if (value > largest) largest = value;
  }
  const scale = factor / Math.LN10;
  const zero = Math.log(Math.max(minimum, reference === "max" ? largest : reference));
  const lowest = Math.max(minimum, largest * 10 ** (-topDb / factor));
  const decibels = new Float64Array(values.length);
  for (let i = 0; i < decibels.length; i++)
    decibels[i] = scale * (Math.log(Math.max(lowest, values[i]!)) - zero);
  return decibels;
}

/** Computes 10·log10(power / reference), with a floor: `librosa.power_to_db`. Errors as `toDecibels`. */
export function powerToDb(powers: ArrayLike<number>, options: DecibelOptions = {}): Float64Array {
  return toDecibels(powers, 10, options);
}

/** Computes 20·log10(amplitude / reference), with a floor: `librosa.amplitude_to_db`. Errors as `toDecibels`. */
export function amplitudeToDb(amplitudes: ArrayLike<number>, options: DecibelOptions = {}): Float64Array {
  return toDecibels(amplitudes, 20, { minimum: 1e-5, ...options });
}

/** Computes reference·10^(dB / factor), the inverse of `toDecibels` except for its floor. -Infinity becomes 0. */
export function fromDecibels(decibels: ArrayLike<number>, factor: number, reference = 1): Float64Array {
  requirePositive("factor", factor);
  requireFinite("reference", reference);
  return Float64Array.from(decibels, (value) => reference * 10 ** (value / factor));
}

/** Computes reference·10^(dB / 10): `librosa.db_to_power`. */
export function dbToPower(decibels: ArrayLike<number>, reference = 1): Float64Array {
  return fromDecibels(decibels, 10, reference);
}

/** Computes reference·10^(dB / 20): `librosa.db_to_amplitude`. */
export function dbToAmplitude(decibels: ArrayLike<number>, reference = 1): Float64Array {
  return fromDecibels(decibels, 20, reference);
}
