import { Random } from "../../base/random.js";
import { Augmenter } from "../augment/augmenter.js";
import type { NoiseClips } from "../augment/effects.js";
import { mixUp } from "../augment/mixup.js";
import type { AugmentSettings } from "../augment/settings.js";
import type { Clips } from "../clips.js";

export interface Batch {
  /** Waveforms, `[size, clipLength]`, row after row. */
  readonly waves: Float32Array;
  /** Index of each clip's label in the label list. */
  readonly labels: Int32Array;
  readonly size: number;
  /** Where clips were mixed: the label of the other clip, and the share of the row's own, by row. */
  readonly mix?: { readonly labels: Int32Array; readonly shares: Float32Array };
}

/** Where a training's batches come from. */
export interface BatchSource {
  /** Batches an epoch. */
  readonly count: number;
  /** Batch `number` (from 0) of `epoch` (from 1). */
  read(epoch: number, number: number): Batch | Promise<Batch>;
}

/** The row's label as its place in the list that the model was built for. */
export function labelIndices(clips: Clips, labels: readonly string[]): Int32Array {
  const index = new Map(labels.map((label, i) => [label, i]));
  return Int32Array.from(clips.labels, (label) => index.get(label) ?? -1);
}

/** Batch `number` (from 0) of the given rows in their order; the last one may be smaller. */
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
 * The training batches of an epoch: its own order and its own augmentation, both fixed by the seed, so that any batch
 * of any epoch can be made again on its own.
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
  /** By row of `clips`, as `labelIndices` gives them. */
  labels: Int32Array;
  batchSize: number;
  seed: number;
  augment: AugmentSettings;
  /** What noise is taken from, see `noiseFor`; without it none is mixed in. */
  noise?: NoiseClips | undefined;
}
