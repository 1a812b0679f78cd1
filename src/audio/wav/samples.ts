import wavefile from "wavefile";
import { UserError } from "../../base/errors.js";
import type { WavFormat, WavHeader } from "./chunks.js";
import { decodeImaAdpcm } from "./ima-adpcm.js";

/** Returns the samples per channel in `blockAlign` bytes, the smallest unit that can be decoded by itself. */
export function samplesPerBlock({ codec, blockAlign, channels }: WavFormat): number {
  return codec === "adpcm" ? 1 + (2 * blockAlign) / channels - 8 : 1;
}

/**
 * Counts the samples per channel of a file.
 *
 * @throws UserError if it has none
 */
export function countSamples({ format, dataBytes, frames }: WavHeader, name: string): number {
  const { blockAlign, channels } = format;
  const blockLength = samplesPerBlock(format);
  const rest = dataBytes % blockAlign;
  const headBytes = 4 * channels;
  // A short last block of ADPCM is decoded as far as it goes; of other formats it is not a whole sample.
  const tail =
    format.codec === "adpcm" && rest >= headBytes ? 1 + 8 * Math.floor((rest - headBytes) / headBytes) : 0;
  const count = Math.floor(dataBytes / blockAlign) * blockLength + tail;
  if (count === 0) {
    const found = dataBytes === 0 ? "an empty one" : `one of ${dataBytes} bytes, too few for a single sample`;
    throw new UserError(`${name} holds no samples: a "data" chunk with samples was expected, found ${found}`);
  }
  if (format.codec !== "adpcm") return count;
  // The last block is padded, and only the `fact` chunk states where the sound ends in it. Some writers count wrong, so
  // at most that block is left out.
  const believable = frames !== undefined && frames > Math.max(0, count - blockLength) && frames < count;
  return believable ? frames : count;
}

/**
 * Decodes whole blocks of a file's samples: integers are divided by 2^(bits - 1), floats are unchanged.
 *
 * @param first the index of their first sample in the file, for messages
 * @returns one array per channel
 * @throws UserError for NaN or infinity among them, and for corrupt ADPCM
 */
export function decodeSamples(
  data: Uint8Array,
  { format, bigEndian }: Pick<WavHeader, "format" | "bigEndian">,
  name: string,
  first = 0,
): Float32Array[] {
  if (format.codec === "adpcm") return decodeAdpcm(data, format, name);
  const { channels, blockAlign, sampleRate, bits } = format;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = sampleReader(format, view, bigEndian);
  const count = Math.floor(data.length / blockAlign);
  return Array.from({ length: channels }, (_, channel) => {
    const out = new Float32Array(count);
    for (let i = 0, at = channel * (bits / 8); i < count; i++, at += blockAlign) {
      const value = read(at);
      out[i] = value;
      if (!Number.isFinite(out[i]!)) {
        const seconds = ((first + i) / sampleRate).toFixed(3);
        throw new UserError(
          `${name}: finite samples were expected, found ${value} at ${seconds} s (sample ${first + i}, channel ${channel})`,
        );
      }
    }
    return out;
  });
}

function sampleReader(format: WavFormat, view: DataView, bigEndian: boolean): (at: number) => number {
  const little = !bigEndian;
  const { codec, bits } = format;
  if (codec === "float")
    return bits === 32 ? (at) => view.getFloat32(at, little) : (at) => view.getFloat64(at, little);
  if (codec === "alaw" || codec === "mulaw") {
    const values = g711Values(codec);
    return (at) => values[view.getUint8(at)]!;
  }
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 2 ** 7;
  if (bits === 16) return (at) => view.getInt16(at, little) / 2 ** 15;
  if (bits === 32) return (at) => view.getInt32(at, little) / 2 ** 31;
  const [high, low] = little ? [1, 0] : [0, 2]; // 24 bits: a signed 16-bit number and the lowest byte
  return (at) => (view.getInt16(at + high, little) * 256 + view.getUint8(at + low)) / 2 ** 23;
}

/** Decodes all 256 codes of G.711, through wavefile's file of those codes. */
function g711Values(codec: "alaw" | "mulaw"): Float32Array {
  const wav = new wavefile.WaveFile();
  wav.fromScratch(
    1,
    8000,
    codec === "alaw" ? "8a" : "8m",
    Array.from({ length: 256 }, (_, code) => code),
  );
  if (codec === "alaw") wav.fromALaw();
  else wav.fromMuLaw();
  return Float32Array.from(wav.getSamples(true), (value) => value / 2 ** 15);
}

function decodeAdpcm(data: Uint8Array, { channels, blockAlign }: WavFormat, name: string): Float32Array[] {
  try {
    return decodeImaAdpcm(data, channels, blockAlign).map((channel) =>
      Float32Array.from(channel, (value) => value / 2 ** 15),
    );
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`${name}: its IMA ADPCM samples are corrupt: ${error.message}`, { cause: error });
  }
}
