import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";

const path = fileURLToPath(new URL("../../../shared/golden/dsp.npz", import.meta.url));

/** Whether the reference values lie beside this checkout; tests of them are skipped where they do not. */
export const hasGolden = existsSync(path);

export interface GoldenArray {
  shape: number[];
  /** Row-major; of complex numbers the real parts. */
  re: Float64Array;
  /** Zero for real arrays. */
  im: Float64Array;
}

/** One array of the reference values. */
export function golden(name: string): GoldenArray {
  members ??= readMembers(readFileSync(path));
  const bytes = members.get(`${name}.npy`);
  if (bytes === undefined) throw new Error(`${path} has no array ${name}`);
  return parseNpy(bytes);
}

/** Item `index` along an array's first axis. */
export function goldenItem(name: string, index: number): GoldenArray {
  const { shape, re, im } = golden(name);
  const size = re.length / shape[0]!;
  const [from, to] = [index * size, (index + 1) * size];
  return { shape: shape.slice(1), re: re.subarray(from, to), im: im.subarray(from, to) };
}

let members: Map<string, Buffer> | undefined;

// A reader for this one trusted file: its directory at the end, no zip64, no encryption, no comment.
function readMembers(zip: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  const end = zip.length - 22;
  let at = zip.readUInt32LE(end + 16);
  for (let count = zip.readUInt16LE(end + 10); count > 0; count--) {
    const [method, packedSize] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20)];
    const [nameLength, extraLength] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30)];
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(start, start + packedSize);
    const name = zip.toString("latin1", at + 46, at + 46 + nameLength);
    found.set(name, method === 0 ? packed : inflateRawSync(packed));
    at += 46 + nameLength + extraLength;
  }
  return found;
}

function parseNpy(bytes: Buffer): GoldenArray {
  const headerLength = bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, 10 + headerLength);
  const descr = /'descr': '([^']+)'/.exec(header)![1]!;
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)![1]!
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  if (header.includes("'fortran_order': True")) throw new Error("an array in Fortran order was not expected");
  const data = bytes.subarray(10 + headerLength);
  const parts = descr === "<c16" ? 2 : 1;
  const re = new Float64Array(shape.reduce((a, b) => a * b, 1));
  const im = new Float64Array(re.length);
  const read: Record<string, (i: number) => number> = {
    "<f8": (i) => data.readDoubleLE(8 * i),
    "<c16": (i) => data.readDoubleLE(8 * i),
    "<i8": (i) => Number(data.readBigInt64LE(8 * i)),
    "<i2": (i) => data.readInt16LE(2 * i),
  };
  for (let i = 0; i < re.length; i++) {
    re[i] = read[descr]!(parts * i);
    if (parts === 2) im[i] = read[descr]!(2 * i + 1);
  }
  return { shape, re, im };
}
