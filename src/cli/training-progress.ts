import { stderr } from "node:process";
import { Presets, SingleBar } from "cli-progress";
import type { EpochRecord } from "../run.js";
import type { Callback, LoopStatus } from "../train/loop.js";
import { duration, type Output, percent } from "./output.js";

/** Shows a training: on a terminal a bar for the epoch under way, and everywhere one line for each epoch that is done. */
export class TrainingProgress implements Callback {
  readonly name = "progress";
  private readonly output: Output;
  private readonly label: string;
  private bar: SingleBar | undefined;
  private since: { time: number; examples: number; epoch: number } | undefined;

  constructor(output: Output, label = "") {
    this.output = output;
    this.label = label;
  }

  onBatchEnd({ position, epochs, batchesPerEpoch }: LoopStatus): void {
    if (!stderr.isTTY || this.output.quiet) return;
    const now = performance.now();
    if (this.since?.epoch !== position.epoch) {
      this.since = { time: now, examples: position.examples, epoch: position.epoch };
    }
    this.bar ??= startBar(batchesPerEpoch, stderr.columns ?? 80);
    // The speed is this process's own: an interrupted epoch counts from where it was taken up.
    const seconds = (now - this.since.time) / 1000;
    const examples = position.examples - this.since.examples;
    const rate = seconds > 0 && examples > 0 ? examples / seconds : position.examples / position.seconds;
    const batchesLeft = (epochs - position.epoch + 1) * batchesPerEpoch - position.batch;
    const secondsLeft = (batchesLeft * (position.examples / position.batch)) / rate;
    this.bar.update(position.batch, {
      epoch: `${this.label}epoch ${position.epoch}/${epochs}`,
      loss: (position.lossSum / position.examples).toFixed(4),
      accuracy: percent(position.correct / position.examples, 1),
      rate: rate.toFixed(rate < 10 ? 1 : 0),
      left: duration(secondsLeft),
    });
  }

  onEpochEnd(record: EpochRecord, { epochs }: LoopStatus): void {
    this.stopBar();
    this.output.log(
      [
        `${this.label}epoch ${record.epoch}/${epochs}`,
        `loss ${record.loss.toFixed(4)}`,
        `accuracy ${percent(record.accuracy)}`,
        `val loss ${record.valLoss.toFixed(4)}`,
        `val accuracy ${percent(record.valAccuracy)}`,
        duration(record.seconds),
      ].join("  "),
    );
  }

  onTrainEnd(): void {
    this.stopBar();
  }

  /** Clears the bar: also for a line that another part prints. */
  stopBar(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

function startBar(total: number, columns: number): SingleBar {
  const figures = "loss {loss}  acc {accuracy}";
  const format =
    columns >= 100
      ? `{epoch} {bar} batch {value}/{total}  ${figures}  {rate} examples/s  {left} left`
      : columns >= 60
        ? `{epoch} {bar} {value}/{total} ${figures} {left}`
        : `{epoch} {value}/{total} {loss} {left}`;
  const bar = new SingleBar(
    { format, barsize: columns >= 130 ? 30 : 10, hideCursor: true, clearOnComplete: true, stream: stderr },
    Presets.rect,
  );
  bar.start(total, 0, { epoch: "", loss: "", accuracy: "", rate: "", left: "" });
  return bar;
}
