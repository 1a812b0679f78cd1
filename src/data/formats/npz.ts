import { UserError } from "../../base/errors.js";
import type { Clips, Part } from "../clips.js";
import { mendLabel } from "../labels.js";
import { type SampleStore, SampleStoreBuilder } from "../sample-store.js";
import {
  dtypeText,
  type NpyHeader,
  readNpyHeader,
  readNumber,
  readText,
  sampleBits,
  sampleDecoder,
  shapeText,
} from "./npy.js";
import { ZipArchive, type ZipMember } from "./zip.js";

/** Bytes of samples decoded at a time: about the size of a processor's cache. */
const DECODE_BYTES = 2 ** 20;

export interface ReadOptions {
  /** Called from time to time with the number of clips read and their total. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Reads clips from an `.npz` in the layout of the course's file, as `np.savez` and `np.savez_compressed` write it:
 *
 * - `wav_vals` [N, clipLength]: samples, float16/32/64, or integers of any dtype (divided by 2^(bits-1), see `sampleBits`)
 * - `label_vals` [N, 1] or [N]: text (`U` or `S` dtype)
 * - `speaker_vals`, `word_vals`: as `label_vals`, optional; speakers are ignored if any row's is empty
 * - `part_vals`: as `label_vals`, optional: the official part of the row, `train`, `val` or `test`
 * - `sample_rate`: one number, Hz; without it the rate is the clip length, a clip being one second
 *
 * Samples are streamed into their chunks, so that memory holds a single copy. The CRC-32 of every array is checked.
 *
 * @throws UserError that names the file and the array, for a file that is damaged or has another layout
 */
export async function readNpz(path: string, options: ReadOptions = {}): Promise<Clips> {
  const archive = await ZipArchive.open(path);
  try {
    const labels = (await readColumn(archive, "label_vals"))?.map(mendLabel);
    if (labels === undefined) throw missing(archive, "label_vals");
    const empty = labels.indexOf("");
    if (empty !== -1) throw new UserError(`${path}: row ${empty} of label_vals is empty, text was expected`);
    const speakers = await readColumn(archive, "speaker_vals", labels.length);
    const words = await readColumn(archive, "word_vals", labels.length);
    const parts = await readColumn(archive, "part_vals", labels.length);
    checkParts(parts, path);
    const statedRate = await withArray(archive, "sample_rate", readNumber);

    const bits = await withArray(archive, "wav_vals", sampleBits);
    const samples = await withArray(archive, "wav_vals", (member, header) =>
      readSamples(member, header, bits, labels.length, statedRate, options),
    );
    if (samples === undefined) throw missing(archive, "wav_vals");
    return {
      sampleRate: samples.clipLength,
      samples,
      labels,
      ...(speakers !== undefined && !speakers.includes("") && { speakers }),
      ...(words !== undefined && { words }),
      ...(parts !== undefined && { officialParts: parts }),
      rows: Int32Array.from(labels.keys()),
      sources: [{ path, fingerprint: archive.fingerprint, rows: labels.length }],
    };
  } finally {
    await archive.close();
  }
}

async function readSamples(
  member: ZipMember,
  { shape, fortranOrder, dtype }: NpyHeader,
  bits: number | undefined,
  labelCount: number,
  statedRate: number | undefined,
  { onProgress }: ReadOptions,
): Promise<SampleStore> {
  const fail = (text: string) => new UserError(`${member.where}: ${text}`);
  const [count, clipLength] = shape;
  if (shape.length !== 2 || count === undefined || clipLength === undefined) {
    throw fail(`its shape is ${shapeText(shape)}, (clips, samples) was expected`);
  }
  const decode = sampleDecoder(dtype, bits);
  if (decode === undefined) {
    throw fail(`its dtype is ${dtypeText(dtype)}, float16/32/64 or an integer was expected`);
  }
  if (count === 0 || clipLength === 0) throw fail(`its shape is ${shapeText(shape)}: it holds no samples`);
  if (count !== labelCount) throw fail(`it has ${count} rows, but label_vals has ${labelCount}`);
  if (statedRate !== undefined && statedRate !== clipLength) {
    throw fail(
      `its clips have ${clipLength} samples, but sample_rate is ${statedRate}: a clip is one second`,
    );
  }
  if (fortranOrder && count > 1 && clipLength > 1) {
    throw fail("it is in Fortran order, rows in C order were expected: save np.ascontiguousarray(wav_vals)");
  }

  const builder = new SampleStoreBuilder(clipLength);
  const rowBytes = clipLength * dtype.bytes;
  const rowsAtOnce = Math.min(count, Math.max(1, Math.floor(DECODE_BYTES / rowBytes)));
  const buffers = [0, 1].map(() => Buffer.from(new ArrayBuffer(rowsAtOnce * rowBytes)));
  const read = async (row: number) => {
    const rows = Math.min(rowsAtOnce, count - row);
    const bytes = buffers[(row / rowsAtOnce) % 2]!.subarray(0, rows * rowBytes);
    await member.fill(bytes);
    return { bytes, rows };
  };
  // The next rows are read into one buffer while those in the other are decoded.
  let next = read(0);
  try {
    for (let row = 0; row < count; ) {
      const { bytes, rows } = await next;
      row += rows;
      if (row < count) next = read(row);
      builder.append(decode(bytes));
      onProgress?.(row, count);
    }
  } finally {
    await next.catch(() => {}); // the file must not be closed during a read
  }
  // In this order: of a damaged file, the damage is reported rather than a NaN that it caused.
  await member.finish();
  return builder.finish(member.where);
}

/** Reads a text array with one element per row; undefined if there is none. */
async function readColumn(archive: ZipArchive, name: string, rows?: number): Promise<string[] | undefined> {
  return withArray(archive, name, (member, header) => {
    const { shape, dtype } = header;
    const fail = (text: string) => new UserError(`${member.where}: ${text}`);
    const [count] = shape;
    if (count === undefined || shape.slice(1).join() !== (shape.length === 2 ? "1" : "")) {
      throw fail(`its shape is ${shapeText(shape)}, (clips, 1) or (clips,) was expected`);
    }
    const isText = (dtype.kind === "U" || dtype.kind === "S") && dtype.bytes > 0;
    if (!isText) throw fail(`its dtype is ${dtypeText(dtype)}, text was expected`);
    if (count === 0) throw fail(`its shape is ${shapeText(shape)}: it has no rows`);
    if (rows !== undefined && count !== rows) throw fail(`it has ${count} rows, but label_vals has ${rows}`);
    return readText(member, header, count);
  });
}

function checkParts(parts: readonly string[] | undefined, path: string): asserts parts is Part[] | undefined {
  const row = parts?.findIndex((part) => part !== "train" && part !== "val" && part !== "test") ?? -1;
  if (row === -1) return;
  throw new UserError(
    `${path}: row ${row} of part_vals is ${JSON.stringify(parts![row])}, train, val or test was expected`,
  );
}

/** Opens an array, reads its header, and passes it to `read`; undefined if there is no such array. */
async function withArray<T>(
  archive: ZipArchive,
  name: string,
  read: (member: ZipMember, header: NpyHeader) => Promise<T>,
): Promise<T | undefined> {
  const member = await archive.member(`${name}.npy`);
  if (member === undefined) return undefined;
  try {
    return await read(member, await readNpyHeader(member));
  } finally {
    member.close();
  }
}

function missing(archive: ZipArchive, name: string): UserError {
  const found = archive.names.map((file) => file.replace(/\.npy$/, "")).join(", ");
  return new UserError(`${archive.path} has no array ${name}; it has ${found || "none at all"}`);
}
