import { Readable } from "node:stream";
import { ZipFile } from "yazl";
import { writeStreamAtomic } from "../../base/files.js";
import { npyHeader } from "../../base/npy-header.js";
import { toInt16 } from "../../base/numbers.js";
import type { Clips } from "../clips.js";

/** One array of an `.npz`. Its elements come in pieces, so that they need not be in memory at once. */
export interface NpyArray {
  /** Element type as NumPy writes it, such as `<i2` or `<U7`. */
  readonly descr: string;
  /** Sizes of the dimensions; empty for a single number. */
  readonly shape: readonly number[];
  /** The elements in C order, little-endian, cut at any byte. A piece must not change after it was yielded. */
  readonly pieces: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes arrays as an `.npz`: a zip with one deflated `.npy` (format 1.0) per array, zip64 if needed. The same arrays
 * give the same bytes, since entries have a fixed time.
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
      // Given in advance, so that yazl uses zip64 if needed and fails on a wrong number of elements.
      size: header.length + elementBytes(descr) * shape.reduce((product, size) => product * size, 1),
      compressionLevel,
      // The earliest time that a zip can hold, as NumPy writes.
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
    current?.destroy(); // if writing failed, this ends what yields the pieces, such as threads
  }
}

/**
 * Writes clips in the layout that `readNpz` and the course's notebooks read: `wav_vals` (N, samples), `label_vals`,
 * `speaker_vals`, `word_vals` and `part_vals` (N, 1) unicode, `sample_rate` a single number. Rows keep their order.
 *
 * @param options.dtype default: int16 if all samples are exact 16-bit values, else float32
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

/** Makes an (N, 1) array of NumPy's fixed-width unicode: UTF-32, padded with zeros to the longest text. */
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

/** Makes an array without dimensions of one whole number. */
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

// Typed arrays have the machine's byte order, which is little-endian wherever TensorFlow.js runs.
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

/** Returns the bytes per element: the number after the type's letter, times four for unicode. */
function elementBytes(descr: string): number {
  const match = /^[<|][iufU](\d+)$/.exec(descr);
  if (match === null)
    throw new TypeError(`expected an element type of integers, floats or text, found ${descr}`);
  return Number(match[1]) * (descr[1] === "U" ? 4 : 1);
}
