/**
 * Changes the sample rate of a signal by a rational polyphase filter: a sinc under a Kaiser window (Oppenheim and
 * Schafer, Discrete-Time Signal Processing, section 7.5). It attenuates by 70 dB from the lower of the two Nyquist
 * frequencies on, and is flat up to 0.9 of it. Aliases stay below -60 dB, which wavefile's resampler does not achieve.
 *
 * As in `scipy.signal.resample_poly`, the filter's delay is compensated, the signal is zero beyond its ends, and n
 * samples become ceil(n * toRate / fromRate).
 *
 * @param fromRate rate of `samples`, in whole Hz
 * @param toRate rate of the result, in whole Hz
 * @returns a new array, also if the rates are equal
 * @throws RangeError for a rate that is not a positive whole number
 */
export function resample(samples: Float32Array, fromRate: number, toRate: number): Float32Array {
  for (const rate of [fromRate, toRate]) {
    if (!Number.isSafeInteger(rate) || rate <= 0) {
      throw new RangeError(`expected a sample rate that is a positive whole number of Hz, found ${rate}`);
    }
  }
  if (fromRate === toRate) return samples.slice();
  const { up, down, taps, phases, delay } = filterFor(fromRate, toRate);

  // Zeros on both sides save the inner loop from testing for the signal's ends.
  const padded = new Float32Array(samples.length + 2 * taps);
  padded.set(samples, taps);
  const out = new Float32Array(Math.ceil((samples.length * up) / down));

  // Output m lies at m * down + delay on a grid of `up` points per input sample. The remainder (phase) selects the
  // filter branch, the quotient the newest input sample that it covers.
  let newest = Math.floor(delay / up);
  let phase = delay % up;
  for (let m = 0; m < out.length; m++) {
    const branch = phase * taps;
    const oldest = newest + 1; // in `padded`: newest + taps - (taps - 1)
    // Four sums: with a single one, each addition would wait for the one before.
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let k = 0; k < taps; k += 4) {
      a += phases[branch + k]! * padded[oldest + k]!;
      b += phases[branch + k + 1]! * padded[oldest + k + 1]!;
      c += phases[branch + k + 2]! * padded[oldest + k + 2]!;
      d += phases[branch + k + 3]! * padded[oldest + k + 3]!;
    }
    out[m] = a + b + (c + d);
    phase += down;
    newest += Math.floor(phase / up);
    phase %= up;
  }
  return out;
}

/**
 * Computes the low-pass filter that `resample` uses between two rates, at the rate of `up` times `fromRate`. Its length
 * is odd, it is symmetric, and it sums to `up`: the `window` of `resample_poly` times that factor.
 */
export function resamplingFilter(fromRate: number, toRate: number): Float64Array {
  const { up, down } = reducedRatio(fromRate, toRate);
  // Frequencies as a share of the lower Nyquist frequency: pi / larger in radians a sample.
  const larger = Math.max(up, down);
  const half = Math.ceil((attenuation - 7.95) / (2.285 * Math.PI * transition) / 2) * larger;
  const cutOff = (1 - transition / 2) / larger;
  const beta = 0.1102 * (attenuation - 8.7);
  const filter = new Float64Array(2 * half + 1);
  let sum = 0;
  for (let i = -half; i <= half; i++) {
    const x = Math.PI * cutOff * i;
    const sinc = i === 0 ? 1 : Math.sin(x) / x;
    const value = sinc * besselI0(beta * Math.sqrt(1 - (i / half) ** 2));
    filter[i + half] = value;
    sum += value;
  }
  for (let i = 0; i < filter.length; i++) filter[i]! *= up / sum;
  return filter;
}

const attenuation = 70; // dB, with room for what the sum of several aliases adds
const transition = 0.1; // of the lower Nyquist frequency, up to it

interface Polyphase {
  readonly up: number;
  readonly down: number;
  /** Number of taps of each branch, a multiple of four. */
  readonly taps: number;
  /** The filter's branches, `[up, taps]`, each reversed so that it is applied to the input in the order of time. */
  readonly phases: Float32Array;
  /** The filter's delay, in samples of the grid that is `up` times finer. */
  readonly delay: number;
}

// Unusual pairs of rates make long filters (a few MB), so only the most recent few are kept.
const filters = new Map<string, Polyphase>();
const filtersKept = 8;

function filterFor(fromRate: number, toRate: number): Polyphase {
  const { up, down } = reducedRatio(fromRate, toRate);
  const key = `${up}/${down}`;
  const known = filters.get(key);
  if (known !== undefined) return known;

  const filter = resamplingFilter(fromRate, toRate);
  const taps = Math.ceil(filter.length / up / 4) * 4;
  const phases = new Float32Array(up * taps);
  for (let i = 0; i < filter.length; i++) {
    const tap = Math.floor(i / up);
    phases[(i % up) * taps + (taps - 1 - tap)] = filter[i]!;
  }
  const made = { up, down, taps, phases, delay: (filter.length - 1) / 2 };
  for (const oldest of filters.keys()) {
    if (filters.size < filtersKept) break;
    filters.delete(oldest);
  }
  filters.set(key, made);
  return made;
}

function reducedRatio(fromRate: number, toRate: number): { up: number; down: number } {
  let divisor = fromRate;
  for (let rest = toRate; rest !== 0; ) [divisor, rest] = [rest, divisor % rest];
  return { up: toRate / divisor, down: fromRate / divisor };
}

/** Computes the modified Bessel function of the first kind and order 0 by its power series. */
function besselI0(x: number): number {
  const quarter = (x * x) / 4;
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= quarter / (k * k);
    sum += term;
  }
  return sum;
}
