import { Readable } from "node:stream";
import { ZipFile } from "yazl";
import { writeStreamAtomic } from "../../base/files.js";
import { npyHeader } from "../../base/npy-header.js";
import { toInt16 } from "../../base/numbers.js";
import type { Clips } from "../clips.js";

/** One array of an `.npz`, its elements given in pieces so that they need not be in memory at once. */
export interface NpyArray {
  /** The element type as NumPy writes it, such as `<i2` or `<U7`. */
  readonly descr: string;
  /** Sizes of the dimensions, outermost first; empty for a single number. */
  readonly shape: readonly number[];
  /** The elements in C order, little-endian, cut anywhere. A piece must not change once it was handed out. */
  readonly pieces: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes arrays as an `.npz`: a zip with one deflated `.npy` (format 1.0) each, zip64 where it must be. NumPy and
 * everything that reads NumPy's files reads it. The same arrays give the same bytes: entries carry no time of day.
 * The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export async function writeNpz(
  path: string,
  arrays: Readonly<Record<string, NpyArray>>,
  { compressionLevel = 6 }: { compressionLevel?: number } = {},
): Promise<void> {
  const zip = new ZipFile();
  let current: Readable | undefined;
  const output = zip.outputStream as Readable;
  zip.on("error", (error) => output.destroy(error as Error));
  for (const [name, { descr, shape, pieces }] of Object.entries(arrays)) {
    const header = npyHeader(descr, shape);
    const entry = {
      // Known beforehand, so that yazl uses zip64 when it is needed and fails on a wrong number of elements.
      size: header.length + elementBytes(descr) * shape.reduce((product, size) => product * size, 1),
      compressionLevel,
      // The earliest time that a zip can tell, NumPy's choice too.
      mtime: new Date(1980, 0, 1),
      forceDosTimestamp: true,
    };
    zip.addReadStreamLazy(`${name}.npy`, entry, (ready) => {
      const stream = Readable.from(withHeader(header, pieces()), { objectMode: false });
      stream.on("error", (error) => output.destroy(error));
      current = stream;
      ready(null, stream);
    });
  }
  zip.end();
  try {
    await writeStreamAtomic(path, output);
  } finally {
    current?.destroy(); // where it was cut short: what makes the pieces, threads perhaps, ends too
  }
}

/**
 * Writes clips in the layout that `readNpz` and the course's notebooks take: `wav_vals` (N, samples), `label_vals`,
 * `speaker_vals`, `word_vals` and `part_vals` (N, 1) unicode, `sample_rate` a single number. Rows keep their order. Samples are
 * 16-bit where every one of them is an exact 16-bit value, unless `float32` is asked for.
 */
export async function writeClips(
  path: string,
  clips: Clips,
  options: { dtype?: "int16" | "float32"; compressionLevel?: number } = {},
): Promise<void> {
  const { samples } = clips;
  const dtype = options.dtype ?? (isExact16Bit(clips) ? "int16" : "float32");
  const arrays: Record<string, NpyArray> = {
    label_vals: textColumn(clips.labels),
    wav_vals: {
      descr: dtype === "int16" ? "<i2" : "<f4",
      shape: [samples.count, samples.clipLength],
      pieces: () => samplePieces(clips, dtype),
    },
    sample_rate: numberArray(clips.sampleRate),
  };
  if (clips.speakers !== undefined) arrays.speaker_vals = textColumn(clips.speakers);
  if (clips.words !== undefined) arrays.word_vals = textColumn(clips.words);
  if (clips.officialParts !== undefined) arrays.part_vals = textColumn(clips.officialParts);
  await writeNpz(path, arrays, options);
}

/** Texts as an (N, 1) array of NumPy's fixed-width unicode: UTF-32, padded with zeros to the longest. */
export function textColumn(texts: readonly string[]): NpyArray {
  const width = texts.reduce((longest, text) => Math.max(longest, [...text].length), 1);
  return {
    descr: `<U${width}`,
    shape: [texts.length, 1],
    *pieces() {
      for (const text of texts) {
        const codes = new Uint32Array(width);
        let at = 0;
        for (const character of text) codes[at++] = character.codePointAt(0)!;
        yield asBytes(codes);
      }
    },
  };
}

/** One whole number, as an array without dimensions. */
export function numberArray(value: number): NpyArray {
  return { descr: "<i4", shape: [], pieces: () => [asBytes(Int32Array.of(value))] };
}

function isExact16Bit({ samples }: Clips): boolean {
  const row = new Float32Array(samples.clipLength);
  for (let i = 0; i < samples.count; i++) {
    samples.read(i, row);
    for (const sample of row) if (toInt16(sample) / 32768 !== sample) return false;
  }
  return true;
}

function* samplePieces({ samples }: Clips, dtype: "int16" | "float32"): Generator<Uint8Array> {
  for (let i = 0; i < samples.count; i++) {
    const row = new Float32Array(samples.clipLength);
    samples.read(i, row);
    yield asBytes(dtype === "float32" ? row : Int16Array.from(row, toInt16));
  }
}

// Typed arrays have the machine's byte order, which is little-endian wherever Node runs TensorFlow.js.
function asBytes(array: Int16Array | Int32Array | Uint32Array | Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

async function* withHeader(
  header: Uint8Array,
  pieces: ReturnType<NpyArray["pieces"]>,
): AsyncGenerator<Uint8Array> {
  yield header;
  yield* pieces;
}

/** Bytes an element: the count behind the type's letter, times four for unicode. */
function elementBytes(descr: string): number {
  const match = /^[<|][iufU](\d+)$/.exec(descr);
  if (match === null)
    throw new TypeError(`element type ${descr} is not one that NumPy files are written in here`);
  return Number(match[1]) * (descr[1] === "U" ? 4 : 1);
}
