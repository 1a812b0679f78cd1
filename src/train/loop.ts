import type * as tf from "@tensorflow/tfjs";
import type { BatchSource } from "../data/batches/batches.js";
import type { EpochRecord } from "../run/folder.js";
import { type StepOptions, TrainingSteps } from "./steps.js";

/** Where a run stands: all that is needed, beside weights and optimizer, to go on with it. */
export interface Position {
  /** The epoch under way, from 1. */
  epoch: number;
  /** Batches of it that are done. */
  batch: number;
  /** Sums over the epoch's examples so far. */
  lossSum: number;
  correct: number;
  examples: number;
  /** Spent in the epoch so far, before and after an interruption. */
  seconds: number;
}

export interface LoopStatus {
  readonly position: Readonly<Position>;
  /** To be called within an epoch before variables are read: a backend may keep them elsewhere from step to step. */
  readonly settle: () => void;
  readonly epochs: number;
  readonly batchesPerEpoch: number;
}

/**
 * What happens beside the training itself. Every method is optional; those of several callbacks run in their order.
 * `state` is stored with the run and given to `restore` when it goes on.
 */
export interface Callback {
  readonly name: string;
  onBatchEnd?(status: LoopStatus): void | Promise<void>;
  onEpochEnd?(record: EpochRecord, status: LoopStatus): void | Promise<void>;
  /** Once, however the loop ends, failures apart. */
  onTrainEnd?(status: LoopStatus): void | Promise<void>;
  /** True once the run should end after this epoch. */
  readonly wantsStop?: boolean;
  state?(): unknown;
  restore?(state: unknown): void;
}

export interface LoopOptions extends StepOptions {
  batches: BatchSource;
  epochs: number;
  /** Loss and accuracy on the validation part; undefined when it was interrupted. */
  validate: () => Promise<{ loss: number; accuracy: number } | undefined>;
  callbacks: readonly Callback[];
  position: Position;
  /**
   * Steps between readings of loss and accuracy, at most: a GPU that is asked at each one waits for the host. Twice a
   * second is enough in any case for those who watch or interrupt, and asked for unless steps take longer.
   */
  readEvery: number;
  signal?: AbortSignal | undefined;
}

export const startPosition = (epoch = 1): Position => ({
  epoch,
  batch: 0,
  lossSum: 0,
  correct: 0,
  examples: 0,
  seconds: 0,
});

/** Runs epochs until they are done, a callback wants to stop, or the signal is raised. Says which. */
export async function runLoop(options: LoopOptions): Promise<"done" | "stopped" | "interrupted"> {
  const { batches, callbacks, position, signal } = options;
  const steps = new TrainingSteps(options);
  const settle = () => steps.settle();
  const status: LoopStatus = { position, settle, epochs: options.epochs, batchesPerEpoch: batches.count };
  const wantStop = () => callbacks.some((callback) => callback.wantsStop);
  // A run that was stopped early and is gone on with has already ended.
  let ending: "done" | "stopped" | "interrupted" = wantStop() ? "stopped" : "done";
  try {
    while (position.epoch <= options.epochs && ending === "done") {
      const record = await runEpoch(options, steps, status);
      if (record === undefined) {
        ending = "interrupted";
        break;
      }
      Object.assign(position, startPosition(position.epoch + 1));
      for (const callback of callbacks) await callback.onEpochEnd?.(record, status);
      if (wantStop()) ending = "stopped";
      else if (signal?.aborted) ending = "interrupted";
    }
  } finally {
    steps.dispose();
  }
  for (const callback of callbacks) await callback.onTrainEnd?.(status);
  return ending;
}

/** The rest of the epoch under way; undefined when it was interrupted. */
async function runEpoch(
  options: LoopOptions,
  steps: TrainingSteps,
  status: LoopStatus,
): Promise<EpochRecord | undefined> {
  const { batches, callbacks, position, optimizer, signal } = options;
  const before = position.seconds;
  const start = performance.now();
  const clock = () => {
    position.seconds = before + (performance.now() - start) / 1000;
  };

  const pending: PendingStep[] = [];
  let due = 1;
  let readAt = start;
  let batch = position.batch < batches.count ? await batches.read(position.epoch, position.batch) : undefined;
  for (let number = position.batch; batch !== undefined; ) {
    pending.push({ results: steps.run(batch), size: batch.size });
    number++;
    // The next batch is made before the results are asked for: a GPU works on the step meanwhile.
    batch = number < batches.count ? await batches.read(position.epoch, number) : undefined;
    if (pending.length >= due || batch === undefined) {
      const count = pending.length;
      await readResults(pending, position);
      clock();
      const now = performance.now();
      due = Math.max(1, Math.min(options.readEvery, Math.floor((count * 500) / (now - readAt))));
      readAt = now;
      for (const callback of callbacks) await callback.onBatchEnd?.(status);
      await turnEventLoop();
      if (signal?.aborted) return undefined;
    }
  }

  steps.settle();
  const validation = await options.validate();
  clock();
  if (validation === undefined) return undefined;
  return {
    epoch: position.epoch,
    loss: position.lossSum / position.examples,
    accuracy: position.correct / position.examples,
    valLoss: validation.loss,
    valAccuracy: validation.accuracy,
    learningRate: options.learningRate(optimizer.step - 1),
    seconds: position.seconds,
  };
}

interface PendingStep {
  /** Mean loss and number of right answers, `[2]`. */
  results: tf.Tensor1D;
  size: number;
}

async function readResults(pending: PendingStep[], position: Position): Promise<void> {
  const values = await Promise.all(pending.map(({ results }) => results.data()));
  pending.forEach(({ results, size }, i) => {
    position.lossSum += values[i]![0]! * size;
    position.correct += values[i]![1]!;
    position.examples += size;
    position.batch++;
    results.dispose();
  });
  pending.length = 0;
}

/** Lets signals and timers be handled: a backend that runs in this thread never does by itself. */
function turnEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
