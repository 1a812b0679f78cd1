import { readFile, stat } from "node:fs/promises";
import wavefile from "wavefile";
import { resample } from "../dsp/resample.js";
import { describeSystemError, UserError } from "../errors.js";
import { readWavChunks, type WavFormat } from "./wav/chunks.js";
import { decodeImaAdpcm } from "./wav/ima-adpcm.js";

/** Decoded sound: integer samples are divided by 2^(bits - 1), floats are as they were. All channels are equally long. */
export interface Audio {
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: readonly Float32Array[];
}

const largestFile = 2 ** 28; // bytes: two hours at 16 kHz, which take about 2 GB while they are decoded

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
 * WAVE_FORMAT_EXTENSIBLE and, ADPCM aside, big-endian (RIFX); any number of channels; 8 to 192 kHz.
 *
 * @param name what messages call the file
 * @param options.streamed the bytes came through a pipe: sizes that ffmpeg, sox and arecord write where they cannot yet
 *   know them then mean "up to the end"
 * @throws UserError that says what was expected and found, for anything else, for a truncated file, for one without
 *   samples, and for NaN or infinity among them
 */
export function decodeWav(bytes: Uint8Array, name: string, options: { streamed?: boolean } = {}): Audio {
  const { format, data, bigEndian, frames } = readWavChunks(bytes, name, options.streamed ?? false);
  const { sampleRate, channels: channelCount, blockAlign } = format;

  if (format.codec === "adpcm") {
    return { sampleRate, channels: decodeAdpcmChunk(data, format, frames, name) };
  }

  const count = Math.floor(data.length / blockAlign);
  if (count === 0) throw noSamples(name, data.length);
  // wavefile gets a file of our own making. Given the whole one, it takes a truncated file as it is and a padding byte
  // for a sample, makes as many cue points as a header promises, and reads the floats of WAVE_FORMAT_EXTENSIBLE as integers.
  const wav = new wavefile.WaveFile(
    plainWav(format, data.subarray(0, count * blockAlign), bigEndian ? "RIFX" : "RIFF"),
  );
  if (format.codec === "alaw") wav.fromALaw();
  if (format.codec === "mulaw") wav.fromMuLaw();
  const samples = wav.getSamples(true);
  const { offset, fullScale } = integerScale(format);
  const channels = Array.from({ length: channelCount }, (_, channel) => {
    const out = new Float32Array(count);
    for (let i = 0, at = channel; i < count; i++, at += channelCount) {
      out[i] = (samples[at]! - offset) / fullScale;
      if (!Number.isFinite(out[i]!)) {
        throw new UserError(
          `${name}: finite samples were expected, found ${samples[at]} at ${(i / sampleRate).toFixed(3)} s (sample ${i}, channel ${channel})`,
        );
      }
    }
    return out;
  });
  return { sampleRate, channels };
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

  const seconds = (length: number, digits = 2) => `${(length / sampleRate).toFixed(digits)} s`;
  if (samples.length < clipLength) {
    const padded = new Float32Array(clipLength);
    padded.set(samples);
    notes.push(`padded from ${seconds(samples.length)} to ${clipLength / sampleRate} s`);
    return { samples: padded, notes };
  }
  const start = loudestStretch(samples, clipLength);
  const what = clipLength === sampleRate ? "second" : `${clipLength / sampleRate} s`;
  notes.push(`took the loudest ${what}, from ${seconds(start)} on, of ${seconds(samples.length)}`);
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

function average(channels: readonly Float32Array[]): Float32Array {
  const sums = new Float64Array(channels[0]!.length);
  for (const channel of channels) for (let i = 0; i < sums.length; i++) sums[i]! += channel[i]!;
  return Float32Array.from(sums, (sum) => sum / channels.length);
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

function decodeAdpcmChunk(
  data: Uint8Array,
  format: WavFormat,
  frames: number | undefined,
  name: string,
): Float32Array[] {
  let decoded: Int16Array[];
  try {
    decoded = decodeImaAdpcm(data, format.channels, format.blockAlign);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`${name}: its IMA ADPCM samples are corrupt: ${error.message}`, { cause: error });
  }
  const count = decoded[0]!.length;
  if (count === 0) throw noSamples(name, data.length);
  // The last block is filled up, and only the `fact` chunk knows where the sound ends in it. Some writers count wrong
  // there, so no more than that block is left out.
  const blockLength = 1 + (2 * format.blockAlign) / format.channels - 8;
  const believable = frames !== undefined && frames > Math.max(0, count - blockLength) && frames < count;
  const kept = believable ? frames : count;
  return decoded.map((channel) => Float32Array.from(channel.subarray(0, kept), (x) => x / 32768));
}

function integerScale({ codec, bits }: WavFormat): { offset: number; fullScale: number } {
  if (codec === "float") return { offset: 0, fullScale: 1 };
  if (codec !== "integer") return { offset: 0, fullScale: 32768 }; // decoded to 16 bits
  return { offset: bits === 8 ? 128 : 0, fullScale: 2 ** (bits - 1) };
}

/** A WAV file of nothing but a plain `fmt ` chunk and the samples, all of them in one channel. */
function plainWav({ code, bits }: WavFormat, data: Uint8Array, container: "RIFF" | "RIFX"): Uint8Array {
  const littleEndian = container === "RIFF";
  const bytes = new Uint8Array(44 + data.length);
  const view = new DataView(bytes.buffer);
  const text = (at: number, value: string) => bytes.set(Buffer.from(value, "latin1"), at);
  const sampleRate = 8000;
  text(0, container);
  view.setUint32(4, 36 + data.length, littleEndian);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, littleEndian);
  view.setUint16(20, code, littleEndian);
  view.setUint16(22, 1, littleEndian);
  view.setUint32(24, sampleRate, littleEndian);
  view.setUint32(28, (sampleRate * bits) / 8, littleEndian);
  view.setUint16(32, bits / 8, littleEndian);
  view.setUint16(34, bits, littleEndian);
  text(36, "data");
  view.setUint32(40, data.length, littleEndian);
  bytes.set(data, 44);
  return bytes;
}

function noSamples(name: string, bytes: number): UserError {
  const found = bytes === 0 ? "an empty one" : `one of ${bytes} bytes, too few for a single sample`;
  return new UserError(`${name} holds no samples: a "data" chunk with samples was expected, found ${found}`);
}
