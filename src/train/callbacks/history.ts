import { type EpochRecord, parseHistory, type RunFolder } from "../../run/folder.js";
import type { Callback } from "../loop.js";

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
