import { usageError } from "../base/errors.js";
import { requireFinite, requireInteger, requirePositive } from "./checks.js";
import type { ComplexArray } from "./complex.js";

export interface Duration {
  /** Hz */
  sampleRate: number;
  seconds: number;
}

/**
 * Samples a function at the times i/sampleRate in [0, seconds).
 *
 * @param value takes the index and the rate
 */
export function generate(
  value: (index: number, sampleRate: number) => number,
  { sampleRate, seconds }: Duration,
): Float64Array {
  requirePositive("sampleRate", sampleRate);
  requireFinite("seconds", seconds);
  if (seconds < 0) throw usageError(`seconds must not be negative, got ${seconds}`);
  // 0.07 s at 100 Hz are 7.000000000000001 samples: rounding must not add an eighth one.
  const length = Math.ceil(seconds * sampleRate * (1 - 1e-12));
  return Float64Array.from({ length }, (_, i) => value(i, sampleRate));
}

export interface Sine extends Duration {
  /** Hz, from 0 to half the sample rate. */
  frequency: number;
  /** Default: 1. */
  amplitude?: number;
  /** Radians at time 0. Default: 0, the crest of the wave. */
  phase?: number;
  /** Seconds from sample to sample, where a rounded value is wanted. Default: 1/sampleRate, exact to the last bit. */
  interval?: number;
}

/**
 * Computes amplitude·cos(2π·frequency·t + phase), `[ceil(seconds·sampleRate)]`.
 *
 * @throws UserError (exit 2) for a frequency above half the sample rate, which no samples can hold
 */
export function sine({ frequency, amplitude = 1, phase = 0, interval, ...duration }: Sine): Float64Array {
  requireFinite("frequency", frequency);
  requireFinite("amplitude", amplitude);
  requireFinite("phase", phase);
  if (frequency < 0 || frequency > duration.sampleRate / 2)
    throw usageError(
      `frequency must lie between 0 and ${duration.sampleRate / 2} Hz, half the sample rate, got ${frequency}`,
    );
  const timeOf = (i: number, rate: number) => (interval === undefined ? i / rate : i * interval);
  return generate(
    (i, rate) => amplitude * Math.cos(2 * Math.PI * frequency * timeOf(i, rate) + phase),
    duration,
  );
}

/**
 * Computes the complex sine of bin k in a discrete Fourier transform of n points: e^(-2πi·jk/n), j = 0 … n - 1, `[n]`.
 */
export function complexSine(k: number, n: number): ComplexArray {
  requireInteger("n", n);
  if (!Number.isSafeInteger(k)) throw usageError(`k must be a whole number, got ${k}`);
  const re = new Float64Array(n);
  const im = new Float64Array(n);
  const step = ((k % n) + n) % n;
  for (let j = 0, turn = 0; j < n; j++, turn = (turn + step) % n) {
    re[j] = Math.cos((2 * Math.PI * turn) / n);
    im[j] = -Math.sin((2 * Math.PI * turn) / n);
  }
  return { re, im };
}
