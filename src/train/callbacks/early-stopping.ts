import type { EpochRecord } from "../../run/folder.js";
import { improves, type Monitor } from "../../run/history.js";
import type { Callback } from "../loop.js";

/** Ends the run after `patience` consecutive epochs without a better value of the monitored metric. */
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

  /** Counts from zero again, for a run that is continued for more epochs. */
  resetPatience(): void {
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
