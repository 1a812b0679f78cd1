import { UserError, usageError } from "../base/errors.js";
import { requireFinite, requirePositive } from "./checks.js";

export interface DecibelOptions {
  /** The value that is 0 dB: a number above 0, or the largest of the values. Default: 1. */
  reference?: number | "max";
  /** What smaller values and a smaller reference are raised to, so that zero has a logarithm. Default: 1e-10, of amplitudes 1e-5. */
  minimum?: number;
  /** Results more than this many dB below the largest are raised to there; Infinity keeps them. Default: 80. */
  topDb?: number;
}

/**
 * factor·log10(value / reference), with a floor. 10 is the factor for powers, 20 for amplitudes; others give other
 * intensity scales. The result has the values' order; one reference and one floor hold for them all.
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
      throw new UserError(`value ${i} is ${value}; decibels are of finite numbers from 0 on`);
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

/** 10·log10(power / reference), floored: `librosa.power_to_db`. Errors as `toDecibels`. */
export function powerToDb(powers: ArrayLike<number>, options: DecibelOptions = {}): Float64Array {
  return toDecibels(powers, 10, options);
}

/** 20·log10(amplitude / reference), floored: `librosa.amplitude_to_db`. Errors as `toDecibels`. */
export function amplitudeToDb(amplitudes: ArrayLike<number>, options: DecibelOptions = {}): Float64Array {
  return toDecibels(amplitudes, 20, { minimum: 1e-5, ...options });
}

/** reference·10^(dB / factor): undoes `toDecibels`, but for what its floor raised. -Infinity is 0. */
export function fromDecibels(decibels: ArrayLike<number>, factor: number, reference = 1): Float64Array {
  requirePositive("factor", factor);
  requireFinite("reference", reference);
  return Float64Array.from(decibels, (value) => reference * 10 ** (value / factor));
}

/** reference·10^(dB / 10): `librosa.db_to_power`. */
export function dbToPower(decibels: ArrayLike<number>, reference = 1): Float64Array {
  return fromDecibels(decibels, 10, reference);
}

/** reference·10^(dB / 20): `librosa.db_to_amplitude`. */
export function dbToAmplitude(decibels: ArrayLike<number>, reference = 1): Float64Array {
  return fromDecibels(decibels, 20, reference);
}
