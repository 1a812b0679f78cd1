import { writeFileSync } from "node:fs";
import { crc32, deflateRawSync } from "node:zlib";

/** An array as it goes into a `.npy` file. Numbers are written in the byte order that `descr` names. */
export interface NpyArray {
  /** NumPy's dtype string, such as `<f4`, `>i2`, `|u1`, `<U7`, `|S7`. */
  readonly descr: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number> | readonly string[];
  readonly fortranOrder?: boolean;
  readonly version?: 1 | 2 | 3;
}

/** Rows of samples, `[rows, clipLength]`, as float32 unless another dtype is asked for. */
export function sampleRows(rows: readonly ArrayLike<number>[], descr = "<f4"): NpyArray {
  const data = rows.flatMap((row) => Array.from(row));
  return { descr, shape: [rows.length, rows[0]?.length ?? 0], data };
}

/** Text, `[N, 1]` as the course's file has it, in a unicode dtype that fits the longest. */
export function textColumn(
  values: readonly string[],
  shape: readonly number[] = [values.length, 1],
): NpyArray {
  const width = Math.max(1, ...values.map((value) => [...value].length));
  return { descr: `<U${width}`, shape, data: values };
}

/** A 0-d array, as `np.savez(…, sample_rate=16000)` writes it. */
export function scalar(value: number, descr = "<i8"): NpyArray {
  return { descr, shape: [], data: [value] };
}

/** Writes what `np.savez` (or, compressed, `np.savez_compressed`) writes: a zip with a zip64 field in each local header. */
export function writeNpz(
  path: string,
  arrays: Readonly<Record<string, NpyArray | Buffer>>,
  options: ZipOptions = {},
): void {
  const members = Object.entries(arrays).map(([name, array]) => ({
    name: `${name}.npy`,
    content: Buffer.isBuffer(array) ? array : npyBytes(array),
  }));
  writeFileSync(path, zipBytes(members, options));
}

/** The bytes of a `.npy` file (NumPy enhancement proposal 1: magic, version, header text padded to 64 bytes, data). */
export function npyBytes(array: NpyArray): Buffer {
  const version = array.version ?? 1;
  const shape = array.shape.length === 1 ? `${array.shape[0]},` : array.shape.join(", ");
  const order = array.fortranOrder ? "True" : "False";
  const text = `{'descr': '${array.descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`;
  const lengthBytes = version === 1 ? 2 : 4;
  const before = 8 + lengthBytes;
  const textLength = Math.ceil((before + text.length + 1) / 64) * 64 - before;
  const header = Buffer.alloc(before + textLength, " ");
  header.write("\x93NUMPY", "latin1");
  header.writeUInt8(version, 6);
  header.writeUInt8(0, 7);
  header.writeUIntLE(textLength, 8, lengthBytes);
  header.write(text, before, "latin1");
  header.write("\n", header.length - 1);
  return Buffer.concat([header, arrayBytes(array)]);
}

