import type { WavReader } from "../../audio/wav/reader.js";
import { powerSpectrogram } from "../../dsp/fourier/stft.js";
import { createWindow } from "../../dsp/windows.js";
import { mirrored, silenceDb } from "../frames.js";
import { countFrames, type SpectrogramSettings } from "./settings.js";

/** Values that are computed at once. */
const blockValues = 2 ** 17;

/**
 * The values of chunk `index`, `[frames, bins]`: the power of each bin, where a sine of full scale (amplitude 1) in its middle
 * has 1, or with `log` that in dB, raised to -200. Each frame is computed from its own samples, whichever chunk it is in; the
 * recording goes on as its mirror image beyond its ends. They are the numbers of `levelFrames` for the whole recording.
 *
 * @throws UserError for samples that are not finite
 */
export function computeChunk(
  recording: Pick<WavReader, "length" | "read">,
  settings: SpectrogramSettings,
  index: number,
): Float32Array {
  const { nFft, hop, winLength, window, channel, log, firstBin, bins, chunkFrames } = settings;
  const firstFrame = index * chunkFrames;
  const frames = Math.min(chunkFrames, countFrames(settings) - firstFrame);
  const fullScale = createWindow(window, winLength).reduce((sum, value) => sum + value, 0) / 2;
  const values = new Float32Array(frames * bins);
  // An even number: the transform takes frames two at a time.
  const atOnce = 2 * Math.ceil(blockValues / (Math.floor(nFft / 2) + 1) / 2);
  for (let first = 0; first < frames; first += atOnce) {
    const count = Math.min(atOnce, frames - first);
    const start = (firstFrame + first) * hop - Math.floor(nFft / 2);
    const part = readMirrored(recording, start, (count - 1) * hop + nFft, channel);
    const powers = powerSpectrogram(part, { nFft, hop, winLength, window, center: false });
    for (let t = 0; t < count; t++)
      for (let k = 0; k < bins; k++) {
        const share = powers.values[t * powers.bins + firstBin + k]! / fullScale ** 2;
        values[(first + t) * bins + k] = log ? Math.max(silenceDb, 10 * Math.log10(share)) : share;
      }
  }
  return values;
}

/** Samples from `start`, which may lie before the first, on. */
function readMirrored(
  recording: Pick<WavReader, "length" | "read">,
  start: number,
  count: number,
  channel: number | "mean",
): Float64Array {
  const { length } = recording;
  const end = start + count;
  // What the samples within and the mirror images of those beyond take up.
  const isBeyondBoth = start < 0 && end > length;
  const from = isBeyondBoth ? 0 : Math.max(0, Math.min(start, end > length ? 2 * length - 1 - end : start));
  const to = isBeyondBoth ? length : Math.min(length, Math.max(end, start < 0 ? 1 - start : end));
  const samples = recording.read(from, to, channel);
  const result = new Float64Array(count);
  result.set(samples.subarray(Math.max(0, start) - from, Math.min(length, end) - from), Math.max(0, -start));
  for (let i = 0; i < -start; i++) result[i] = samples[mirrored(start + i, length) - from]!;
  for (let i = Math.max(0, length - start); i < count; i++)
    result[i] = samples[mirrored(start + i, length) - from]!;
  return result;
}
