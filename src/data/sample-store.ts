import { UserError } from "../base/errors.js";

type Chunk = Int16Array | Float32Array;

export interface SampleStoreParts {
  readonly clipLength: number;
  readonly chunks: readonly Chunk[];
  readonly chunkOf: Int32Array;
  readonly startOf: Int32Array;
}

/**
 * The waveforms of a data set in chunks of rows. A chunk is 16-bit if all its samples are exact 16-bit values, which
 * halves the memory of recorded speech, else float32. Samples are read as floats, full scale being 1.
 */
export class SampleStore {
  readonly count: number;
  /** Samples per clip. */
  readonly clipLength: number;
  private readonly chunks: readonly Chunk[];
  /** The chunk of each row and the offset in it. Selecting rows copies these, never the samples. */
  private readonly chunkOf: Int32Array;
  private readonly startOf: Int32Array;

  private constructor(
    clipLength: number,
    chunks: readonly Chunk[],
    chunkOf: Int32Array,
    startOf: Int32Array,
  ) {
    this.clipLength = clipLength;
    this.chunks = chunks;
    this.chunkOf = chunkOf;
    this.startOf = startOf;
    this.count = chunkOf.length;
  }

  /** Makes a store of chunks, each of whole rows of `clipLength` samples. They are not copied. */
  static of(clipLength: number, chunks: readonly Chunk[]): SampleStore {
    const rowCounts = chunks.map((chunk) => chunk.length / clipLength);
    const count = rowCounts.reduce((sum, rows) => sum + rows, 0);
    const chunkOf = new Int32Array(count);
    const startOf = new Int32Array(count);
    let row = 0;
    rowCounts.forEach((rows, chunk) => {
      for (let i = 0; i < rows; i++, row++) {
        chunkOf[row] = chunk;
        startOf[row] = i * clipLength;
      }
    });
    return new SampleStore(clipLength, chunks, chunkOf, startOf);
  }

  /** Concatenates stores of the same clip length. */
  static join(stores: readonly SampleStore[]): SampleStore {
    const { clipLength } = stores[0]!;
    const count = stores.reduce((sum, store) => sum + store.count, 0);
    const chunkOf = new Int32Array(count);
    const startOf = new Int32Array(count);
    const chunks: Chunk[] = [];
    let row = 0;
    for (const store of stores) {
      chunkOf.set(
        store.chunkOf.map((chunk) => chunk + chunks.length),
        row,
      );
      startOf.set(store.startOf, row);
      chunks.push(...store.chunks);
      row += store.count;
    }
    return new SampleStore(clipLength, chunks, chunkOf, startOf);
  }

  /** The parts from which another thread can make the same store. Samples read from files are shared, not copied. */
  get parts(): SampleStoreParts {
    const { clipLength, chunks, chunkOf, startOf } = this;
    return { clipLength, chunks, chunkOf, startOf };
  }

  static fromParts({ clipLength, chunks, chunkOf, startOf }: SampleStoreParts): SampleStore {
    return new SampleStore(clipLength, chunks, chunkOf, startOf);
  }

  /** Selects rows in the given order. */
  select(rows: Int32Array): SampleStore {
    for (const row of rows) this.checkRow(row);
    return new SampleStore(
      this.clipLength,
      this.chunks,
      rows.map((row) => this.chunkOf[row]!),
      rows.map((row) => this.startOf[row]!),
    );
  }

  /** Copies row `row` (`clipLength` samples) into `out` from `offset` on. */
  read(row: number, out: Float32Array, offset = 0): void {
    this.checkRow(row);
    const chunk = this.chunks[this.chunkOf[row]!]!;
    const start = this.startOf[row]!;
    if (chunk instanceof Float32Array) {
      out.set(chunk.subarray(start, start + this.clipLength), offset);
    } else {
      for (let i = 0; i < this.clipLength; i++) out[offset + i] = chunk[start + i]! / 32768;
    }
  }

  private checkRow(row: number): void {
    if (Number.isInteger(row) && row >= 0 && row < this.count) return;
    throw new UserError(`expected a row from 0 to ${this.count - 1}, found ${row}`);
  }
}

