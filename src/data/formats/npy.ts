import { float16ToFloat32 } from "npyjs";
import { UserError } from "../../base/errors.js";
import type { ZipMember } from "./zip.js";

/** The header of a `.npy` file: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
export interface NpyHeader {
  readonly shape: readonly number[];
  /** Whether the first index varies fastest. */
  readonly fortranOrder: boolean;
  readonly dtype: Dtype;
}

export interface Dtype {
  /** As NumPy writes it: `<f4`, `|S7`. */
  readonly descr: string;
  /** NumPy's letter: f, i, u, U, S, O, … */
  readonly kind: string;
  /** Bytes per element. */
  readonly bytes: number;
  readonly bigEndian: boolean;
}

/** Far more than an array of numbers or text needs (NumPy's reader accepts 10,000). */
const HEADER_MAX_BYTES = 65535;

/** Reads a member's header and checks that the member has the size that it states. */
export async function readNpyHeader(member: ZipMember): Promise<NpyHeader> {
  const fail = (text: string) => new UserError(`${member.where} is not a readable NumPy array: ${text}`);
  if (member.size < 12) throw fail(`it has ${member.size} bytes`);
  const start = Buffer.alloc(8);
  await member.fill(start);
  if (start.toString("latin1", 0, 6) !== "\x93NUMPY") throw fail("it does not begin with NumPy's signature");
  const version = start[6]!;
  if (version < 1 || version > 3) throw fail(`its format version is ${version}, 1 to 3 are known`);

  const length = Buffer.alloc(version === 1 ? 2 : 4);
  await member.fill(length);
  const textBytes = length.readUIntLE(0, length.length);
  const dataStart = start.length + length.length + textBytes;
  const headerFits = textBytes <= HEADER_MAX_BYTES && dataStart <= member.size;
  if (!headerFits) throw fail(`its header has ${textBytes} bytes`);
  const textBuffer = Buffer.alloc(textBytes);
  await member.fill(textBuffer);
  const text = textBuffer.toString("latin1");

  const found = /'descr'\s*:\s*'(([<>|])([a-zA-Z])(\d*))'/.exec(text);
  if (found === null) throw fail(`its header names no plain dtype: ${text.trim().slice(0, 120)}`);
  const [, descr = "", order = "", kind = "", width = ""] = found;
  const dtype = {
    descr,
    kind,
    bytes: Number(width) * (kind === "U" ? 4 : 1),
    bigEndian: order === ">",
  };
  if (kind === "O") throw fail("its elements are Python objects; save it with a dtype of numbers or text");

  const sizes = /'shape'\s*:\s*\(([\d, ]*)\)/.exec(text)?.[1];
  const shape = (sizes?.match(/\d+/g) ?? []).map(Number);
  const size = shape.reduce((product, n) => product * n, dtype.bytes);
  if (sizes === undefined || !Number.isSafeInteger(size)) {
    throw fail(`its header has no usable shape: ${text.trim().slice(0, 120)}`);
  }
  const fortranOrder = /'fortran_order'\s*:\s*True/.test(text);
  if (dataStart + size !== member.size) {
    throw fail(
      `its header promises ${shapeText(shape)} ${dtypeText(dtype)}, which is ${size} bytes, ` +
        `but ${member.size - dataStart} follow`,
    );
  }
  return { shape, fortranOrder, dtype };
}

