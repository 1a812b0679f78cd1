import { Cache } from "../../base/cache.js";
import { chirpTables, realFftPlan } from "./fft.js";
import { framesWasm } from "./frames-wasm.js";

/**
 * Transforms the windowed frames of a signal; frame t begins at sample t·hop. Each frame is computed on its own: equal
 * samples give equal bins, bit for bit, wherever they lie in a signal.
 */
export interface FrameTransform {
  /** floor(nFft / 2) + 1 */
  readonly bins: number;
  /** Writes the bins of the first `frames` frames of `samples` to `re` and `im`, `[frames, bins]`. */
  spectra(
    samples: Float64Array,
    window: Float64Array,
    frames: number,
    re: Float64Array,
    im: Float64Array,
  ): void;
  /** Writes the squared magnitudes of the bins to `result`, `[frames, bins]`. */
  powers(samples: Float64Array, window: Float64Array, frames: number, result: Float64Array): void;
}

/**
 * Returns the transform for frames of `nFft` samples, `hop` apart. Even lengths, which front ends use, run in WebAssembly
 * with two frames in each vector, several times as fast as in TypeScript.
 */
export function frameTransform(nFft: number, hop: number): FrameTransform {
  // Larger lengths and hops take too much memory to be cached.
  const fits = nFft >= 8 && nFft <= 1 << 14 && hop <= 1 << 16;
  if (!fits || nFft % 2 !== 0) return new PlainFrames(nFft, hop);
  return kernels.get(`${nFft} ${hop}`, () => new WasmFrames(nFft, hop));
}

/** Transforms frames of any length, one after another. */
export class PlainFrames implements FrameTransform {
  readonly bins: number;
  private readonly hop: number;
  private readonly frame: Float64Array;
  private readonly plan: ReturnType<typeof realFftPlan>;

  constructor(nFft: number, hop: number) {
    this.plan = realFftPlan(nFft);
    this.bins = this.plan.bins;
    this.hop = hop;
    this.frame = new Float64Array(nFft);
  }

  spectra(
    samples: Float64Array,
    window: Float64Array,
    frames: number,
    re: Float64Array,
    im: Float64Array,
  ): void {
    const { frame } = this;
    for (let t = 0; t < frames; t++) {
      for (let i = 0, at = t * this.hop; i < frame.length; i++, at++) frame[i] = samples[at]! * window[i]!;
      this.plan.forward(frame, re, im, t * this.bins);
    }
  }

  powers(samples: Float64Array, window: Float64Array, frames: number, result: Float64Array): void {
    const im = new Float64Array(result.length);
    this.spectra(samples, window, frames, result, im);
    for (let i = 0; i < result.length; i++) result[i] = result[i]! * result[i]! + im[i]! * im[i]!;
  }
}

/** The exports of kernels/frames.ts; arrays and the plan are passed by address. */
interface Kernel {
  spectra(plan: number, frames: number, re: number, im: number): void;
  powers(plan: number, frames: number, result: number): void;
}

/** Transforms blocks of frames with kernels/frames.ts, in a memory of its own. */
class WasmFrames implements FrameTransform {
  readonly bins: number;
  private readonly nFft: number;
  private readonly hop: number;
  /** Frames per call: few, so that they stay in the processor's cache. */
  private readonly block: number;
  private readonly kernel: Kernel;
  private readonly samples: Float64Array;
  private readonly window: Float64Array;
  private readonly re: Float64Array;
  private readonly im: Float64Array;

