import { UserError } from "../../errors.js";

/** Hz: telephone speech to studio recordings. A header that says anything else is more likely wrong than right. */
const lowestRate = 8000;
const highestRate = 192000;

/** What the `fmt ` chunk says, in a form that is known to be decodable. */
export interface WavFormat {
  readonly codec: "integer" | "float" | "alaw" | "mulaw" | "adpcm";
  /** The code of the codec in a plain `fmt ` chunk. */
  readonly code: number;
  readonly channels: number;
  readonly sampleRate: number;
  /** Bytes of one sample of every channel; for ADPCM, of one block. */
  readonly blockAlign: number;
  readonly bits: number;
}

// The `fmt ` chunk's format codes, and the bits a sample that each comes in.
const codecs: Record<number, { codec: WavFormat["codec"]; bits: readonly number[] }> = {
  1: { codec: "integer", bits: [8, 16, 24, 32] },
  3: { codec: "float", bits: [32, 64] },
  6: { codec: "alaw", bits: [8] },
  7: { codec: "mulaw", bits: [8] },
  17: { codec: "adpcm", bits: [4] },
};
const extensible = 0xfffe;
// The 14 bytes that, behind a format code, make the GUID of a WAVE_FORMAT_EXTENSIBLE subformat.
const subformatTail = "000000001000800000aa00389b71";

const supported =
  "8, 16, 24 or 32-bit integers, 32 or 64-bit floats, A-law, mu-law or IMA ADPCM were expected";

export interface WavChunks {
  readonly format: WavFormat;
  /** The samples as they are coded. */
  readonly data: Uint8Array;
  /** RIFX. */
  readonly bigEndian: boolean;
  /** The length in samples that the `fact` chunk tells, if there is one. */
  readonly frames: number | undefined;
}

/**
 * Walks the list of chunks of a RIFF or RIFX file up to the samples. Every size is checked against the bytes that there
 * are, so nothing in a header makes the work or the memory more than the file's own size asks for.
 *
 * @throws UserError, see `decodeWav`
 */
export function readWavChunks(bytes: Uint8Array, name: string, streamed: boolean): WavChunks {
  if (bytes.length === 0) throw new UserError(`${name} is empty: a WAV file was expected`);
  const text = (start: number) => Buffer.from(bytes.subarray(start, start + 4)).toString("latin1");
  const container = text(0);
  if ((container !== "RIFF" && container !== "RIFX") || text(8) !== "WAVE") {
    const start = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
    throw new UserError(
      `${name} is not a WAV file: "RIFF", four bytes and "WAVE" were expected at its start, found "${printable(start)}"`,
    );
  }
  const bigEndian = container === "RIFX";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

  let format: WavFormat | undefined;
  let frames: number | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = text(at);
    const size = view.getUint32(at + 4, !bigEndian);
    const start = at + 8;
    const there = bytes.length - start;
    if (id === "data") {
      if (format === undefined)
        throw new UserError(`${name}: a "fmt " chunk was expected before its samples`);
      // ffmpeg leaves 0xffffffff, arecord about 2^31, sox 0x7ffff000 and a little.
      if (size > there && !(streamed && size >= 0x7ffff000)) {
        throw new UserError(
          `${name} is truncated: its header promises ${size} bytes of samples, found ${there}`,
        );
      }
      return { format, data: bytes.subarray(start, start + Math.min(size, there)), bigEndian, frames };
    }
    if (size > there) {
      throw new UserError(
        `${name} is truncated: its chunk "${printable(id)}" promises ${size} bytes, found ${there}`,
      );
    }
    if (id === "fmt ")
      format = parseFormat(new DataView(bytes.buffer, bytes.byteOffset + start, size), name, bigEndian);
    if (id === "fact" && size >= 4) frames = view.getUint32(start, !bigEndian);
    at = start + size + (size % 2);
  }
  throw new UserError(`${name}: a "data" chunk with samples was expected, found the end of the file`);
}

function parseFormat(view: DataView, name: string, bigEndian: boolean): WavFormat {
  const uint16 = (at: number) => view.getUint16(at, !bigEndian);
  const fail = (expected: string, found: string) =>
    new UserError(`${name}: ${expected}, found ${found} in its header`);
  if (view.byteLength < 16) {
    throw fail('a "fmt " chunk of at least 16 bytes was expected', `${view.byteLength} bytes`);
  }
  let code = uint16(0);
  if (code === extensible && view.byteLength >= 40) {
    const tail = Buffer.from(view.buffer, view.byteOffset + 26, 14).toString("hex");
    if (tail === subformatTail) code = uint16(24);
  }
  const channels = uint16(2);
  const sampleRate = view.getUint32(4, !bigEndian);
  const blockAlign = uint16(12);
  const bits = uint16(14);

  const known = codecs[code];
  if (known === undefined || (known.codec === "adpcm" && bigEndian)) {
    throw fail(supported, `format 0x${code.toString(16).padStart(4, "0")}`);
  }
  if (!known.bits.includes(bits)) throw fail(supported, `${bits} bits a sample (format ${code})`);
  if (channels === 0) throw fail("at least one channel was expected", "none");
  if (sampleRate < lowestRate || sampleRate > highestRate) {
    throw fail(`a sample rate of ${lowestRate} to ${highestRate} Hz was expected`, `${sampleRate} Hz`);
  }
  if (known.codec === "adpcm") {
    if (blockAlign < 4 * channels || blockAlign % (4 * channels) !== 0) {
      throw fail(`blocks of a multiple of ${4 * channels} bytes were expected`, `${blockAlign} bytes`);
    }
  } else if (blockAlign !== (channels * bits) / 8) {
    throw fail(
      `${(channels * bits) / 8} bytes for ${channels} x ${bits} bits were expected`,
      `${blockAlign} bytes`,
    );
  }
  return { codec: known.codec, code, channels, sampleRate, blockAlign, bits };
}

/** Bytes of unknown kind, in a message of one line: what is not printable ASCII becomes a dot. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, ".");
}
