import { UserError, usageError } from "../base/errors.js";

/** Raises wrong usage unless the value is a whole number of at least `minimum`. */
export function requireInteger(name: string, value: number, minimum = 1): void {
  if (!Number.isSafeInteger(value) || value < minimum)
    throw usageError(`${name} must be a whole number of at least ${minimum}, got ${value}`);
}

/** Raises wrong usage unless the value is a finite number above 0. */
export function requirePositive(name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value)))
    throw usageError(`${name} must be a number above 0, got ${value}`);
}

/** Raises wrong usage unless the value is a finite number. */
export function requireFinite(name: string, value: number): void {
  if (!Number.isFinite(value)) throw usageError(`${name} must be a finite number, got ${value}`);
}

/** Raises wrong usage unless the value is one of the choices. Plain JavaScript callers have no type check. */
export function requireOneOf(name: string, value: unknown, choices: readonly string[]): void {
  if (!choices.includes(value as string))
    throw usageError(`${name} must be one of ${choices.join(", ")}, got ${value}`);
}

/**
 * Returns real samples as float64, without a copy if they are.
 *
 * @throws UserError (exit 1) if there are none, and for NaN or infinity, with its index
 */
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
