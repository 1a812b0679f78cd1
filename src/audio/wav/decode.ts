import { readFile, stat } from "node:fs/promises";
import wavefile from "wavefile";
import { describeSystemError, UserError } from "../../base/errors.js";
import { toInt16 } from "../../base/numbers.js";
import type { Audio } from "../clip.js";
import { readWavHeader } from "./chunks.js";
import { countSamples, decodeSamples } from "./samples.js";

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

/** A 16-bit mono WAV file. Samples beyond [-1, 1) are clipped. */
export function encodeWav(samples: Float32Array, sampleRate: number): Uint8Array {
  const shorts = Int16Array.from(samples, toInt16);
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
