import { join } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { type EpochRecord, hasDiverged, type RunFolder } from "../../run/folder.js";
import { improves, type Monitor } from "../../run/history.js";
import type { Callback } from "../loop.js";

export interface BestCheckpointOptions {
  run: RunFolder;
  model: tf.LayersModel;
  monitor: Monitor;
  /** True by default. False saves the model after every epoch. */
  saveBestOnly?: boolean;
  report?: ((line: string) => void) | undefined;
}

/** Saves the model after each epoch whose monitored metric is better than in all epochs before. */
export class BestCheckpoint implements Callback {
  readonly name = "bestCheckpoint";
  /** The best epoch so far, its value, and the epoch whose model was saved last. */
  best: { epoch: number; value: number; saved: number } | undefined;
  private readonly options: BestCheckpointOptions;

  constructor(options: BestCheckpointOptions) {
    this.options = options;
  }

  async onEpochEnd(record: EpochRecord): Promise<void> {
    const { run, model, monitor, saveBestOnly = true, report } = this.options;
    const value = record[monitor];
    const better = improves(monitor, record, this.best?.value);
    if (hasDiverged(record.valLoss) || (!better && saveBestOnly)) return;
    await run.writeBest(model);
    const saved = record.epoch;
    if (!better && this.best !== undefined) this.best = { ...this.best, saved };
    if (!better) return;
    const before = this.best === undefined ? "" : ` from ${this.best.value.toFixed(4)}`;
    this.best = { epoch: record.epoch, value, saved };
    // Without `saveBestOnly` the next epoch's model replaces this one: the end reports which one stays.
    const where = saveBestOnly ? `, saved to ${join(run.path, "best")}` : "";
    report?.(`epoch ${record.epoch}: ${monitor} improved${before} to ${value.toFixed(4)}${where}`);
  }

  onTrainEnd(): void {
    const { run, saveBestOnly = true, report } = this.options;
    if (saveBestOnly || this.best === undefined) return;
    report?.(`epoch ${this.best.saved}, the newest, is saved to ${join(run.path, "best")}`);
  }

  state(): unknown {
    return this.best ?? null;
  }

  restore(state: BestCheckpoint["best"] | null): void {
    this.best = state ?? undefined;
  }
}
