import FFT from "fft.js";
import { Cache } from "../../base/cache.js";
import { UserError } from "../../base/errors.js";
import { finiteSamples, requireInteger } from "../checks.js";
import type { ComplexArray } from "../complex.js";

/**
 * Computes the discrete Fourier transform X[k] = Σ x[j]·e^(-2πi·jk/n), k = 0 … n - 1, of any length n: `[n]` → `[n]`. Its
 * inverse, `ifft`, has the opposite sign and the factor 1/n, as in `numpy.fft`.
 *
 * @throws UserError if the signal is empty or contains NaN or infinity
 */
export function fft(signal: ComplexArray | ArrayLike<number>): ComplexArray {
  const { re, im } = complexSamples(signal);
  const plan = fftPlan(re.length);
  const data = new Float64Array(2 * re.length);
  for (let i = 0; i < re.length; i++) {
    data[2 * i] = re[i]!;
    data[2 * i + 1] = im[i]!;
  }
  const result = new Float64Array(data.length);
  plan.transform(data, result);
  for (let i = 0; i < re.length; i++) {
    re[i] = result[2 * i]!;
    im[i] = result[2 * i + 1]!;
  }
  return { re, im };
}

/** Computes the inverse of `fft`: x[j] = 1/n·Σ X[k]·e^(2πi·jk/n), `[n]` → `[n]`. */
export function ifft(spectrum: ComplexArray | ArrayLike<number>): ComplexArray {
  const { re, im } = complexSamples(spectrum);
  // Swapping real and imaginary parts before and after gives the inverse transform, up to its factor.
  const exchanged = fft({ re: im, im: re });
  return { re: scaled(exchanged.im, 1 / re.length), im: scaled(exchanged.re, 1 / re.length) };
}

/** Computes the non-redundant half of a real signal's `fft`: `[n]` → `[floor(n / 2) + 1]`. */
export function rfft(signal: ArrayLike<number>): ComplexArray {
  const samples = finiteSamples(signal);
  const plan = realFftPlan(samples.length);
  const re = new Float64Array(plan.bins);
  const im = new Float64Array(plan.bins);
  plan.forward(samples, re, im, 0);
  return { re, im };
}

/**
 * Computes the inverse of `rfft`: `[floor(length / 2) + 1]` → `[length]`. The length is needed because n = 2m and
 * n = 2m + 1 have the same number of bins.
 */
export function irfft(spectrum: ComplexArray, length: number): Float64Array {
  requireInteger("length", length);
  const { re, im } = complexSamples(spectrum);
  const plan = realFftPlan(length);
  if (re.length !== plan.bins)
    throw new UserError(`a real signal of ${length} samples has ${plan.bins} bins, got ${re.length}`);
  const samples = new Float64Array(length);
  plan.inverse(re, im, 0, samples);
  return samples;
}

/** Returns a checked copy; the imaginary part of a real signal is zero. */
export function complexSamples(signal: ComplexArray | ArrayLike<number>): ComplexArray {
  if (!("re" in signal)) {
    const re = finiteSamples(signal).slice();
    return { re, im: new Float64Array(re.length) };
  }
  if (signal.re.length !== signal.im.length)
    throw new UserError(
      `real and imaginary parts differ in length: ${signal.re.length}, ${signal.im.length}`,
    );
  return {
    re: finiteSamples(signal.re, "the real part").slice(),
    im: finiteSamples(signal.im, "the imaginary part").slice(),
  };
}

function scaled(values: Float64Array, factor: number): Float64Array {
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor;
  return values;
}

/** The complex transform of one length. Data are interleaved: number i is at `[2i]` and `[2i + 1]`. */
export interface FftPlan {
  /** Writes the transform of `data`, `[2n]`, to `result`, `[2n]`, which must be another array. */
  transform(data: Float64Array, result: Float64Array): void;
}

/** Returns the plan for n numbers. Plans hold work space, so a plan must not be used by two transforms at once. */
export function fftPlan(n: number): FftPlan {
  // The tables of long signals are large and as fast to compute as the transform, so they are not cached.
  return n <= 1 << 16 ? plans.get(n, createPlan) : createPlan(n);
}

const plans = new Cache<number, FftPlan>(32);

function createPlan(n: number): FftPlan {
  if (n === 1) return { transform: (data, result) => result.set(data) };
  return (n & (n - 1)) === 0 ? new PowerOfTwoPlan(n) : new ChirpPlan(n);
}

class PowerOfTwoPlan implements FftPlan {
  private readonly fft: FFT;

  constructor(n: number) {
    this.fft = new FFT(n);
  }

  transform(data: Float64Array, result: Float64Array): void {
    this.fft.transform(result, data);
  }
}

export interface ChirpTables {
  /** Length of the convolution's transforms, a power of two. */
  size: number;
  /** c, interleaved, `[2n]`. */
  chirp: Float64Array;
  /** The transform of conj(c), wrapped around `size` numbers and divided by `size`, interleaved. */
  filter: Float64Array;
}

