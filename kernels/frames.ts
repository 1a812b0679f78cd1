// AssemblyScript, compiled to WebAssembly by kernels/build.mjs.
//
// The transform of windowed real frames, two frames at a time: each 128-bit vector holds a number of the first frame and
// the same number of the second, so that no step mixes frames and each comes out as it would alone. src/dsp/frames.ts lays
// out the memory; src/dsp/fft.ts has the same steps for one transform of any length.
//
// Arrays hold float64. A real number of two frames takes 16 bytes, a complex one 32: real parts, then imaginary parts.

const REAL: usize = 16;
const COMPLEX: usize = 32;

/** What src/dsp/frames.ts lays out: counts, and addresses of arrays. */
@unmanaged
class Plan {
  /** Samples from one frame to the next. */
  hop: usize;
  /** Half the samples of a frame, which is taken as so many complex numbers. */
  half: usize;
  /** Numbers of the transform: half where that is a power of two, else the power of two for a chirp transform. */
  size: usize;
  samples: usize;
  /** 2·half values. */
  window: usize;
  /** The radix-4 passes' factors, three complex numbers for each group of each pass. */
  factors: usize;
  /** e^(-2πi·k/(2·half)), k = 0 … half / 2. */
  turns: usize;
  /** half complex numbers: ChirpPlan's chirp. Unused where size is half. */
  chirp: usize;
  /** size complex numbers: ChirpPlan's filter, conjugated. Unused where size is half. */
  filter: usize;
  /** Room for max(size, half + 1) complex numbers of two frames, twice. */
  work: usize;
  spare: usize;
}

/** The bins of the first `frames` frames: `[frames, half + 1]` to `re` and to `im`. */
export function spectra(plan: Plan, frames: usize, re: usize, im: usize): void {
  const row = (plan.half + 1) * 8;
  for (let t: usize = 0; t < frames; t += 2) {
    const other = min(t + 1, frames - 1);
    const bins = binsOf(plan, t, other);
    for (let k: usize = 0; k <= plan.half; k++) {
      storeLanes(re + t * row + k * 8, re + other * row + k * 8, v128.load(bins + k * COMPLEX));
      storeLanes(im + t * row + k * 8, im + other * row + k * 8, v128.load(bins + k * COMPLEX, 16));
    }
  }
}

/** The squared magnitudes of the same bins, `[frames, half + 1]` to `result`. */
export function powers(plan: Plan, frames: usize, result: usize): void {
  const row = (plan.half + 1) * 8;
  for (let t: usize = 0; t < frames; t += 2) {
    const other = min(t + 1, frames - 1);
    const bins = binsOf(plan, t, other);
    for (let k: usize = 0; k <= plan.half; k++) {
      const re = v128.load(bins + k * COMPLEX);
      const im = v128.load(bins + k * COMPLEX, 16);
      const power = f64x2.add(f64x2.mul(re, re), f64x2.mul(im, im));
      storeLanes(result + t * row + k * 8, result + other * row + k * 8, power);
    }
  }
}

// @ts-ignore: decorator
@inline
function storeLanes(first: usize, second: usize, value: v128): void {
  v128.store64_lane(first, value, 0);
  v128.store64_lane(second, value, 1);
}

/** Stores a·b. */
// @ts-ignore: decorator
@inline
function storeProduct(to: usize, aRe: v128, aIm: v128, bRe: v128, bIm: v128): void {
  v128.store(to, f64x2.sub(f64x2.mul(aRe, bRe), f64x2.mul(aIm, bIm)));
  v128.store(to, f64x2.add(f64x2.mul(aRe, bIm), f64x2.mul(aIm, bRe)), 16);
}

/** Transforms frames t and `other`; returns where their half + 1 bins lie. */
function binsOf(plan: Plan, t: usize, other: usize): usize {
  loadFrames(plan, t, other);
  const packed = plan.size == plan.half ? transform(plan, plan.work) : chirpTransform(plan);
  const bins = otherRoom(plan, packed);
  unpack(packed, bins, plan.half, plan.turns);
  return bins;
}

