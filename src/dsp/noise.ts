import type { Random } from "../base/random.js";
import { irfft } from "./fourier/fft.js";

/**
 * Generates noise whose power density falls as 1/f^exponent: 0 is white, 1 pink, 2 brown. It is Gaussian with root mean
 * square 1. Frequencies below `lowestHz` are left out, since brown noise would have nearly all of its power there.
 * Source: J. Timmer and M. König, "On generating power law noise" (1995): the inverse transform of a random spectrum.
 */
export function powerLawNoise(
  { exponent, length, sampleRate, lowestHz = 40 }: PowerLaw,
  random: Random,
): Float64Array {
  const bins = Math.floor(length / 2) + 1;
  const re = new Float64Array(bins);
  const im = new Float64Array(bins);
  // From bin 1 to before the last, which is real if the length is even.
  for (let k = Math.max(1, Math.ceil((lowestHz * length) / sampleRate)); k < bins - 1; k++) {
    const size = k ** (-exponent / 2);
    re[k] = size * random.normal();
    im[k] = size * random.normal();
  }
  return withUnitRms(irfft({ re, im }, length));
}

export interface PowerLaw {
  exponent: number;
  /** Samples. */
  length: number;
  /** Hz. */
  sampleRate: number;
  /** Default: 40. */
  lowestHz?: number;
}

/** Generates mains hum, RMS 1: a tone and its harmonics of random phase, whose random amplitudes decrease with 1/harmonic. */
export function mainsHum(
  { mainsHz, length, sampleRate }: { mainsHz: number; length: number; sampleRate: number },
  random: Random,
): Float64Array {
  const hum = new Float64Array(length);
  for (let harmonic = 1; harmonic <= 12 && harmonic * mainsHz < sampleRate / 2; harmonic++) {
    const size = random.uniform() / harmonic;
    const phase = 2 * Math.PI * random.uniform();
    const step = (2 * Math.PI * harmonic * mainsHz) / sampleRate;
    for (let i = 0; i < length; i++) hum[i]! += size * Math.sin(step * i + phase);
  }
  return withUnitRms(hum);
}

/** Generates knocks, RMS 1: one to five damped tones at random times, of random pitch (200 to 3000 Hz) and decay. */
export function knocks(
  { length, sampleRate }: { length: number; sampleRate: number },
  random: Random,
): Float64Array {
  const sound = new Float64Array(length);
  for (let count = 1 + random.integer(5); count > 0; count--) {
    const start = random.integer(length);
    const size = random.between(0.3, 1);
    const step = (2 * Math.PI * 200 * 15 ** random.uniform()) / sampleRate;
    const decay = sampleRate * random.between(0.005, 0.06); // samples to 1/e
    for (let i = start; i < length; i++) {
      sound[i]! += size * Math.exp((start - i) / decay) * Math.sin(step * (i - start));
    }
  }
  return withUnitRms(sound);
}

function withUnitRms(samples: Float64Array): Float64Array {
  let power = 0;
  for (const sample of samples) power += sample * sample;
  const scale = Math.sqrt(samples.length / power);
  return samples.map((sample) => sample * scale);
}