/**
 * Computes the tables for a transform of any length as a convolution with a chirp: with c[k] = e^(-πi·k²/n),
 * jk = (j² + k² - (k - j)²) / 2 gives X[k] = c[k]·Σ (x[j]·c[j])·conj(c[k - j]).
 * Source: L. Bluestein, "A linear filtering approach to the computation of the discrete Fourier transform" (1970).
 */
export function chirpTables(n: number): ChirpTables {
  // k - j runs from -(n - 1) to n - 1. These two ends may share a place, since c[-k] = c[k]: 2n - 2 places suffice.
  const size = 2 ** Math.ceil(Math.log2(2 * n - 2));
  const chirp = new Float64Array(2 * n);
  const wrapped = new Float64Array(2 * size);
  for (let k = 0; k < n; k++) {
    // The angle has period 2n in k²; taking the remainder keeps it small and therefore accurate.
    const angle = (-Math.PI * ((k * k) % (2 * n))) / n;
    chirp[2 * k] = Math.cos(angle);
    chirp[2 * k + 1] = Math.sin(angle);
    for (const at of k === 0 ? [0] : [k, size - k]) {
      wrapped[2 * at] = chirp[2 * k]! / size;
      wrapped[2 * at + 1] = -chirp[2 * k + 1]! / size;
    }
  }
  const filter = new Float64Array(2 * size);
  fftPlan(size).transform(wrapped, filter);
  return { size, chirp, filter };
}

/** A transform of any other length, by `chirpTables`. */
class ChirpPlan implements FftPlan {
  private readonly n: number;
  private readonly plan: FftPlan;
  private readonly chirp: Float64Array;
  private readonly filter: Float64Array;
  private readonly padded: Float64Array;
  private readonly spectrum: Float64Array;

  constructor(n: number) {
    const { size, chirp, filter } = chirpTables(n);
    this.n = n;
    this.plan = fftPlan(size);
    this.chirp = chirp;
    this.filter = filter;
    this.padded = new Float64Array(2 * size);
    this.spectrum = new Float64Array(2 * size);
  }

  transform(data: Float64Array, result: Float64Array): void {
    const { chirp, filter, padded, spectrum } = this;
    const end = 2 * this.n;
    for (let i = 0; i < end; i += 2) {
      padded[i] = data[i]! * chirp[i]! - data[i + 1]! * chirp[i + 1]!;
      padded[i + 1] = data[i]! * chirp[i + 1]! + data[i + 1]! * chirp[i]!;
    }
    padded.fill(0, end);
    this.plan.transform(padded, spectrum);
    // The product is conjugated here and again below, which turns the forward transform between into an inverse one.
    for (let i = 0; i < spectrum.length; i += 2) {
      const re = spectrum[i]! * filter[i]! - spectrum[i + 1]! * filter[i + 1]!;
      spectrum[i + 1] = -(spectrum[i]! * filter[i + 1]! + spectrum[i + 1]! * filter[i]!);
      spectrum[i] = re;
    }
    this.plan.transform(spectrum, padded);
    for (let i = 0; i < end; i += 2) {
      result[i] = padded[i]! * chirp[i]! + padded[i + 1]! * chirp[i + 1]!;
      result[i + 1] = padded[i]! * chirp[i + 1]! - padded[i + 1]! * chirp[i]!;
    }
  }
}

/** The transform of real signals of one length, and its inverse, on arrays of the caller. */
export interface RealFftPlan {
  /** floor(n / 2) + 1 */
  readonly bins: number;
  /** Writes the bins of `samples`, `[n]`, to `re` and `im` from `offset` on. */
  forward(samples: Float64Array, re: Float64Array, im: Float64Array, offset: number): void;
  /** Writes the signal of the bins in `re` and `im` from `offset` on to `samples`, `[n]`. */
  inverse(re: Float64Array, im: Float64Array, offset: number, samples: Float64Array): void;
}

/** Returns the plan for n real samples; see `fftPlan`. */
export function realFftPlan(n: number): RealFftPlan {
  return n <= 1 << 16 ? realPlans.get(n, createRealPlan) : createRealPlan(n);
}

const realPlans = new Cache<number, RealFftPlan>(32);

function createRealPlan(n: number): RealFftPlan {
  return n % 2 === 0 ? new EvenRealPlan(n) : new OddRealPlan(n);
}

/**
 * Transforms an even number of real samples as half as many complex ones z[j] = x[2j] + i·x[2j + 1], which is their layout
 * in memory. The transforms E and O of the even and the odd samples are separated by symmetry;
 * X[k] = E[k] + e^(-2πi·k/n)·O[k].
 */
class EvenRealPlan implements RealFftPlan {
  readonly bins: number;
  private readonly half: number;
  private readonly plan: FftPlan;
  private readonly cos: Float64Array;
  private readonly sin: Float64Array;
  private readonly packed: Float64Array;
  private readonly result: Float64Array;

