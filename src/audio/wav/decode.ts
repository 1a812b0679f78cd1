import { readFile, stat } from "node:fs/promises";
import wavefile from "wavefile";
import { describeSystemError, UserError } from "../../base/errors.js";
import { toInt16 } from "../../base/numbers.js";
import type { Audio } from "../clip.js";
import { readWavHeader } from "./chunks.js";
import { countSamples, decodeSamples } from "./samples.js";

const largestFile = 2 ** 28; // bytes: two hours at 16 kHz and 16 bits, half a gigabyte decoded

/**
 * Reads and decodes a WAV file; see `decodeWav`.
 *
 * @throws UserError if it cannot be read or is not a valid WAV file
 */
export async function readWavFile(path: string): Promise<Audio> {
  return decodeWav(await readWavBytes(path), path);
}

/** Reads the bytes of a WAV file. Throws a UserError if it cannot be read or is larger than 256 MiB. */
export async function readWavBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > largestFile) {
      throw new UserError(`${path}: expected a WAV file of at most ${largestFile} bytes, found ${size}`);
    }
    return await readFile(path);
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
}

/**
 * Decodes a WAV file of 8, 16, 24 or 32-bit integers, 32 or 64-bit floats, A-law, mu-law or IMA ADPCM, with any number
 * of channels and a rate of 8 to 192 kHz. WAVE_FORMAT_EXTENSIBLE, RF64, Sony Wave64 and (except for ADPCM) big-endian
 * RIFX are supported.
 *
 * @param name the file's name in messages
 * @param options.streamed whether the bytes came through a pipe: placeholder sizes of ffmpeg, sox and arecord then mean
 *   "up to the end"
 * @throws UserError for any other file, a truncated file, one without samples, and NaN or infinity among the samples
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

/** Encodes a 16-bit mono WAV file. Samples beyond [-1, 1) are clipped. */
export function encodeWav(samples: Float32Array, sampleRate: number): Uint8Array {
  const shorts = Int16Array.from(samples, toInt16);
  const wav = new wavefile.WaveFile();
  wav.fromScratch(1, sampleRate, "16", shorts);
  return wav.toBuffer();
}

/** Encodes a WAV file of 32-bit floats with all channels. Nothing is rounded to 16 bits or clipped. */
export function encodeFloatWav({ sampleRate, channels }: Audio): Uint8Array {
  const wav = new wavefile.WaveFile();
  wav.fromScratch(channels.length, sampleRate, "32f", channels.length === 1 ? channels[0]! : [...channels]);
  return wav.toBuffer();
}
