import * as tf from "@tensorflow/tfjs";
import { isAsynchronous } from "../backend/start.js";
import type { BatchSource } from "../data/batches/batches.js";
import type { EpochRecord } from "../run/folder.js";
import type { Trainer } from "./trainer.js";

/** Where a run stands: what it needs to resume, beside the trainer's variables. */
export interface Position {
  /** The epoch under way, from 1. */
  epoch: number;
  /** Number of its batches that are done. */
  batch: number;
  /** Sums over the epoch's examples so far. */
  lossSum: number;
  correct: number;
  examples: number;
  /** Time spent in the epoch so far, before and after an interruption. */
  seconds: number;
}

export const startPosition = (epoch = 1): Position => ({
  epoch,
  batch: 0,
  lossSum: 0,
  correct: 0,
  examples: 0,
  seconds: 0,
});

export interface LoopStatus {
  readonly position: Readonly<Position>;
  /**
   * Must be called within an epoch before variables are read: a backend may keep them elsewhere between
   * steps.
   */
  readonly settle: () => void;
  readonly epochs: number;
  readonly batchesPerEpoch: number;
}

/**
 * Watches a training. Every method is optional; those of several callbacks run in the callbacks' order.
 * `state` is stored with the run and passed to `restore` when the run is resumed.
 */
export interface Callback {
  readonly name: string;
  onBatchEnd?(status: LoopStatus): void | Promise<void>;
  onEpochEnd?(record: EpochRecord, status: LoopStatus): void | Promise<void>;
  /** Called once, however the loop ends, unless it throws. */
  onTrainEnd?(status: LoopStatus): void | Promise<void>;
  /** Becomes true when the run should end after the current epoch. */
  readonly wantsStop?: boolean;
  state?(): unknown;
  restore?(state: unknown): void;
}

export interface LoopOptions {
  trainer: Trainer;
  batches: BatchSource;
  epochs: number;
  /** Returns loss and accuracy on the validation part; undefined when it was interrupted. */
  validate: () => Promise<{ loss: number; accuracy: number } | undefined>;
  callbacks: readonly Callback[];
  position: Position;
  signal?: AbortSignal | undefined;
}

/** Runs epochs until all are done, a callback asks to stop, or the signal is raised. Returns which it was. */
export async function runLoop(options: LoopOptions): Promise<"done" | "stopped" | "interrupted"> {
  const { trainer, batches, epochs, callbacks, position, signal } = options;
  const settle = () => trainer.settle();
  const status: LoopStatus = { position, settle, epochs, batchesPerEpoch: batches.count };
  const wantStop = () => callbacks.some((callback) => callback.wantsStop);
  // A run that early stopping had ended has nothing left to do when it is resumed.
  let ending: "done" | "stopped" | "interrupted" = wantStop() ? "stopped" : "done";
  while (position.epoch <= epochs && ending === "done") {
    const record = await runEpoch(options, status);
    if (record === undefined) {
      ending = "interrupted";
      break;
    }
    Object.assign(position, startPosition(position.epoch + 1));
    for (const callback of callbacks) await callback.onEpochEnd?.(record, status);
    if (wantStop()) ending = "stopped";
    else if (signal?.aborted) ending = "interrupted";
  }
  settle();
  for (const callback of callbacks) await callback.onTrainEnd?.(status);
  return ending;
}

/**
 * Reading results makes a GPU wait for the host, so they are read at most once in this number of steps, yet
 * about twice a second for callbacks and signals, unless steps take longer.
 */
const readEvery = () => (isAsynchronous(tf.getBackend()) ? 16 : 1);
const readMs = 500;

/** Runs the rest of the epoch under way. Returns undefined when it was interrupted. */
async function runEpoch(options: LoopOptions, status: LoopStatus): Promise<EpochRecord | undefined> {
  const { trainer, batches, callbacks, position, signal } = options;
  const before = position.seconds;
  const start = performance.now();
  const clock = () => {
    position.seconds = before + (performance.now() - start) / 1000;
  };

  const pending: PendingResults[] = [];
  const mostPending = readEvery();
  let due = 1;
  let readAt = start;
  let batch = position.batch < batches.count ? await batches.read(position.epoch, position.batch) : undefined;
  for (let number = position.batch; batch !== undefined; ) {
    pending.push({ results: trainer.step(batch), size: batch.size });
    number++;
    // The next batch is made before the results are read: a GPU computes the step meanwhile.
    batch = number < batches.count ? await batches.read(position.epoch, number) : undefined;
    if (pending.length >= due || batch === undefined) {
      const count = pending.length;
      await readResults(pending, position);
      clock();
      const now = performance.now();
      due = Math.max(1, Math.min(mostPending, Math.floor((count * readMs) / (now - readAt))));
      readAt = now;
      for (const callback of callbacks) await callback.onBatchEnd?.(status);
      await turnEventLoop();
      if (signal?.aborted) return undefined;
    }
  }

  trainer.settle();
  const validation = await options.validate();
  clock();
  if (validation === undefined) return undefined;
  return {
    epoch: position.epoch,
    loss: position.lossSum / position.examples,
    accuracy: position.correct / position.examples,
    valLoss: validation.loss,
    valAccuracy: validation.accuracy,
    learningRate: trainer.learningRate(trainer.steps - 1),
    seconds: position.seconds,
  };
}

interface PendingResults {
  /** Mean loss and number of correct predictions, `[2]`. */
  results: tf.Tensor1D;
  size: number;
}

async function readResults(pending: PendingResults[], position: Position): Promise<void> {
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

/** Lets signals and timers be handled, which a backend that runs in this thread would hold up. */
function turnEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
