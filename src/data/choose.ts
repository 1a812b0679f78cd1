import { encodeWav } from "../audio/wav/decode.js";
import { UserError } from "../base/errors.js";
import { Random } from "../base/random.js";
import { resample } from "../dsp/resample.js";
import type { Clips } from "./clips.js";

/**
 * Chooses a clip by its row in the data as read, or one at random.
 *
 * @returns the row of `clips`
 * @throws UserError if there is no such row
 */
export function chooseClip(clips: Clips, index: number | "random", seed: number): number {
  if (index === "random") return new Random(seed, "random clip").integer(clips.samples.count);
  const row = clips.rows.indexOf(index);
  if (row < 0) {
    throw new UserError(`--index ${index}: the data has rows 0 to ${clips.samples.count - 1}`);
  }
  return row;
}

/** Reads one row's samples, `[samples]`, resampled to the given rate (Hz). */
export function readClip(clips: Clips, row: number, sampleRate = clips.sampleRate): Float32Array {
  const wave = new Float32Array(clips.samples.clipLength);
  clips.samples.read(row, wave);
  return clips.sampleRate === sampleRate ? wave : resample(wave, clips.sampleRate, sampleRate);
}

/** Encodes one row's samples as a 16-bit WAV file. */
export function encodeClip(clips: Clips, row: number): Uint8Array {
  return encodeWav(readClip(clips, row), clips.sampleRate);
}
