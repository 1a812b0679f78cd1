import { Cache } from "../base/cache.js";
import { usageError } from "../base/errors.js";
import { requireInteger, requireOneOf } from "./checks.js";

export const windowNames = ["hann", "hamming", "blackman", "tukey", "rectangular"] as const;
export type WindowName = (typeof windowNames)[number];

/** A window by name (tukey with alpha 0.5, as in SciPy), tukey with its alpha, or the window's values. */
export type Window = WindowName | { name: "tukey"; alpha: number } | ArrayLike<number>;

/**
 * Periodic: one period of a sequence that repeats after `length`, for spectra. Symmetric: the last value equals the
 * first, for filter design. (SciPy's `fftbins` true and false.)
 */
export type WindowForm = "periodic" | "symmetric";

/**
 * Computes the `length` values of a window, `[length]`.
 *
 * Source: F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", Proc.
 * IEEE 66 (1978), with the constants of `scipy.signal.windows` (Hamming 0.54 and 0.46, Blackman 0.42, 0.5 and 0.08).
 *
 * @throws UserError (exit 2) for a length below 1, an unknown name, an alpha outside [0, 1], or values of another length
 */
export function createWindow(window: Window, length: number, form: WindowForm = "periodic"): Float64Array {
  return sharedWindow(window, length, form).slice();
}

/** Computes the window of most speech front ends: `createWindow("hann", length, "periodic")`. */
export function hannPeriodic(length: number): Float64Array {
  return createWindow("hann", length, "periodic");
}

/** Returns what `createWindow` does, without a copy: it is cached and must not be written to. */
export function sharedWindow(window: Window, length: number, form: WindowForm): Float64Array {
  requireInteger("window length", length);
  requireOneOf("window form", form, ["periodic", "symmetric"]);
  if (typeof window === "object" && "length" in window) {
    if (window.length !== length)
      throw usageError(`a window of ${length} values was expected, got ${window.length}`);
    return finiteWindow(window);
  }
  const [name, alpha] = typeof window === "object" ? [window.name, window.alpha] : [window, 0.5];
  requireOneOf("window", name, windowNames);
  if (!(alpha >= 0 && alpha <= 1)) throw usageError(`tukey's alpha must lie in [0, 1], got ${alpha}`);
  return known.get(`${name} ${alpha} ${length} ${form}`, () => {
    const period = form === "periodic" ? length : length - 1;
    if (length === 1) return Float64Array.of(1);
    return Float64Array.from({ length }, (_, i) => shapes[name](i / period, alpha));
  });
}

function finiteWindow(values: ArrayLike<number>): Float64Array {
  const window = Float64Array.from(values);
  const wrong = window.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw usageError(`a window's values must be finite, value ${wrong} is ${window[wrong]}`);
  return window;
}

const known = new Cache<string, Float64Array>(32);

// Each window as a function of the position in its period, from 0 to 1.
const shapes: Record<WindowName, (position: number, alpha: number) => number> = {
  hann: (x) => 0.5 - 0.5 * Math.cos(2 * Math.PI * x),
  hamming: (x) => 0.54 - 0.46 * Math.cos(2 * Math.PI * x),
  blackman: (x) => 0.42 - 0.5 * Math.cos(2 * Math.PI * x) + 0.08 * Math.cos(4 * Math.PI * x),
  tukey: (x, alpha) => {
    const edge = 2 * Math.min(x, 1 - x); // 0 at either end, 1 in the middle
    return edge < alpha ? 0.5 - 0.5 * Math.cos((Math.PI * edge) / alpha) : 1;
  },
  rectangular: () => 1,
};
