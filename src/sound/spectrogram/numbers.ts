import { npyHeader } from "../../base/npy-header.js";
import type { SoundSpectrogram } from "./sound.js";

/**
 * Yields a spectrogram as CSV. Each line is a frame: its time in seconds, then the level in dB at each
 * frequency. With several channels the channel's number comes first. The header line lists the frequencies in
 * Hz.
 */
export function* soundCsv({ channels }: SoundSpectrogram): Generator<string> {
  const numbered = channels.length > 1;
  const frequencies = Array.from(channels[0]!.spectrogram.frequencies, short);
  yield `${[...(numbered ? ["channel"] : []), "time s", ...frequencies].join(",")}\n`;
  for (const [channel, { spectrogram }] of channels.entries()) {
    let t = 0;
    for (const { values, bins } of spectrogram.blocks())
      for (let at = 0; at < values.length; at += bins, t++) {
        const row = Array.from(values.subarray(at, at + bins), (value) => value.toFixed(6));
        yield `${[...(numbered ? [channel] : []), short(t * spectrogram.seconds), ...row].join(",")}\n`;
      }
  }
}

/**
 * Yields a spectrogram as a NumPy file of float64: `[frames, bins]`, or with several channels `[channels,
 * frames, bins]`.
 */
export function* soundNpy({ channels }: SoundSpectrogram): Generator<Uint8Array> {
  const { count, frequencies } = channels[0]!.spectrogram;
  const each = [count, frequencies.length];
  yield npyHeader("<f8", channels.length > 1 ? [channels.length, ...each] : each);
  for (const { spectrogram } of channels)
    for (const { values } of spectrogram.blocks())
      yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Rounds to ten digits: seconds and Hz without rounding noise. */
function short(value: number): string {
  return String(Number(value.toPrecision(10)));
}
