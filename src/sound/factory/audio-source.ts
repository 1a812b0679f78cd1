import type { Audio } from "../../audio/clip.js";
import { readWavFile } from "../../audio/wav/decode.js";
import { UserError } from "../../base/errors.js";
import { resample } from "../../dsp/resample.js";

/** The path of a WAV file, decoded sound, or the samples of one channel at the factory's sample rate. */
export type AudioSource = string | Audio | Float32Array;

/** Returns the name of a source in messages: its path, or its index in the list. */
export function sourceName(source: AudioSource, index: number): string {
  return typeof source === "string" ? source : `recording ${index}`;
}

/** Reads a source with all its channels and resamples it if its rate differs. */
export async function readSource(source: AudioSource, sampleRate: number): Promise<Audio> {
  return atRate(typeof source === "string" ? await readWavFile(source) : source, sampleRate);
}

/** Returns sound at a sample rate in Hz. Bare samples are taken to have it already. */
export function atRate(sound: Audio | Float32Array, sampleRate: number): Audio {
  if (sound instanceof Float32Array) return { sampleRate, channels: [sound] };
  if (sound.sampleRate === sampleRate) return sound;
  return {
    sampleRate,
    channels: sound.channels.map((samples) => resample(samples, sound.sampleRate, sampleRate)),
  };
}

/** @throws UserError for sound without channels, or with channels of different lengths */
export function checkChannels(channels: readonly Float32Array[], name: string): void {
  if (channels.length === 0) throw new UserError(`${name} has no channel, at least one was expected`);
  const other = channels.findIndex((samples) => samples.length !== channels[0]!.length);
  if (other > 0)
    throw new UserError(
      `${name}: channels of equal length were expected, channel 0 has ${channels[0]!.length} samples and channel ${other} has ${channels[other]!.length}`,
    );
}