// @ts-ignore: decorator
@inline
function otherRoom(plan: Plan, room: usize): usize {
  return room == plan.work ? plan.spare : plan.work;
}

/** Windowed and packed, to `work`: sample 2i is the real part of number i, sample 2i + 1 the imaginary part. */
function loadFrames(plan: Plan, t: usize, other: usize): void {
  const first = plan.samples + t * plan.hop * 8;
  const second = plan.samples + other * plan.hop * 8;
  const window = plan.window;
  const work = plan.work;
  for (let i: usize = 0; i < plan.half; i++) {
    const w = v128.load(window + i * REAL);
    const a = f64x2.mul(w, v128.load(first + i * REAL));
    const b = f64x2.mul(w, v128.load(second + i * REAL));
    v128.store(work + i * COMPLEX, v128.shuffle<f64>(a, b, 0, 2));
    v128.store(work + i * COMPLEX, v128.shuffle<f64>(a, b, 1, 3), 16);
  }
}

/** The transform of the `half` numbers in `work` as a convolution, with the steps of ChirpPlan; returns where it lies. */
function chirpTransform(plan: Plan): usize {
  const half = plan.half;
  multiply(plan.work, plan.chirp, half, false);
  memory.fill(plan.work + half * COMPLEX, 0, (plan.size - half) * COMPLEX);
  const spectrum = transform(plan, plan.work);
  multiply(spectrum, plan.filter, plan.size, true);
  const result = transform(plan, spectrum);
  multiply(result, plan.chirp, half, true);
  return result;
}

/** Multiplies numbers (conjugated, if so asked) by factors that both frames share, in place. */
function multiply(numbers: usize, factors: usize, count: usize, conjugated: bool): void {
  for (let i: usize = 0; i < count; i++) {
    const re = v128.load(numbers + i * COMPLEX);
    const im = v128.load(numbers + i * COMPLEX, 16);
    const factorRe = v128.load64_splat(factors + i * 16);
    const factorIm = v128.load64_splat(factors + i * 16, 8);
    storeProduct(numbers + i * COMPLEX, re, conjugated ? f64x2.neg(im) : im, factorRe, factorIm);
  }
}

/** The transform of the `size` numbers in one of the two rooms; returns the room where it lies. */
function transform(plan: Plan, from: usize): usize {
  let to = otherRoom(plan, from);
  let factors = plan.factors;
  let groups = plan.size;
  let stride: usize = 1;
  while (groups >= 4) {
    groups /= 4;
    radix4(from, to, groups, stride, factors);
    factors += groups * 48;
    stride *= 4;
    const held = from;
    from = to;
    to = held;
  }
  if (groups == 1) return from;
  radix2(from, to, stride);
  return to;
}

/**
 * One pass of Stockham's transform, which leaves the numbers in order without a bit reversal: `groups` groups of `stride`
 * butterflies, each group with three factors of its own. (C. Van Loan, "Computational Frameworks for the FFT", 1992.)
 */
