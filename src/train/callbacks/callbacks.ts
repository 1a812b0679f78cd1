import { join } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { type EpochRecord, hasDiverged, parseHistory, type RunFolder } from "../../run/folder.js";
import { improves, type Monitor } from "../../run/history.js";
import type { Callback, LoopStatus } from "../loop.js";
import type { NamedVariable } from "../optimizers/adam.js";
import { writeState } from "./checkpoint.js";

/** Keeps the records of all epochs, in memory and in `history.json`. */
export class History implements Callback {
  readonly name = "history";
  readonly records: EpochRecord[] = [];
  private readonly run: RunFolder;

  constructor(run: RunFolder) {
    this.run = run;
  }

  onEpochEnd(record: EpochRecord): void {
    this.records.push(record);
    this.run.writeHistory(this.records);
  }

  state(): EpochRecord[] {
    return this.records;
  }

  restore(state: unknown): void {
    this.records.splice(0, this.records.length, ...parseHistory(state));
  }
}

/** Saves the model whenever the monitored quantity is better than at every epoch before (or, with `saveBestOnly` off, always). */
export class BestCheckpoint implements Callback {
  readonly name = "bestCheckpoint";
  /** The best epoch so far, and the one whose model was saved last. */
  best: { epoch: number; value: number; saved: number } | undefined;
  private readonly options: {
    run: RunFolder;
    model: tf.LayersModel;
    monitor: Monitor;
    saveBestOnly?: boolean;
    report?: (line: string) => void;
  };

  constructor(options: BestCheckpoint["options"]) {
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
    // Without `saveBestOnly` the next epoch's model takes this one's place: what stays is told at the end.
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

/** Ends the run after `patience` epochs in a row without a better value of the monitored quantity. */
export class EarlyStopping implements Callback {
  readonly name = "earlyStopping";
  private best: number | undefined;
  private waited = 0;
  private readonly monitor: Monitor;
  private readonly patience: number;

  constructor(monitor: Monitor, patience: number) {
    this.monitor = monitor;
    this.patience = patience;
  }

  get wantsStop(): boolean {
    return this.waited >= this.patience;
  }

  /** More epochs are asked for: it waits anew. */
  goOn(): void {
    this.waited = 0;
  }

  onEpochEnd(record: EpochRecord): void {
    if (improves(this.monitor, record, this.best)) {
      this.best = record[this.monitor];
      this.waited = 0;
    } else {
      this.waited++;
    }
  }

  state(): unknown {
    return { best: this.best, waited: this.waited };
  }

  restore(state: { best?: number; waited: number }): void {
    this.best = state.best;
    this.waited = state.waited;
  }
}

/** Draws the curves after every epoch, so that a run can be watched while it trains. */
export class CurvesPicture implements Callback {
  readonly name = "curves";
  private readonly draw: () => Promise<void>;

  constructor(draw: () => Promise<void>) {
    this.draw = draw;
  }

  async onEpochEnd(): Promise<void> {
    await this.draw();
  }
}

/**
 * Stores the newest state after every epoch, after every ten minutes within one, and when the run is interrupted. It
 * stands behind the other callbacks, whose states it stores.
 */
export class LastState implements Callback {
  readonly name = "lastState";
  private readonly options: {
    run: RunFolder;
    variables: readonly NamedVariable[];
    optimizer: { readonly step: number };
    others: readonly Callback[];
    everySeconds?: number;
  };
  private savedAt = performance.now();
  private savedStep = -1;

  constructor(options: LastState["options"]) {
    this.options = options;
  }

  async onBatchEnd(status: LoopStatus): Promise<void> {
    const seconds = (performance.now() - this.savedAt) / 1000;
    if (seconds <= (this.options.everySeconds ?? 600)) return;
    status.settle();
    await this.save(status);
  }

  async onEpochEnd(_record: EpochRecord, status: LoopStatus): Promise<void> {
    await this.save(status);
  }

  async onTrainEnd(status: LoopStatus): Promise<void> {
    if (this.savedStep !== this.options.optimizer.step) await this.save(status);
  }

  private async save(status: LoopStatus): Promise<void> {
    const { run, variables, optimizer, others } = this.options;
    const kept = others.filter((callback) => callback.state !== undefined);
    await writeState(
      run,
      {
        position: { ...status.position },
        optimizerStep: optimizer.step,
        callbacks: Object.fromEntries(kept.map((callback) => [callback.name, callback.state!()])),
      },
      variables,
    );
    this.savedAt = performance.now();
    this.savedStep = optimizer.step;
  }
}
