import { UserError, usageError } from "../base/errors.js";

/** A whole number of at least `minimum` that the user chose; anything else is wrong usage. */
export function requireInteger(name: string, value: number, minimum = 1): void {
  if (!Number.isSafeInteger(value) || value < minimum)
    throw usageError(`${name} must be a whole number of at least ${minimum}, got ${value}`);
}

/** A finite number above 0 that the user chose; anything else is wrong usage. */
export function requirePositive(name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value)))
    throw usageError(`${name} must be a number above 0, got ${value}`);
}

/** A finite number that the user chose; anything else is wrong usage. */
export function requireFinite(name: string, value: number): void {
  if (!Number.isFinite(value)) throw usageError(`${name} must be a finite number, got ${value}`);
}

/** One of the listed words; anything else is wrong usage. Types do not reach plain JavaScript callers. */
export function requireOneOf(name: string, value: unknown, choices: readonly string[]): void {
  if (!choices.includes(value as string))
    throw usageError(`${name} must be one of ${choices.join(", ")}, got ${value}`);
}

/** Real samples as float64, never empty: NaN or infinity among them is bad data, said with its place. */
export function finiteSamples(samples: ArrayLike<number>, what = "the signal"): Float64Array {
  if (samples.length === 0) throw new UserError(`${what} is empty, at least one sample was expected`);
  const values = samples instanceof Float64Array ? samples : new Float64Array(samples);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value - value !== 0)
      throw new UserError(`${what} has ${value} at sample ${i}, finite numbers were expected`);
  }
  return values;
}
