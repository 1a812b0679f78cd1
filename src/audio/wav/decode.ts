import { readFile, stat } from "node:fs/promises";
import wavefile from "wavefile";
import { describeSystemError, UserError } from "../../base/errors.js";
import { resample } from "../../dsp/resample.js";
import { readWavHeader } from "./chunks.js";
import { average, countSamples, decodeSamples } from "./samples.js";

/** Decoded sound: integer samples are divided by 2^(bits - 1), floats are as they were. All channels are equally long. */
export interface Audio {
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: readonly Float32Array[];
}

const largestFile = 2 ** 28; // bytes: two hours at 16 kHz, half a gigabyte once they are decoded

/**
 * Reads a WAV file, see `decodeWav`.
 *
 * @throws UserError where it cannot be read or is no sound WAV file
 */
export async function readWavFile(path: string): Promise<Audio> {
  return decodeWav(await readWavBytes(path), path);
}

/** The bytes of a WAV file, refused with a `UserError` where it cannot be read or is too large to be a recording. */
export async function readWavBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > largestFile) {
      throw new UserError(`${path} has ${size} bytes: a WAV file of at most ${largestFile} was expected`);
    }
    return await readFile(path);
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
}

/**
 * Decodes a WAV file: 8, 16, 24 or 32-bit integers, 32 or 64-bit floats, A-law, mu-law and IMA ADPCM, also in
 * WAVE_FORMAT_EXTENSIBLE and, ADPCM aside, big-endian (RIFX), RF64 or Sony Wave64; any number of channels; 8 to 192 kHz.
 *
 * @param name what messages call the file
 * @param options.streamed the bytes came through a pipe: sizes that ffmpeg, sox and arecord write where they cannot yet
 *   know them then mean "up to the end"
 * @throws UserError that says what was expected and found, for anything else, for a truncated file, for one without
 *   samples, and for NaN or infinity among them
 */
export function decodeWav(bytes: Uint8Array, name: string, options: { streamed?: boolean } = {}): Audio {
  const source = {
    length: bytes.length,
    read: (at: number, count: number) => bytes.subarray(at, at + count),
  };
  const header = readWavHeader(source, name, options);
  const count = countSamples(header, name);
  const data = source.read(header.dataStart, header.dataBytes);
  const channels = decodeSamples(data, header, name).map((samples) => samples.subarray(0, count));
  return { sampleRate: header.format.sampleRate, channels };
}

/**
 * Makes one clip of a recording, as the project's data are made: channels averaged, resampled, a shorter one padded
 * with zeros at its end, of a longer one the stretch with the most energy (the first such).
 *
 * @param sampleRate the clip's rate in Hz
 * @param clipLength the clip's length in samples at that rate
 * @returns the clip, and in words what was done to the recording; nothing where it was taken as it is
 */
export function clipFromAudio(
  audio: Audio,
  sampleRate: number,
  clipLength: number,
): { samples: Float32Array; notes: string[] } {
  const { samples, notes } = monoAtRate(audio, sampleRate);
  if (samples.length === clipLength) return { samples, notes };

  const seconds = (length: number) => `${(length / sampleRate).toFixed(2)} s`;
  if (samples.length < clipLength) {
    const padded = new Float32Array(clipLength);
    padded.set(samples);
    const lacking = clipLength - samples.length;
    const [from, to] = [seconds(samples.length), seconds(clipLength)];
    notes.push(
      from === to
        ? `padded by ${lacking} sample${lacking === 1 ? "" : "s"}`
        : `padded from ${from} to ${clipLength / sampleRate} s`,
    );
    return { samples: padded, notes };
  }
  const start = loudestStretch(samples, clipLength);
  const what = clipLength === sampleRate ? "second" : `${clipLength / sampleRate} s`;
  const [from, to] = [seconds(samples.length), seconds(clipLength)];
  notes.push(
    from === to
      ? `took the loudest ${what}, leaving out ${samples.length - clipLength} of ${samples.length} samples`
      : `took the loudest ${what}, from ${seconds(start)} on, of ${from}`,
  );
  return { samples: samples.slice(start, start + clipLength), notes };
}

/** The whole recording with its channels averaged, at another rate, and in words what was done for it. */
export function monoAtRate(audio: Audio, sampleRate: number): { samples: Float32Array; notes: string[] } {
  const notes: string[] = [];
  let samples = audio.channels[0]!;
  if (audio.channels.length > 1) {
    samples = average(audio.channels);
    notes.push(`mixed ${audio.channels.length} channels`);
  }
  if (audio.sampleRate !== sampleRate) {
    samples = resample(samples, audio.sampleRate, sampleRate);
    notes.push(`resampled from ${audio.sampleRate} Hz to ${sampleRate} Hz`);
  }
  return { samples, notes };
}

/** A 16-bit mono WAV file. Samples beyond [-1, 1) are clipped. */
export function encodeWav(samples: Float32Array, sampleRate: number): Uint8Array {
  const shorts = Int16Array.from(samples, (x) => Math.max(-32768, Math.min(32767, Math.round(x * 32768))));
  const wav = new wavefile.WaveFile();
  wav.fromScratch(1, sampleRate, "16", shorts);
  return wav.toBuffer();
}

/** A WAV file of 32-bit floats with all channels: 16 bits would be as far off as 1.5e-5, and clip what is louder than 1. */
export function encodeFloatWav({ sampleRate, channels }: Audio): Uint8Array {
  const wav = new wavefile.WaveFile();
  wav.fromScratch(channels.length, sampleRate, "32f", channels.length === 1 ? channels[0]! : [...channels]);
  return wav.toBuffer();
}

function loudestStretch(samples: Float32Array, length: number): number {
  let energy = 0;
  for (let i = 0; i < length; i++) energy += samples[i]! ** 2;
  let most = energy;
  let start = 0;
  for (let end = length; end < samples.length; end++) {
    energy += samples[end]! ** 2 - samples[end - length]! ** 2;
    if (energy > most) {
      most = energy;
      start = end - length + 1;
    }
  }
  return start;
}
