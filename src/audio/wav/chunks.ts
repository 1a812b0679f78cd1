import { UserError } from "../../base/errors.js";

/** Hz: telephone speech to studio recordings. A header that says anything else is more likely wrong than right. */
export const speechRates: readonly [number, number] = [8000, 192000];

/** Bytes of a file, in memory or not. */
export interface ByteSource {
  readonly length: number;
  /** Fewer at the end. */
  read(at: number, count: number): Uint8Array;
}

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

export interface WavHeader {
  readonly format: WavFormat;
  /** Where the samples are, in bytes. */
  readonly dataStart: number;
  readonly dataBytes: number;
  /** RIFX. */
  readonly bigEndian: boolean;
  /** The length in samples that the `fact` chunk tells, if there is one. */
  readonly frames: number | undefined;
}

export interface WavHeaderOptions {
  /** Sizes that a pipe's writer leaves where it cannot know them mean "up to the end". */
  streamed?: boolean;
  /** The lowest and the highest sample rate that are believed, Hz. Default: `speechRates`. */
  rates?: readonly [number, number];
}

/**
 * Walks the list of chunks of a RIFF, RIFX, RF64 (EBU Tech 3306; BW64 is the same here) or Sony Wave64 file up to the
 * samples. Every size is checked against the bytes that there are, so nothing in a header makes the work or the memory more
 * than the file's own size asks for.
 *
 * @throws UserError, see `decodeWav`
 */
export function readWavHeader(source: ByteSource, name: string, options: WavHeaderOptions = {}): WavHeader {
  const { streamed = false, rates = speechRates } = options;
  if (source.length === 0) throw new UserError(`${name} is empty: a WAV file was expected`);
  const container = findContainer(source, name);
  const { bigEndian, headBytes, alignment } = container;
  const largeSizes = new Map<string, number>(); // of an RF64 file, whose chunks have sizes of 32 bits

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
      // ffmpeg leaves 0xffffffff, arecord about 2^31, sox 0x7ffff000 and a little.
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

/** Bytes that are read of a chunk that is not samples: all that is ever looked at. */
const largestBody = 2 ** 16;

interface Container {
  readonly bigEndian: boolean;
  /** Where the first chunk is. */
  readonly start: number;
  /** Of a chunk, before its body, and what a body's size is filled up to a multiple of. */
  readonly headBytes: number;
  readonly alignment: number;
  /** A chunk's name, and the bytes of its body. */
  chunk(head: Uint8Array): { id: string; size: number };
}

// Wave64's names are 16 bytes: the four letters and one of these tails.
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
        const size = Number(dataView(head).getBigUint64(16, true)) - headBytes; // the head counts too
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

/** The chunk "ds64": the sizes of the whole and of "data", a count of samples, then those of other chunks by name. */
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

/** Bytes of unknown kind, in a message of one line: what is not printable ASCII becomes a dot. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, ".");
}
