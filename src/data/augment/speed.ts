import { Cache } from "../../base/cache.js";
import { speedWasm } from "./speed-wasm.js";

/** Zero crossings of the sinc on each side. */
const crossings = 12;
/** Number of filters per sample. The nearest is used, an error of at most π / 2048 of the amplitude. */
const resolution = 1024;
/** Cut-off frequency of the filter, as a share of the lower Nyquist frequency. */
const cutOff = 0.92;
/** Number of different filter bands, so that few filters serve all factors. */
const steps = 64;

/**
 * Plays a clip `factor` times as fast, in place, about its middle. The method is band-limited interpolation by a windowed
 * sinc, widened by factors above 1 to prevent aliasing. The signal is zero beyond the clip's ends.
 * Source: J. O. Smith, "Digital audio resampling" (CCRMA).
 */
export function playAtSpeed(wave: Float32Array, factor: number): void {
  const step = Math.max(1, Math.min(steps, Math.floor(steps / factor)));
  players.get(`${step} ${wave.length}`, () => new Player(step / steps, wave.length)).play(wave, factor);
}

const players = new Cache<string, Player>(32);
let compiled: object | undefined;

/**
 * Changes clips of one length with kernels/speed.ts, in a memory of its own. In TypeScript this change alone took longer
 * than a training step of a small model.
 */
class Player {
  private readonly source: Float32Array;
  private readonly out: Float32Array;
  private readonly run: (factor: number) => void;

  /** @param squeeze the band to keep, as a share of the signal's */
  constructor(squeeze: number, length: number) {
    const { taps, filters } = filterBank(squeeze);
    // Multiples of four floats, so that vectors are aligned.
    const sizes = [filters.length, length + 2 * taps, length].map((size) => 4 * Math.ceil(size / 4));
    const bytes = 4 * sizes.reduce((a, b) => a + b);
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 2 ** 16) });
    const bank = new Float32Array(memory.buffer, 0, filters.length);
    bank.set(filters);
    // Zeros on both sides save the kernel from testing for the clip's ends.
    this.source = new Float32Array(memory.buffer, 4 * sizes[0]! + 4 * taps, length);
    this.out = new Float32Array(memory.buffer, 4 * (sizes[0]! + sizes[1]!), length);
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(speedWasm), (c) => c.charCodeAt(0)));
    const { play } = new WebAssembly.Instance(compiled, { env: { memory } }).exports;
    const [source, out] = [4 * sizes[0]!, this.out.byteOffset];
    this.run = (factor) => play(source, out, length, bank.byteOffset, taps, resolution, factor);
  }

  play(wave: Float32Array, factor: number): void {
    this.source.set(wave);
    this.run(factor);
    wave.set(this.out);
  }
}

/** What kernels/speed.ts exports; arrays are given by their addresses. */
interface Kernel {
  play(
    source: number,
    out: number,
    length: number,
    filters: number,
    taps: number,
    resolution: number,
    factor: number,
  ): void;
}
// The part of WebAssembly that is used here: neither TypeScript's es2023 nor Node's types have it.
declare const WebAssembly: {
  Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: Kernel };
};

/**
 * Computes the filters for the positions between two samples: a sinc under a Hann window.
 *
 * @param squeeze the band to keep, as a share of the signal's
 * @returns `filters` [resolution + 1, taps], whose last row is the first one shifted by a sample; taps is a multiple of 8
 */
function filterBank(squeeze: number): { taps: number; filters: Float32Array } {
  const reach = crossings / squeeze;
  const taps = 8 * Math.ceil(reach / 4);
  const filters = new Float32Array((resolution + 1) * taps);
  for (let row = 0; row <= resolution; row++) {
    for (let k = 0; k < taps; k++) {
      const x = (k - (taps / 2 - 1) - row / resolution) * squeeze; // in zero crossings
      if (Math.abs(x) >= crossings) continue;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * cutOff * x) / (Math.PI * cutOff * x);
      filters[row * taps + k] = squeeze * cutOff * sinc * Math.cos((Math.PI * x) / (2 * crossings)) ** 2;
    }
  }
  return { taps, filters };
}
