import { type ComplexArray, magnitude, phase } from "../../../dsp/complex.js";
import type { ComplexSpectrogram } from "../../../dsp/fourier/spectrogram.js";

/** Converts the complex spectrum of one channel to real arrays, and back. */
export interface SpectrumProcessor {
  /** Name in a saved factory. */
  readonly name: string;
  /** Names of a channel's arrays, in order. */
  readonly arrays: readonly string[];
  /** Returns the arrays of a spectrum, each `[frames, bins]` as the spectrum itself. */
  forward(spectrum: ComplexSpectrogram): readonly ArrayLike<number>[];
  /** Returns the spectrum of arrays, or the nearest one to a model's output. */
  backward(arrays: readonly Float64Array[], size: { frames: number; bins: number }): ComplexArray;
}

/** The real and the imaginary part. Both are linear in the sound, which makes them easy to learn. */
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

/** The built-in processors by name. */
export const spectrumProcessors = {
  "real-imaginary": realImaginary,
  "magnitude-phase": magnitudePhase,
} as const;
export type ProcessorName = keyof typeof spectrumProcessors;
