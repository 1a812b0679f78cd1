import { Random } from "../random.js";
import type { Augmentation } from "./augment.js";
import type { Clips } from "./clips.js";

export interface Batch {
  /** Waveforms, `[size, clipLength]`, row after row. */
  readonly waves: Float32Array;
  /** Index of each clip's label in the label list. */
  readonly labels: Int32Array;
  readonly size: number;
}

/** The row's label as its place in the list that the model was built for. */
export function labelIndices(clips: Clips, labels: readonly string[]): Int32Array {
  const index = new Map(labels.map((label, i) => [label, i]));
  return Int32Array.from(clips.labels, (label) => index.get(label) ?? -1);
}

/** Batch `number` (from 0) of the given rows in their order; the last one may be smaller. */
export function readBatch(
  clips: Clips,
  rows: Int32Array,
  labels: Int32Array,
  number: number,
  batchSize: number,
): Batch {
  const chosen = rows.subarray(number * batchSize, (number + 1) * batchSize);
  const { clipLength } = clips.samples;
  const waves = new Float32Array(chosen.length * clipLength);
  chosen.forEach((row, i) => {
    clips.samples.read(row, waves, i * clipLength);
  });
  return { waves, labels: Int32Array.from(chosen, (row) => labels[row]!), size: chosen.length };
}

/**
 * The training batches of an epoch: its own order and its own augmentation, both fixed by the seed, so that any batch
 * of any epoch can be made again on its own.
 */
export class TrainingBatches {
  readonly count: number;
  private readonly source: TrainingBatchesSource;
  private order: { epoch: number; rows: Int32Array } | undefined;

  constructor(source: TrainingBatchesSource) {
    this.source = source;
    this.count = Math.ceil(source.rows.length / source.batchSize);
  }

  /** Batch `number` (from 0) of `epoch` (from 1). */
  read(epoch: number, number: number): Batch {
    const { clips, labels, batchSize, seed, augmentation } = this.source;
    const rows = this.epochOrder(epoch);
    const batch = readBatch(clips, rows, labels, number, batchSize);
    if (augmentation.length > 0) {
      const { clipLength } = clips.samples;
      for (let i = 0; i < batch.size; i++) {
        const random = new Random(seed, "augment", epoch, number * batchSize + i);
        const wave = batch.waves.subarray(i * clipLength, (i + 1) * clipLength);
        for (const augment of augmentation) augment(wave, clips.sampleRate, random);
      }
    }
    return batch;
  }

  private epochOrder(epoch: number): Int32Array {
    if (this.order?.epoch !== epoch) {
      const rows = new Random(this.source.seed, "shuffle", epoch).shuffle(this.source.rows.slice());
      this.order = { epoch, rows };
    }
    return this.order.rows;
  }
}

export interface TrainingBatchesSource {
  clips: Clips;
  rows: Int32Array;
  /** By row of `clips`, as `labelIndices` gives them. */
  labels: Int32Array;
  batchSize: number;
  seed: number;
  augmentation: readonly Augmentation[];
}
