import { countFrames } from "../../spectrogram/power.js";
import type { StoreSettings } from "../settings.js";

/** What a store says about itself, as an attribute of its group. */
export interface StoreDescription {
  settings: StoreSettings;
  /** Time of the first sample, nanoseconds since 1970. */
  start: bigint;
  /** Identifies the recording. */
  fingerprint: string;
}

export type ArrayName = "spectrogram" | "time" | "frequency";

export interface ArrayLayout {
  shape: number[];
  chunkShape: number[];
  dtype: "float32" | "float64" | "int64";
  dimensionNames: string[];
  fillValue: number;
  attributes: Record<string, string>;
}

/** Frames per chunk of the `time` array. */
const timeChunkFrames = 2 ** 16;

/** Attributes of the CF conventions, by which xarray and other programs recognise the axes. */
export const timeAttributes = {
  standard_name: "time",
  long_name: "middle of the frame",
  units: "nanoseconds since 1970-01-01",
  calendar: "proleptic_gregorian",
};
export const frequencyAttributes = { long_name: "frequency", units: "Hz" };
export function spectrogramAttributes(log: boolean): Record<string, string> {
  return log
    ? { long_name: "level re a sine of full scale", units: "dB" }
    : { long_name: "power re a sine of full scale", units: "1" };
}

/** Returns the layout of each array of a store. */
export function layouts(settings: StoreSettings): Record<ArrayName, ArrayLayout> {
  const { bins, chunkFrames, log } = settings;
  const frames = countFrames(settings);
  return {
    spectrogram: {
      ...{ shape: [frames, bins], chunkShape: [chunkFrames, bins], dtype: "float32" },
      ...{ dimensionNames: ["time", "frequency"], fillValue: Number.NaN },
      attributes: spectrogramAttributes(log),
    },
    time: {
      ...{ shape: [frames], chunkShape: [Math.min(frames, timeChunkFrames)], dtype: "int64" },
      ...{ dimensionNames: ["time"], fillValue: 0, attributes: timeAttributes },
    },
    frequency: {
      ...{ shape: [bins], chunkShape: [bins], dtype: "float64" },
      ...{ dimensionNames: ["frequency"], fillValue: Number.NaN, attributes: frequencyAttributes },
    },
  };
}

/** Returns the number of chunks of all arrays of a store together. */
export function countAllChunks(settings: StoreSettings): number {
  return Object.values(layouts(settings)).reduce((sum, layout) => sum + countChunks(layout), 0);
}

/** Yields every chunk of a store by its array and its index. */
export function* allChunks(settings: StoreSettings): Generator<{ array: ArrayName; index: number }> {
  for (const [array, layout] of Object.entries(layouts(settings)))
    for (let index = 0; index < countChunks(layout); index++) yield { array: array as ArrayName, index };
}

function countChunks({ shape, chunkShape }: ArrayLayout): number {
  return Math.ceil(shape[0]! / chunkShape[0]!);
}
