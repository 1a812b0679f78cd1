import { UserError } from "../errors.js";

/**
 * The waveforms of a data set, row by row, in chunks of rows: 16-bit where every sample of a chunk is an exact 16-bit
 * value (which halves the memory of recorded speech), else float32. Samples read back are floats in [-1, 1).
 */
export class SampleStore {
  readonly count: number;
  /** Samples a clip. */
  readonly clipLength: number;
  private readonly chunks: readonly (Int16Array | Float32Array)[];
  private readonly rowsPerChunk: number;

  /** Every chunk holds `rowsPerChunk` rows of `clipLength` samples, the last one perhaps fewer. */
  constructor(clipLength: number, rowsPerChunk: number, chunks: readonly (Int16Array | Float32Array)[]) {
    this.clipLength = clipLength;
    this.rowsPerChunk = rowsPerChunk;
    this.chunks = chunks;
    let samples = 0;
    for (const chunk of chunks) samples += chunk.length;
    this.count = samples / clipLength;
  }

  /** Copies row `row` (`clipLength` samples) into `out` from `offset` on. */
  read(row: number, out: Float32Array, offset = 0): void {
    const chunk = this.chunks[Math.floor(row / this.rowsPerChunk)];
    if (chunk === undefined || row < 0 || row >= this.count) {
      throw new UserError(`row ${row} asked for, but the data has rows 0 to ${this.count - 1}`);
    }
    const start = (row % this.rowsPerChunk) * this.clipLength;
    if (chunk instanceof Float32Array) {
      out.set(chunk.subarray(start, start + this.clipLength), offset);
    } else {
      for (let i = 0; i < this.clipLength; i++) out[offset + i] = chunk[start + i]! / 32768;
    }
  }
}