function radix4(from: usize, to: usize, groups: usize, stride: usize, factors: usize): void {
  const run = stride * COMPLEX;
  const quarter = groups * run;
  for (let group: usize = 0; group < groups; group++) {
    const turn1Re = v128.load64_splat(factors);
    const turn1Im = v128.load64_splat(factors, 8);
    const turn2Re = v128.load64_splat(factors, 16);
    const turn2Im = v128.load64_splat(factors, 24);
    const turn3Re = v128.load64_splat(factors, 32);
    const turn3Im = v128.load64_splat(factors, 40);
    factors += 48;
    for (const end = from + run; from < end; from += COMPLEX, to += COMPLEX) {
      const aRe = v128.load(from);
      const aIm = v128.load(from, 16);
      const bRe = v128.load(from + quarter);
      const bIm = v128.load(from + quarter, 16);
      const cRe = v128.load(from + 2 * quarter);
      const cIm = v128.load(from + 2 * quarter, 16);
      const dRe = v128.load(from + 3 * quarter);
      const dIm = v128.load(from + 3 * quarter, 16);

      const acSumRe = f64x2.add(aRe, cRe);
      const acSumIm = f64x2.add(aIm, cIm);
      const acRe = f64x2.sub(aRe, cRe);
      const acIm = f64x2.sub(aIm, cIm);
      const bdSumRe = f64x2.add(bRe, dRe);
      const bdSumIm = f64x2.add(bIm, dIm);
      const bdRe = f64x2.sub(bRe, dRe);
      const bdIm = f64x2.sub(bIm, dIm);

      v128.store(to, f64x2.add(acSumRe, bdSumRe));
      v128.store(to, f64x2.add(acSumIm, bdSumIm), 16);
      storeProduct(to + run, f64x2.add(acRe, bdIm), f64x2.sub(acIm, bdRe), turn1Re, turn1Im);
      storeProduct(to + 2 * run, f64x2.sub(acSumRe, bdSumRe), f64x2.sub(acSumIm, bdSumIm), turn2Re, turn2Im);
      storeProduct(to + 3 * run, f64x2.sub(acRe, bdIm), f64x2.add(acIm, bdRe), turn3Re, turn3Im);
    }
    to += 3 * run;
  }
}

/** The last pass where the size is twice a power of four. */
function radix2(from: usize, to: usize, stride: usize): void {
  const run = stride * COMPLEX;
  for (const end = from + run; from < end; from += REAL, to += REAL) {
    const a = v128.load(from);
    const b = v128.load(from + run);
    v128.store(to, f64x2.add(a, b));
    v128.store(to + run, f64x2.sub(a, b));
  }
}

/** The half + 1 bins of the real frames from the transform of the packed ones: EvenRealPlan of src/dsp/fft.ts. */
function unpack(packed: usize, bins: usize, half: usize, turns: usize): void {
  const zero = f64x2.splat(0);
  const firstRe = v128.load(packed);
  const firstIm = v128.load(packed, 16);
  v128.store(bins, f64x2.add(firstRe, firstIm));
  v128.store(bins, zero, 16);
  v128.store(bins + half * COMPLEX, f64x2.sub(firstRe, firstIm));
  v128.store(bins + half * COMPLEX, zero, 16);
  const oneHalf = f64x2.splat(0.5);
  for (let k: usize = 1; k <= half / 2; k++) {
    const low = k * COMPLEX;
    const high = (half - k) * COMPLEX;
    const turnRe = v128.load64_splat(turns + k * 16);
    const turnIm = v128.load64_splat(turns + k * 16, 8);
    const aRe = v128.load(packed + low);
    const aIm = v128.load(packed + low, 16);
    const bRe = v128.load(packed + high);
    const bIm = v128.load(packed + high, 16);
    const evenRe = f64x2.mul(oneHalf, f64x2.add(aRe, bRe));
    const evenIm = f64x2.mul(oneHalf, f64x2.sub(aIm, bIm));
    const oddRe = f64x2.mul(oneHalf, f64x2.add(aIm, bIm));
    const oddIm = f64x2.mul(oneHalf, f64x2.sub(bRe, aRe));
    const turnedRe = f64x2.sub(f64x2.mul(turnRe, oddRe), f64x2.mul(turnIm, oddIm));
    const turnedIm = f64x2.add(f64x2.mul(turnRe, oddIm), f64x2.mul(turnIm, oddRe));
    v128.store(bins + low, f64x2.add(evenRe, turnedRe));
    v128.store(bins + low, f64x2.add(evenIm, turnedIm), 16);
    v128.store(bins + high, f64x2.sub(evenRe, turnedRe));
    v128.store(bins + high, f64x2.sub(turnedIm, evenIm), 16);
  }
}
