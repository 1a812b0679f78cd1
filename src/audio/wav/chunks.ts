import { UserError } from "../../base/errors.js";

/** Lowest and highest rate of speech in Hz, telephone to studio. A header that states another is most likely wrong. */
export const speechRates: readonly [number, number] = [8000, 192000];

/** The bytes of a file, in memory or not. */
export interface ByteSource {
  readonly length: number;
  /** Returns `count` bytes from `at` on; fewer at the end of the file. */
  read(at: number, count: number): Uint8Array;
}

/** The content of a `fmt ` chunk that can be decoded. */
export interface WavFormat {
  readonly codec: "integer" | "float" | "alaw" | "mulaw" | "adpcm";
  /** The format code of a plain `fmt ` chunk. */
  readonly code: number;
  readonly channels: number;
  readonly sampleRate: number;
  /** Bytes per sample of all channels; for ADPCM, per block. */
  readonly blockAlign: number;
  readonly bits: number;
}

// The format codes of the `fmt ` chunk, and the bits per sample of each.
const codecs: Record<number, { codec: WavFormat["codec"]; bits: readonly number[] }> = {
  1: { codec: "integer", bits: [8, 16, 24, 32] },
  3: { codec: "float", bits: [32, 64] },
  6: { codec: "alaw", bits: [8] },
  7: { codec: "mulaw", bits: [8] },
  17: { codec: "adpcm", bits: [4] },
};
const extensible = 0xfffe;
// The 14 bytes that follow the format code in the GUID of a WAVE_FORMAT_EXTENSIBLE subformat.
const subformatTail = "000000001000800000aa00389b71";

const supported =
  "8, 16, 24 or 32-bit integers, 32 or 64-bit floats, A-law, mu-law or IMA ADPCM were expected";

export interface WavHeader {
  readonly format: WavFormat;
  /** Offset of the samples, in bytes. */
  readonly dataStart: number;
  readonly dataBytes: number;
  /** RIFX. */
  readonly bigEndian: boolean;
  /** Length in samples by the `fact` chunk, if there is one. */
  readonly frames: number | undefined;
}

export interface WavHeaderOptions {
  /** Whether placeholder sizes, which programs that write to a pipe leave, mean "up to the end". */
  streamed?: boolean;
  /** Lowest and highest accepted sample rate, Hz. Default: `speechRates`. */
  rates?: readonly [number, number];
}

/**
 * Reads the chunks of a RIFF, RIFX, RF64 (EBU Tech 3306; BW64 is the same here) or Sony Wave64 file up to the samples.
 * Every size is checked against the file's length, so that no header can cause more work or memory than the file's size
 * warrants.
 *
 * @throws UserError, see `decodeWav`
 */
export function readWavHeader(source: ByteSource, name: string, options: WavHeaderOptions = {}): WavHeader {
  const { streamed = false, rates = speechRates } = options;
  if (source.length === 0) throw new UserError(`${name} is empty: a WAV file was expected`);
  const container = findContainer(source, name);
  const { bigEndian, headBytes, alignment } = container;
  const largeSizes = new Map<string, number>(); // of an RF64 file, whose chunk heads have 32-bit sizes

  let format: WavFormat | undefined;
  let frames: number | undefined;
  for (let at = container.start; at + headBytes <= source.length; ) {
    const { id, size: written } = container.chunk(source.read(at, headBytes));
    const size = written === 0xffffffff ? (largeSizes.get(id) ?? written) : written;
    const start = at + headBytes;
    const there = source.length - start;
    if (id === "data") {
      if (format === undefined)
        throw new UserError(`${name}: a "fmt " chunk was expected before its samples`);
      // ffmpeg writes 0xffffffff, arecord about 2^31, sox slightly more than 0x7ffff000.
      const unknown = size === 0xffffffff || (size >= 0x7ffff000 && size > there);
      const dataBytes = streamed && unknown ? there : size;
      if (dataBytes > there) {
        throw new UserError(
          `${name} is truncated: its header promises ${size} bytes of samples, found ${there}`,
        );
      }
      return { format, dataStart: start, dataBytes, bigEndian, frames };
    }
    if (size > there) {
      throw new UserError(
        `${name} is truncated: its chunk "${printable(id)}" promises ${size} bytes, found ${there}`,
      );
    }
    const body = () => dataView(source.read(start, Math.min(size, largestBody)));
    if (id === "fmt ") format = parseFormat(body(), name, bigEndian, rates);
    if (id === "fact" && size >= 4) frames = body().getUint32(0, !bigEndian);
    if (id === "ds64") readLargeSizes(body(), largeSizes);
    at = start + Math.ceil(size / alignment) * alignment;
  }
  throw new UserError(`${name}: a "data" chunk with samples was expected, found the end of the file`);
}