  constructor(n: number) {
    this.half = n / 2;
    this.bins = this.half + 1;
    this.plan = fftPlan(this.half);
    this.packed = new Float64Array(n);
    this.result = new Float64Array(n);
    const quarter = Math.floor(this.half / 2) + 1;
    this.cos = Float64Array.from({ length: quarter }, (_, k) => Math.cos((2 * Math.PI * k) / n));
    this.sin = Float64Array.from({ length: quarter }, (_, k) => Math.sin((2 * Math.PI * k) / n));
  }

  forward(samples: Float64Array, re: Float64Array, im: Float64Array, offset: number): void {
    const { half, cos, sin, result } = this;
    this.plan.transform(samples, result);
    re[offset] = result[0]! + result[1]!;
    im[offset] = 0;
    re[offset + half] = result[0]! - result[1]!;
    im[offset + half] = 0;
    // Bins k and half - k come from the same two numbers.
    for (let k = 1; k <= half - k; k++) {
      const i = 2 * k;
      const j = 2 * (half - k);
      const evenRe = 0.5 * (result[i]! + result[j]!);
      const evenIm = 0.5 * (result[i + 1]! - result[j + 1]!);
      const oddRe = 0.5 * (result[i + 1]! + result[j + 1]!);
      const oddIm = 0.5 * (result[j]! - result[i]!);
      const turnedRe = cos[k]! * oddRe + sin[k]! * oddIm;
      const turnedIm = cos[k]! * oddIm - sin[k]! * oddRe;
      re[offset + k] = evenRe + turnedRe;
      im[offset + k] = evenIm + turnedIm;
      re[offset + half - k] = evenRe - turnedRe;
      im[offset + half - k] = turnedIm - evenIm;
    }
  }

  inverse(re: Float64Array, im: Float64Array, offset: number, samples: Float64Array): void {
    const { half, cos, sin, packed, result } = this;
    // The steps of `forward` in reverse. Conjugated before and after, the forward transform is the inverse.
    packed[0] = 0.5 * (re[offset]! + re[offset + half]!);
    packed[1] = -0.5 * (re[offset]! - re[offset + half]!);
    for (let k = 1; k <= half - k; k++) {
      const a = offset + k;
      const b = offset + half - k;
      const evenRe = 0.5 * (re[a]! + re[b]!);
      const evenIm = 0.5 * (im[a]! - im[b]!);
      const turnedRe = 0.5 * (re[a]! - re[b]!);
      const turnedIm = 0.5 * (im[a]! + im[b]!);
      const oddRe = cos[k]! * turnedRe - sin[k]! * turnedIm;
      const oddIm = cos[k]! * turnedIm + sin[k]! * turnedRe;
      packed[2 * k] = evenRe - oddIm;
      packed[2 * k + 1] = -(evenIm + oddRe);
      packed[2 * (half - k)] = evenRe + oddIm;
      packed[2 * (half - k) + 1] = evenIm - oddRe;
    }
    this.plan.transform(packed, result);
    for (let i = 0; i < samples.length; i += 2) {
      samples[i] = result[i]! / half;
      samples[i + 1] = -result[i + 1]! / half;
    }
  }
}

/** Transforms an odd number of real samples, which do not pair up, as complex ones with zero imaginary parts. */
class OddRealPlan implements RealFftPlan {
  readonly bins: number;
  private readonly n: number;
  private readonly plan: FftPlan;
  private readonly data: Float64Array;
  private readonly result: Float64Array;

  constructor(n: number) {
    this.n = n;
    this.bins = (n + 1) / 2;
    this.plan = fftPlan(n);
    this.data = new Float64Array(2 * n);
    this.result = new Float64Array(2 * n);
  }

  forward(samples: Float64Array, re: Float64Array, im: Float64Array, offset: number): void {
    const { n, data, result } = this;
    for (let i = 0; i < n; i++) {
      data[2 * i] = samples[i]!;
      data[2 * i + 1] = 0;
    }
    this.plan.transform(data, result);
    for (let k = 0; k < this.bins; k++) {
      re[offset + k] = result[2 * k]!;
      im[offset + k] = k === 0 ? 0 : result[2 * k + 1]!;
    }
  }

  inverse(re: Float64Array, im: Float64Array, offset: number, samples: Float64Array): void {
    const { n, data, result } = this;
    data[0] = re[offset]!;
    data[1] = 0;
    // The conjugated spectrum with its mirrored half; a real result needs no second conjugation.
    for (let k = 1; k < this.bins; k++) {
      data[2 * k] = data[2 * (n - k)] = re[offset + k]!;
      data[2 * k + 1] = -im[offset + k]!;
      data[2 * (n - k) + 1] = im[offset + k]!;
    }
    this.plan.transform(data, result);
    for (let i = 0; i < n; i++) samples[i] = result[2 * i]! / n;
  }
}
