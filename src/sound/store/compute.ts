import type { WavReader } from "../../audio/wav/reader.js";
import { bandPowers, countFrames, powerToLevel } from "../spectrogram/power.js";
import type { StoreSettings } from "./settings.js";

const blockValues = 2 ** 17;

/**
 * Computes chunk `index` of a store, `[frames, bins]`: the power of each bin, where a sine of full scale
 * (amplitude 1) in the middle of a bin has 1. With `log` it is that in dB, never below -200. The values are
 * those of `levelSpectrogram` for the whole recording, whatever the chunks.
 *
 * @throws UserError for samples that are not finite
 */
export function computeChunk(
  recording: Pick<WavReader, "length" | "read">,
  settings: StoreSettings,
  index: number,
): Float32Array {
  const { channel, log, bins, chunkFrames } = settings;
  const first = index * chunkFrames;
  const count = Math.min(chunkFrames, countFrames(settings) - first);
  const source = {
    length: recording.length,
    read: (from: number, to: number) => recording.read(from, to, channel),
  };
  const values = new Float32Array(count * bins);
  let at = 0;
  for (const powers of bandPowers(source, settings, { first, count }, blockValues))
    for (const power of powers.values) values[at++] = log ? powerToLevel(power) : power;
  return values;
}