/** Formats a shape as NumPy does: `(50620, 8000)`. */
export function shapeText(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/** Formats a dtype as NumPy does: `float32`, `>int16`, `<U7`. */
export function dtypeText({ descr, kind, bytes, bigEndian }: Dtype): string {
  const name = { f: "float", i: "int", u: "uint", c: "complex" }[kind];
  if (kind === "b") return "bool";
  return name === undefined ? descr : `${bigEndian ? ">" : ""}${name}${bytes * 8}`;
}

/** Reads the rest of a member as text, one string per element, of dtype `U` (UTF-32) or `S` (read as UTF-8). */
export async function readText(member: ZipMember, { dtype }: NpyHeader, count: number): Promise<string[]> {
  const bytes = Buffer.from(new ArrayBuffer(count * dtype.bytes));
  await member.fill(bytes);
  await member.finish();
  if (dtype.kind === "S") {
    return Array.from({ length: count }, (_, i) =>
      bytes.toString("utf8", i * dtype.bytes, (i + 1) * dtype.bytes).replace(/\0+$/, ""),
    );
  }
  if (dtype.bigEndian) bytes.swap32();
  const width = dtype.bytes / 4;
  const points = new Uint32Array(bytes.buffer);
  return Array.from({ length: count }, (_, i) => {
    let end = (i + 1) * width;
    while (end > i * width && points[end - 1] === 0) end--;
    let text = "";
    for (const point of points.subarray(i * width, end)) {
      if (point > 0x10ffff)
        throw new UserError(`${member.where}: row ${i} is not text: it has character ${point}`);
      text += String.fromCodePoint(point);
    }
    return text;
  });
}

type Numbers = ArrayLike<number> | ArrayLike<bigint>;

const NUMBERS: Readonly<Record<string, new (buffer: ArrayBuffer, start: number, length: number) => Numbers>> =
  {
    f2: Uint16Array,
    f4: Float32Array,
    f8: Float64Array,
    i1: Int8Array,
    u1: Uint8Array,
    i2: Int16Array,
    u2: Uint16Array,
    i4: Int32Array,
    u4: Uint32Array,
    i8: BigInt64Array,
    u8: BigUint64Array,
  };

/**
 * Returns the number of bits of an integer array's samples: that of its dtype, except for 64-bit integers. Those are
 * NumPy's default for whole numbers, not a recorder's format, and count as the narrowest of 8, 16, 24, 32 and 64 bits
 * that holds all values. For them the member is read to its end; for other dtypes nothing is read.
 */
export async function sampleBits(member: ZipMember, { shape, dtype }: NpyHeader): Promise<number> {
  const isUnsigned = dtype.kind === "u";
  if (dtype.bytes !== 8 || !(isUnsigned || dtype.kind === "i")) return dtype.bytes * 8;
  let left = shape.reduce((product, n) => product * n, 8);
  const buffer = Buffer.from(new ArrayBuffer(Math.min(left, 2 ** 20)));
  let [least, most] = [0, 0];
  while (left > 0) {
    const bytes = buffer.subarray(0, Math.min(left, buffer.length));
    await member.fill(bytes);
    left -= bytes.length;
    if (dtype.bigEndian) bytes.swap64();
    const [low, high] = halves(bytes, isUnsigned);
    for (let i = 0; i < low.length; i += 2) {
      const value = low[i]!;
      // For values of at most 32 bits the upper half only repeats the sign, or is 0.
      if (high[i] !== (isUnsigned ? 0 : value >> 31)) return 64;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  const holds = (bits: number) =>
    isUnsigned ? most < 2 ** bits : least >= -(2 ** (bits - 1)) && most < 2 ** (bits - 1);
  return [8, 16, 24, 32].find(holds)!;
}

/** Views of 64-bit integers: at every even index, `low` has their lower and `high` their upper 32 bits. */
function halves(
  bytes: Buffer<ArrayBuffer>,
  unsigned: boolean,
): [low: ArrayLike<number>, high: ArrayLike<number>] {
  const View = unsigned ? Uint32Array : Int32Array;
  const words = new View(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return [words, words.subarray(1)];
}

/**
 * Returns a function that converts the bytes of samples to floats, full scale being 1. Floats are unchanged; integers are
 * divided by 2^(bits-1), unsigned ones after subtracting half their range (offset binary, as in 8-bit WAV). The bytes must
 * be aligned for the dtype; big-endian ones are swapped in place, and the floats may be a view of the bytes.
 *
 * @param bits as returned by `sampleBits`
 * @returns undefined for a dtype without a known full scale
 */
export function sampleDecoder(
  dtype: Dtype,
  bits = dtype.bytes * 8,
): ((bytes: Buffer<ArrayBuffer>) => Float32Array) | undefined {
  const { kind } = dtype;
  if (kind === "f" && bits === 16) {
    const values = Float32Array.from({ length: 65536 }, (_, half) => float16ToFloat32(half));
    return (bytes) => mapToFloat(asNumbers(bytes, dtype), (half) => values[half]!);
  }
  if (kind === "f" && bits === 32) return (bytes) => asNumbers(bytes, dtype) as Float32Array;
  if (kind === "f" && bits === 64) return (bytes) => new Float32Array(asNumbers(bytes, dtype));
  if (kind === "i" || kind === "u") {
    const scale = 2 ** (bits - 1);
    const zero = kind === "u" ? scale : 0;
    if (dtype.bytes < 8)
      return (bytes) => mapToFloat(asNumbers(bytes, dtype), (value) => (value - zero) / scale);
    if (bits === 64)
      return (bytes) => mapToFloat(asNumbers(bytes, dtype), (value) => (Number(value) - zero) / scale);
    return (bytes) => {
      if (dtype.bigEndian) bytes.swap64();
      const [low] = halves(bytes, kind === "u");
      return Float32Array.from({ length: low.length / 2 }, (_, i) => (low[2 * i]! - zero) / scale);
    };
  }
  return undefined;
}

/** Reads the rest of a member as a single number. */
export async function readNumber(member: ZipMember, { shape, dtype }: NpyHeader): Promise<number> {
  const count = shape.reduce((product, n) => product * n, 1);
  if (count !== 1 || !(`${dtype.kind}${dtype.bytes}` in NUMBERS)) {
    throw new UserError(
      `${member.where}: one number was expected, found ${shapeText(shape)} ${dtypeText(dtype)}`,
    );
  }
  const bytes = Buffer.from(new ArrayBuffer(dtype.bytes));
  await member.fill(bytes);
  await member.finish();
  const value = Number(asNumbers(bytes, dtype)[0]);
  return dtype.kind === "f" && dtype.bytes === 2 ? float16ToFloat32(value) : value;
}

function asNumbers(bytes: Buffer<ArrayBuffer>, dtype: Dtype): ArrayLike<number> {
  if (dtype.bigEndian && dtype.bytes === 2) bytes.swap16();
  if (dtype.bigEndian && dtype.bytes === 4) bytes.swap32();
  if (dtype.bigEndian && dtype.bytes === 8) bytes.swap64();
  const View = NUMBERS[`${dtype.kind}${dtype.bytes}`]!;
  return new View(bytes.buffer, bytes.byteOffset, bytes.length / dtype.bytes) as ArrayLike<number>;
}

function mapToFloat(values: ArrayLike<number>, toSample: (value: number) => number): Float32Array {
  const samples = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) samples[i] = toSample(values[i]!);
  return samples;
}
