import { requirePositive } from "../../dsp/checks.js";
import type { SpectrogramWithAxes } from "../../dsp/fourier/spectrogram.js";
import type { LazySpectrogram } from "../spectrogram/levels.js";
import { silenceDb } from "../spectrogram/power.js";
import type { SoundSpectrogram } from "../spectrogram/sound.js";
import type { FrequencyScale } from "./frequency-axis.js";
import { type PictureLook, spectrogramSvg } from "./spectrogram-svg.js";

/** How a spectrogram in dB is drawn. */
export interface LevelPictureOptions extends PictureLook {
  /** Scale of the frequency axis. Default: linear; the groups of `pictureSpectrogram` are equally high. */
  scale?: FrequencyScale;
  /** Hz */
  minFrequency?: number;
  maxFrequency?: number;
  /** dB from the loudest value to the lowest colour. Default: 80. */
  topDb?: number;
}

export interface SoundPictureOptions extends LevelPictureOptions {
  /** Draws the waveform too. */
  wave?: boolean;
}

/** Draws a spectrogram as SVG. `decibels` are the values of the lowest and the highest colour. */
export function soundPicture(
  sound: SoundSpectrogram,
  options: SoundPictureOptions = {},
): { svg: string; decibels: [number, number] } {
  const { channels, sampleRate, seconds, bare } = sound;
  const { scale = "linear", topDb = 80, size = [1600, 800], wave = false, ...look } = options;
  requirePositive("topDb", topDb);
  const panels = channels.map(({ name, samples, spectrogram }) => ({
    spectrogram: poolFrames(spectrogram, size[0]),
    ...(name !== undefined && { name }),
    ...(wave && { samples }),
  }));
  const decibels = decibelRange(
    panels.map(({ spectrogram }) => spectrogram.values),
    topDb,
  );
  const firstBin = channels[0]!.spectrogram.frequencies.find((hz) => hz > 0) ?? 0;
  const lowest = options.minFrequency ?? (scale === "log" ? firstBin : 0);
  const svg = spectrogramSvg({
    ...look,
    panels,
    timeRange: [0, seconds],
    valueRange: decibels,
    valueTitle: bare ? "dB re 10e-6" : "dB of full scale",
    size,
    ...(bare
      ? { scale: "even" }
      : { scale, frequencyRange: [lowest, options.maxFrequency ?? sampleRate / 2] as const }),
  });
  return { svg, decibels };
}

/**
 * Returns the values of the lowest and the highest colour. The highest is the maximum, or 0 dB for silence,
 * so that it is dark.
 */
export function decibelRange(spectrograms: readonly Float64Array[], topDb: number): [number, number] {
  let loudest = Number.NEGATIVE_INFINITY;
  for (const values of spectrograms) for (const value of values) if (value > loudest) loudest = value;
  const high = loudest > silenceDb ? loudest : 0;
  return [high - topDb, high];
}

/**
 * Pools neighbouring frames to no fewer than `atLeast`, and fewer than twice as many. Each result is the
 * maximum of the frames it pools. A shorter spectrogram is returned as it is.
 */
export function poolFrames(spectrogram: LazySpectrogram, atLeast: number): SpectrogramWithAxes {
  const { count, seconds, frequencies } = spectrogram;
  const bins = frequencies.length;
  const each = Math.max(1, Math.floor(count / atLeast));
  const pooled = Math.ceil(count / each);
  const values = new Float64Array(pooled * bins).fill(Number.NEGATIVE_INFINITY);
  let t = 0;
  for (const block of spectrogram.blocks())
    for (let at = 0; at < block.values.length; at += bins, t++) {
      const to = Math.floor(t / each) * bins;
      for (let k = 0; k < bins; k++)
        if (block.values[at + k]! > values[to + k]!) values[to + k] = block.values[at + k]!;
    }
  const times = Float64Array.from({ length: pooled }, (_, i) => {
    const last = Math.min(count, (i + 1) * each) - 1;
    return ((i * each + last) / 2) * seconds;
  });
  return { values, frames: pooled, bins, times, frequencies };
}