/** Samples per chunk: large enough that chunks are few, small enough that one row of floats costs little. */
const CHUNK_SAMPLES = 2 ** 21;

/**
 * Builds a `SampleStore` from rows as they are read, with at most one unfinished chunk. Threads can share the memory of
 * the chunks.
 */
export class SampleStoreBuilder {
  private readonly clipLength: number;
  private readonly chunkSamples: number;
  private readonly chunks: Chunk[] = [];
  private pending: Float32Array = new Float32Array(0);
  private shorts: Int16Array = new Int16Array(0);
  private filled = 0;
  private rowsFinished = 0;
  private notFinite: string | undefined;

  constructor(clipLength: number) {
    this.clipLength = clipLength;
    this.chunkSamples = Math.max(1, Math.floor(CHUNK_SAMPLES / clipLength)) * clipLength;
  }

  /** Appends copies of whole rows. */
  append(samples: Float32Array): void {
    for (let at = 0; at < samples.length; ) {
      if (this.pending.length === 0)
        this.pending = new Float32Array(new SharedArrayBuffer(4 * this.chunkSamples));
      const part = samples.subarray(at, at + this.pending.length - this.filled);
      this.pending.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
      if (this.filled === this.pending.length) this.finishChunk();
    }
  }

  /**
   * Returns the store of all appended rows. The builder must not be used afterwards.
   *
   * @param where the source of the rows, for messages
   * @throws UserError that names the first row with NaN or infinity
   */
  finish(where: string): SampleStore {
    if (this.filled > 0) this.finishChunk();
    if (this.notFinite !== undefined) throw new UserError(`${where}: ${this.notFinite}`);
    this.pending = new Float32Array(0);
    return SampleStore.of(this.clipLength, this.chunks);
  }

  private finishChunk(): void {
    const samples = this.pending.subarray(0, this.filled);
    if (this.shorts.length !== this.filled)
      this.shorts = new Int16Array(new SharedArrayBuffer(2 * this.filled));
    if (writeAsInt16(samples, this.shorts)) {
      this.chunks.push(this.shorts);
      this.shorts = new Int16Array(0);
    } else {
      if (!allFinite(samples)) this.notFinite ??= this.describeNotFinite(samples);
      // A full buffer becomes the chunk; of a partly filled one, a copy of its rows.
      this.chunks.push(this.filled === this.pending.length ? this.pending : sharedCopy(samples));
      this.pending = new Float32Array(0);
    }
    this.rowsFinished += this.filled / this.clipLength;
    this.filled = 0;
  }

  private describeNotFinite(samples: Float32Array): string {
    const at = samples.findIndex((value) => !Number.isFinite(value));
    const row = this.rowsFinished + Math.floor(at / this.clipLength);
    return `row ${row} holds ${samples[at]} at sample ${at % this.clipLength}, expected finite numbers`;
  }
}

function sharedCopy(samples: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(samples.byteLength));
  copy.set(samples);
  return copy;
}

/** Writes samples as 16-bit integers. Returns false at the first that is not a multiple of 1/32768 in [-1, 1). */
function writeAsInt16(samples: Float32Array, out: Int16Array): boolean {
  for (let i = 0; i < samples.length; i++) {
    const scaled = samples[i]! * 32768;
    out[i] = scaled;
    if (out[i] !== scaled) return false;
  }
  return true;
}

/**
 * Whether all samples are finite: zero times NaN or infinity is NaN, and so is any sum with it. There are four sums since
 * with a single one each addition would wait for the one before.
 */
function allFinite(samples: Float32Array): boolean {
  let [a, b, c, d] = [0, 0, 0, 0];
  const end = samples.length - (samples.length % 4);
  for (let i = 0; i < end; i += 4) {
    a += samples[i]! * 0;
    b += samples[i + 1]! * 0;
    c += samples[i + 2]! * 0;
    d += samples[i + 3]! * 0;
  }
  for (let i = end; i < samples.length; i++) a += samples[i]! * 0;
  return a + b + c + d === 0;
}