function arrayBytes({ descr, data }: NpyArray): Buffer {
  const kind = descr[1];
  const size = Number(descr.slice(2)) * (kind === "U" ? 4 : 1);
  const bytes = Buffer.alloc(size * data.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = descr[0] !== ">";
  for (let i = 0; i < data.length; i++) {
    const at = i * size;
    const value = data[i]!;
    if (typeof value === "string") {
      if (kind === "U")
        [...value].forEach((c, j) => void view.setUint32(at + 4 * j, c.codePointAt(0)!, little));
      else bytes.write(value, at, size, "utf8");
    } else if (kind === "f" && size === 2) view.setUint16(at, float16Bits(value), little);
    else if (kind === "f" && size === 4) view.setFloat32(at, value, little);
    else if (kind === "f") view.setFloat64(at, value, little);
    else if (size === 1) view.setUint8(at, value);
    else if (size === 2) view.setUint16(at, value, little);
    else if (size === 4) view.setUint32(at, value, little);
    else view.setBigInt64(at, BigInt(value), little);
  }
  return bytes;
}

/** IEEE 754 half precision of a value, cut (not rounded) to its 11 bits. */
function float16Bits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | Math.floor(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  return sign | ((exponent + 15) << 10) | Math.floor((size / 2 ** exponent - 1) * 1024);
}

export interface ZipOptions {
  readonly compressed?: boolean;
  /** Writes the directory as that of a file beyond 4 GB is written: true sizes and places in zip64 fields alone. */
  readonly zip64?: boolean;
}

/** A zip file as Python's `zipfile` writes it with `force_zip64`: local sizes 0xFFFFFFFF, the true ones in field 1. */
export function zipBytes(
  members: readonly { readonly name: string; readonly content: Buffer }[],
  options: ZipOptions = {},
): Buffer {
  const method = options.compressed ? 8 : 0;
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content } of members) {
    const stored = options.compressed ? deflateRawSync(content) : content;
    const nameBytes = Buffer.from(name);
    const checksum = crc32(content);

    const localHeader = Buffer.alloc(30 + nameBytes.length + 20);
    localHeader.writeUInt32LE(0x04034b50, 0);
    localHeader.writeUInt16LE(45, 4);
    localHeader.writeUInt16LE(method, 8);
    localHeader.writeUInt32LE(checksum, 14);
    localHeader.writeUInt32LE(0xffffffff, 18);
    localHeader.writeUInt32LE(0xffffffff, 22);
    localHeader.writeUInt16LE(nameBytes.length, 26);
    localHeader.writeUInt16LE(20, 28);
    nameBytes.copy(localHeader, 30);
    const field = 30 + nameBytes.length;
    localHeader.writeUInt16LE(1, field);
    localHeader.writeUInt16LE(16, field + 2);
    localHeader.writeBigUInt64LE(BigInt(content.length), field + 4);
    localHeader.writeBigUInt64LE(BigInt(stored.length), field + 12);

    const entryField = options.zip64 ? 28 : 0;
    const entry = Buffer.alloc(46 + nameBytes.length + entryField);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(45, 4);
    entry.writeUInt16LE(45, 6);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(checksum, 16);
    entry.writeUInt32LE(options.zip64 ? 0xffffffff : stored.length, 20);
    entry.writeUInt32LE(options.zip64 ? 0xffffffff : content.length, 24);
    entry.writeUInt16LE(nameBytes.length, 28);
    entry.writeUInt16LE(entryField, 30);
    entry.writeUInt32LE(options.zip64 ? 0xffffffff : offset, 42);
    nameBytes.copy(entry, 46);
    if (options.zip64) {
      const at = 46 + nameBytes.length;
      entry.writeUInt16LE(1, at);
      entry.writeUInt16LE(24, at + 2);
      entry.writeBigUInt64LE(BigInt(content.length), at + 4);
      entry.writeBigUInt64LE(BigInt(stored.length), at + 12);
      entry.writeBigUInt64LE(BigInt(offset), at + 20);
    }

    local.push(localHeader, stored);
    central.push(entry);
    offset += localHeader.length + stored.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(options.zip64 ? 0xffff : members.length, 8);
  end.writeUInt16LE(options.zip64 ? 0xffff : members.length, 10);
  end.writeUInt32LE(options.zip64 ? 0xffffffff : directory.length, 12);
  end.writeUInt32LE(options.zip64 ? 0xffffffff : offset, 16);
  const end64 = options.zip64 ? zip64End(members.length, directory.length, offset) : Buffer.alloc(0);
  return Buffer.concat([...local, directory, end64, end]);
}

/** The zip64 end of the directory and its locator, which stand before the plain end. */
function zip64End(count: number, size: number, start: number): Buffer {
  const end = Buffer.alloc(56 + 20);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeUInt16LE(45, 12);
  end.writeUInt16LE(45, 14);
  end.writeBigUInt64LE(BigInt(count), 24);
  end.writeBigUInt64LE(BigInt(count), 32);
  end.writeBigUInt64LE(BigInt(size), 40);
  end.writeBigUInt64LE(BigInt(start), 48);
  end.writeUInt32LE(0x07064b50, 56);
  end.writeBigUInt64LE(BigInt(start + size), 64);
  end.writeUInt32LE(1, 72);
  return end;
}
