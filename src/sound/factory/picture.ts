import { UserError } from "../../base/errors.js";
import { magnitude } from "../../dsp/complex.js";
import { amplitudeToDb } from "../../dsp/decibels.js";
import {
  type ComplexSpectrogram,
  type SpectrogramWithAxes,
  transpose,
} from "../../dsp/fourier/spectrogram.js";
import { type PictureLook, spectrogramSvg } from "../picture/spectrogram-svg.js";
import { silenceDb } from "../spectrogram/power.js";
import { type RealArray, requireArray } from "./real-array.js";

/** The default size is 800 px wide and 300 px high for each panel. */
export interface FactoryPictureOptions extends Omit<PictureLook, "plain"> {
  /** Frequencies in Hz, `[bins]`, rising. Needed for arrays whose number of bins a transform changed. */
  frequencies?: ArrayLike<number>;
}

/** Positions of frames and bins. */
export interface PictureAxes {
  /** Time of the middle of the first frame, and from one frame to the next, seconds. */
  readonly start: number;
  readonly step: number;
  /** Hz, `[bins]`. */
  readonly frequencies: Float64Array;
}

const panelSize = [800, 300] as const;

/** Draws the levels of channels in dB, below each other. `fullScale` is the magnitude of 0 dB. */
export function rawPicture(
  spectra: readonly ComplexSpectrogram[],
  fullScale: number,
  axes: PictureAxes,
  { size = [panelSize[0], panelSize[1] * spectra.length], title, colormap }: FactoryPictureOptions,
): string {
  const floor = { reference: fullScale, minimum: fullScale * 10 ** (silenceDb / 20), topDb: 80 };
  const panels = spectra.map((spectrum, index) => ({
    spectrogram: onAxes(amplitudeToDb(magnitude(spectrum), floor), spectrum.frames, axes),
    ...(spectra.length > 1 && { name: `channel ${index}` }),
  }));
  const loudest = Math.max(...panels.map(({ spectrogram }) => extremes(spectrogram.values)[1]));
  // Silence is dark. Its level is the minimum up to rounding.
  const high = loudest > silenceDb + 1e-6 ? loudest : 0;
  return spectrogramSvg({
    panels,
    timeRange: timeRange(spectra[0]!.frames, axes),
    valueRange: [high - 80, high],
    valueTitle: "dB of full scale",
    size,
    ...(title !== undefined && { title }),
    ...(colormap !== undefined && { colormap }),
  });
}

/**
 * Draws arrays below each other, each with its own colour bar, since a magnitude and a phase share no scale.
 */
export function arraysPicture(
  arrays: RealArray,
  names: readonly string[],
  axes: PictureAxes,
  options: FactoryPictureOptions,
): string {
  requireArray(arrays, "what is drawn", ["arrays", "bins", "frames"]);
  const [count, bins, frames] = arrays.shape as [number, number, number];
  const { size = [panelSize[0], panelSize[1] * count], title, colormap } = options;
  const frequencies = Float64Array.from(options.frequencies ?? axes.frequencies);
  if (frequencies.length !== bins)
    throw new UserError(
      `the arrays have ${bins} bins, ${options.frequencies === undefined ? "the STFT has" : "frequencies were given for"} ${frequencies.length}: pass the frequency of each bin`,
    );
  const [width, height] = [size[0], Math.floor(size[1] / count)];
  const panels = Array.from({ length: count }, (_, index) => {
    const plane = arrays.data.subarray(index * bins * frames, (index + 1) * bins * frames);
    const spectrogram = onAxes(transpose(plane, bins, frames), frames, { ...axes, frequencies });
    const name = names[index] ?? `array ${index}`;
    const svg = spectrogramSvg({
      panels: [{ spectrogram, name: title === undefined ? name : `${title}: ${name}` }],
      timeRange: timeRange(frames, axes),
      valueRange: widened(extremes(spectrogram.values)),
      valueTitle: "value",
      size: [width, height],
      ...(colormap !== undefined && { colormap }),
    });
    return svg.replace("<svg ", `<svg y="${index * height}" `);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${count * height}" viewBox="0 0 ${width} ${count * height}">
${panels.join("")}</svg>
`;
}

function onAxes(
  values: Float64Array,
  frames: number,
  { start, step, frequencies }: PictureAxes,
): SpectrogramWithAxes {
  const times = Float64Array.from({ length: frames }, (_, t) => start + t * step);
  return { values, frames, bins: frequencies.length, times, frequencies };
}

/** Returns the times of the first and the last frame. */
function timeRange(frames: number, { start, step }: PictureAxes): [number, number] {
  return [start, start + Math.max(1, frames - 1) * step];
}

/** Returns the smallest and the largest finite value. */
function extremes(values: ArrayLike<number>): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

/** Widens an empty range around its value. */
function widened([low, high]: [number, number]): [number, number] {
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}
