import { type ComplexArray, magnitude, phase } from "../../../dsp/complex.js";
import type { ComplexSpectrogram } from "../../../dsp/fourier/spectrogram.js";

/** How the complex spectrum of one channel becomes real arrays, and they a spectrum again. */
export interface SpectrumProcessor {
  /** What a saved factory calls it. */
  readonly name: string;
  /** The names of the arrays that a channel becomes, in their order. */
  readonly arrays: readonly string[];
  /** The arrays of a spectrum, each with a value for each of its values, in its order, `[frames, bins]`. */
  forward(spectrum: ComplexSpectrogram): readonly ArrayLike<number>[];
  /** The spectrum of such arrays, as near as there is one to what a model makes up. */
  backward(arrays: readonly Float64Array[], size: { frames: number; bins: number }): ComplexArray;
}

/** The real and the imaginary part: easy to learn on, since both are linear in the sound. */
export const realImaginary: SpectrumProcessor = {
  name: "real-imaginary",
  arrays: ["real part", "imaginary part"],
  forward: ({ re, im }) => [re, im],
  backward: ([re, im]) => ({ re: re!, im: im! }),
};

/** The magnitude and the phase in radians, in (-π, π]. */
export const magnitudePhase: SpectrumProcessor = {
  name: "magnitude-phase",
  arrays: ["magnitude", "phase"],
  forward: (spectrum) => [magnitude(spectrum), phase(spectrum)],
  backward: ([magnitudes, phases]) => ({
    re: magnitudes!.map((value, i) => value * Math.cos(phases![i]!)),
    im: magnitudes!.map((value, i) => value * Math.sin(phases![i]!)),
  }),
};

/** Those that a factory knows by name. */
export const spectrumProcessors = {
  "real-imaginary": realImaginary,
  "magnitude-phase": magnitudePhase,
} as const;
export type ProcessorName = keyof typeof spectrumProcessors;