  constructor(nFft: number, hop: number) {
    const half = nFft / 2;
    this.nFft = nFft;
    this.hop = hop;
    this.bins = half + 1;
    this.block = Math.max(2, Math.min(16, Math.floor(2 ** 16 / hop)));
    const none = new Float64Array();
    const tables = (half & (half - 1)) === 0 ? { size: half, chirp: none, filter: none } : chirpTables(half);
    const room = new Float64Array(4 * Math.max(tables.size, this.bins));
    const output = new Float64Array(this.block * this.bins);
    const { memory, copies } = memoryOf([
      new Float64Array((this.block - 1) * hop + nFft), // samples
      new Float64Array(nFft), // window
      passFactors(tables.size),
      turns(Math.floor(half / 2) + 1, nFft),
      tables.chirp,
      tables.filter.map((value, i) => (i % 2 === 0 ? value : -value)),
      room, // work
      room, // spare
      output, // re
      output, // im
    ]);
    this.samples = copies[0]!;
    this.window = copies[1]!;
    this.re = copies[8]!;
    this.im = copies[9]!;
    const addresses = copies.slice(0, 8).map((array) => array.byteOffset);
    new Uint32Array(memory.buffer).set([hop, half, tables.size, ...addresses], PLAN / 4);
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(framesWasm), (c) => c.charCodeAt(0)));
    this.kernel = new WebAssembly.Instance(compiled, { env: { memory } }).exports;
  }

  spectra(
    samples: Float64Array,
    window: Float64Array,
    frames: number,
    re: Float64Array,
    im: Float64Array,
  ): void {
    this.inBlocks(samples, window, frames, (count, at) => {
      this.kernel.spectra(PLAN, count, this.re.byteOffset, this.im.byteOffset);
      re.set(this.re.subarray(0, count * this.bins), at * this.bins);
      im.set(this.im.subarray(0, count * this.bins), at * this.bins);
    });
  }

  powers(samples: Float64Array, window: Float64Array, frames: number, result: Float64Array): void {
    this.inBlocks(samples, window, frames, (count, at) => {
      this.kernel.powers(PLAN, count, this.re.byteOffset);
      result.set(this.re.subarray(0, count * this.bins), at * this.bins);
    });
  }

  private inBlocks(
    samples: Float64Array,
    window: Float64Array,
    frames: number,
    run: (count: number, at: number) => void,
  ): void {
    this.window.set(window);
    for (let at = 0; at < frames; at += this.block) {
      const count = Math.min(this.block, frames - at);
      const from = at * this.hop;
      this.samples.set(samples.subarray(from, from + (count - 1) * this.hop + this.nFft));
      run(count, at);
    }
  }
}

let compiled: WasmModule | undefined;
const kernels = new Cache<string, WasmFrames>(8);

/** Address of the plan, and the bytes reserved for it. */
const PLAN = 0;
const PLAN_BYTES = 64;

/** Creates a memory with copies of the arrays after the plan, each aligned to a vector (16 bytes). */
function memoryOf(arrays: readonly Float64Array[]): { memory: WasmMemory; copies: Float64Array[] } {
  const vectors = arrays.map((array) => Math.ceil(array.byteLength / 16));
  const bytes = PLAN_BYTES + 16 * vectors.reduce((a, b) => a + b, 0);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 2 ** 16) });
  let end = PLAN_BYTES;
  const copies = arrays.map((array, i) => {
    const copy = new Float64Array(memory.buffer, end, array.length);
    copy.set(array);
    end += 16 * vectors[i]!;
    return copy;
  });
  return { memory, copies };
}

/** Computes e^(-2πi·k/n), k = 0 … count - 1, interleaved. */
function turns(count: number, n: number): Float64Array {
  const values = new Float64Array(2 * count);
  for (let k = 0; k < count; k++) {
    values[2 * k] = Math.cos((2 * Math.PI * k) / n);
    values[2 * k + 1] = -Math.sin((2 * Math.PI * k) / n);
  }
  return values;
}

/** Computes e^(-2πi·jg/m), j = 1, 2, 3, for each radix-4 pass over n numbers and each group g of its m / 4. */
function passFactors(n: number): Float64Array {
  const factors: number[] = [];
  for (let m = n; m >= 4; m /= 4)
    for (let g = 0; g < m / 4; g++)
      for (let j = 1; j < 4; j++)
        factors.push(Math.cos((2 * Math.PI * j * g) / m), -Math.sin((2 * Math.PI * j * g) / m));
  return Float64Array.from(factors);
}

// The part of WebAssembly's interface that is used here: neither TypeScript's es2023 nor Node's types have it.
interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
type WasmModule = object;
declare const WebAssembly: {
  Memory: new (size: { initial: number }) => WasmMemory;
  Module: new (bytes: Uint8Array) => WasmModule;
  Instance: new (module: WasmModule, imports: { env: { memory: WasmMemory } }) => { exports: Kernel };
};