/** Most bytes that are read of a chunk without samples; more are never needed. */
const largestBody = 2 ** 16;

interface Container {
  readonly bigEndian: boolean;
  /** Offset of the first chunk. */
  readonly start: number;
  /** Bytes of a chunk before its body, and the number that body sizes are rounded up to a multiple of. */
  readonly headBytes: number;
  readonly alignment: number;
  /** Returns a chunk's name and the size of its body. */
  chunk(head: Uint8Array): { id: string; size: number };
}

// Wave64's names have 16 bytes: four letters and one of these tails.
const wave64File = "riff2e91cf11a5d628db04c10000";
const wave64Tail = "f3acd3118cd100c04f8edb8a";

function findContainer(source: ByteSource, name: string): Container {
  const start = source.read(0, 40);
  const text = (at: number) => Buffer.from(start.subarray(at, at + 4)).toString("latin1");
  const kind = text(0);
  if (["RIFF", "RIFX", "RF64", "BW64"].includes(kind) && text(8) === "WAVE") {
    const bigEndian = kind === "RIFX";
    return {
      ...{ bigEndian, start: 12, headBytes: 8, alignment: 2 },
      chunk: (head) => ({
        id: Buffer.from(head.subarray(0, 4)).toString("latin1"),
        size: dataView(head).getUint32(4, !bigEndian),
      }),
    };
  }
  if (wave64Name(start) === wave64File && wave64Name(start.subarray(24)) === `wave${wave64Tail}`) {
    const headBytes = 24;
    return {
      ...{ bigEndian: false, start: 40, headBytes, alignment: 8 },
      chunk: (head) => {
        const id = wave64Name(head);
        const size = Number(dataView(head).getBigUint64(16, true)) - headBytes; // the size includes the head
        if (size < 0)
          throw new UserError(
            `${name}: a Wave64 chunk of at least 24 bytes was expected, found ${size + headBytes}`,
          );
        return { id: id.endsWith(wave64Tail) ? id.slice(0, 4) : id, size };
      },
    };
  }
  const found = Buffer.from(start.subarray(0, 12)).toString("latin1");
  throw new UserError(
    `${name} is not a WAV file: "RIFF", four bytes and "WAVE" were expected at its start, found "${printable(found)}"`,
  );
}

function wave64Name(bytes: Uint8Array): string {
  const letters = Buffer.from(bytes.subarray(0, 4)).toString("latin1");
  return letters + Buffer.from(bytes.subarray(4, 16)).toString("hex");
}

/** Reads the chunk "ds64": the size of the file, of "data", the number of samples, then sizes of other chunks by name. */
function readLargeSizes(view: DataView, sizes: Map<string, number>): void {
  if (view.byteLength >= 16) sizes.set("data", Number(view.getBigUint64(8, true)));
  for (let at = 28; at + 12 <= view.byteLength; at += 12) {
    const id = String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
    sizes.set(id, Number(view.getBigUint64(at + 4, true)));
  }
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function parseFormat(
  view: DataView,
  name: string,
  bigEndian: boolean,
  [lowestRate, highestRate]: readonly [number, number],
): WavFormat {
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

/** Replaces all but printable ASCII by dots, for a message of one line. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, ".");
}
