import { Random } from "../../base/random.js";
import { Augmenter } from "../augment/augmenter.js";
import type { NoiseClips } from "../augment/effects.js";
import { mixUp } from "../augment/mixup.js";
import type { AugmentSettings } from "../augment/settings.js";
import type { Clips } from "../clips.js";

export interface Batch {
  /** Waveforms, `[size, clipLength]`. */
  readonly waves: Float32Array;
  /** Label index of each clip. */
  readonly labels: Int32Array;
  readonly size: number;
  /** If clips were mixed, by row: the label index of the other clip, and the row's own share. */
  readonly mix?: { readonly labels: Int32Array; readonly shares: Float32Array };
}

/** A source of training batches. */
export interface BatchSource {
  /** Number of batches per epoch. */
  readonly count: number;
  /** Returns batch `number` (from 0) of `epoch` (from 1). */
  read(epoch: number, number: number): Batch | Promise<Batch>;
}

/** Returns each row's label as its index in `labels`, -1 for others. */
export function labelIndices(clips: Clips, labels: readonly string[]): Int32Array {
  const index = new Map(labels.map((label, i) => [label, i]));
  return Int32Array.from(clips.labels, (label) => index.get(label) ?? -1);
}

/** Reads batch `number` (from 0) of the given rows in their order; the last one may be smaller. */
export function readBatch(
  clips: Pick<Clips, "samples">,
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
 * Makes training batches. Each epoch has its own order and augmentation, both fixed by the seed, so that any batch of any
 * epoch can be made independently.
 */
export class TrainingBatches implements BatchSource {
  readonly count: number;
  private readonly options: TrainingBatchesOptions;
  private readonly augmenter: Augmenter;
  private order: { epoch: number; rows: Int32Array } | undefined;

  constructor(options: TrainingBatchesOptions) {
    this.options = options;
    this.augmenter = new Augmenter(options.augment, options.noise);
    this.count = Math.ceil(options.rows.length / options.batchSize);
  }

  read(epoch: number, number: number): Batch {
    const { clips, labels, batchSize, seed, augment } = this.options;
    const batch = readBatch(clips, this.epochOrder(epoch), labels, number, batchSize);
    const { clipLength } = clips.samples;
    for (let i = 0; i < batch.size; i++) {
      const wave = batch.waves.subarray(i * clipLength, (i + 1) * clipLength);
      this.augmenter.apply(wave, clips.sampleRate, seed, epoch, number * batchSize + i);
    }
    if (augment.mixup === undefined) return batch;
    const random = new Random(seed, "augment", "mixup", epoch, number);
    const { partners, shares } = mixUp(batch.waves, batch.size, augment.mixup, random);
    return { ...batch, mix: { labels: partners.map((row) => batch.labels[row]!), shares } };
  }

  private epochOrder(epoch: number): Int32Array {
    if (this.order?.epoch !== epoch) {
      const rows = new Random(this.options.seed, "shuffle", epoch).shuffle(this.options.rows.slice());
      this.order = { epoch, rows };
    }
    return this.order.rows;
  }
}

export interface TrainingBatchesOptions {
  clips: Pick<Clips, "samples" | "sampleRate">;
  rows: Int32Array;
  /** By row of `clips`, as returned by `labelIndices`. */
  labels: Int32Array;
  batchSize: number;
  seed: number;
  augment: AugmentSettings;
  /** Noise to mix in, as returned by `noiseFor`. */
  noise?: NoiseClips | undefined;
}
