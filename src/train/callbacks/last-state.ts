import type { EpochRecord, RunFolder } from "../../run/folder.js";
import type { Callback, LoopStatus } from "../loop.js";
import type { Trainer } from "../trainer.js";
import { writeState } from "./state.js";

/**
 * Stores the newest state after every epoch, every ten minutes within one, and when the run is interrupted.
 * It comes after the other callbacks, whose states it stores.
 */
export class LastState implements Callback {
  readonly name = "lastState";
  private readonly options: {
    run: RunFolder;
    trainer: Pick<Trainer, "steps" | "state">;
    others: readonly Callback[];
    everySeconds?: number;
  };
  private savedAt = performance.now();
  private savedSteps = -1;

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
    if (this.savedSteps !== this.options.trainer.steps) await this.save(status);
  }

  private async save(status: LoopStatus): Promise<void> {
    const { run, trainer, others } = this.options;
    const kept = others.filter((callback) => callback.state !== undefined);
    await writeState(
      run,
      {
        position: { ...status.position },
        optimizerStep: trainer.steps,
        callbacks: Object.fromEntries(kept.map((callback) => [callback.name, callback.state!()])),
      },
      trainer.state,
    );
    this.savedAt = performance.now();
    this.savedSteps = trainer.steps;
  }
}
