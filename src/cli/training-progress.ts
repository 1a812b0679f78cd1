import { percent } from "../base/figures.js";
import type { EpochRecord } from "../run/folder.js";
import type { Callback, LoopStatus, Position } from "../train/loop.js";
import { barOf, duration, lossText, type Output } from "./output.js";

/** Shows a training: one line for each finished epoch and, on a terminal, a bar for the current one. */
export class TrainingProgress implements Callback {
  readonly name = "progress";
  private readonly output: Output;
  private readonly label: string;
  private since: { time: number; examples: number; epoch: number } | undefined;

  /** @param label begins each line */
  constructor(output: Output, label = "") {
    this.output = output;
    this.label = label;
  }

  onBatchEnd({ position, epochs, batchesPerEpoch }: LoopStatus): void {
    const now = performance.now();
    if (this.since?.epoch !== position.epoch) {
      this.since = { time: now, examples: position.examples, epoch: position.epoch };
    }
    // The speed of this process: a resumed epoch counts from where it was resumed.
    const examples = position.examples - this.since.examples;
    const rate =
      examples > 0 ? (1000 * examples) / (now - this.since.time) : position.examples / position.seconds;
    const figures = { label: this.label, position: { ...position }, epochs, batchesPerEpoch, rate };
    this.output.showBar((columns) => trainingLine(figures, columns));
  }

  onEpochEnd(record: EpochRecord, { epochs }: LoopStatus): void {
    this.output.log(
      [
        `${this.label}epoch ${record.epoch}/${epochs}`,
        `loss ${lossText(record.loss)}`,
        `acc ${percent(record.accuracy)}`,
        `val loss ${lossText(record.valLoss)}`,
        `val acc ${percent(record.valAccuracy)}`,
        duration(record.seconds),
      ].join("  "),
    );
  }

  onTrainEnd(): void {
    this.output.endBar();
  }
}

interface Figures {
  label: string;
  position: Position;
  epochs: number;
  batchesPerEpoch: number;
  /** Examples a second. */
  rate: number;
}

const longestBar = 30;
const shortestBar = 5;

/** Formats epoch, batch, loss, accuracy, speed and time left, in as much detail as fits into the columns. */
export function trainingLine(figures: Figures, columns: number): string {
  const { label, position, epochs, batchesPerEpoch, rate } = figures;
  const batchesLeft = (epochs - position.epoch + 1) * batchesPerEpoch - position.batch;
  const left = duration((batchesLeft * (position.examples / position.batch)) / rate);
  const epoch = `${position.epoch}/${epochs}`;
  const batch = `${position.batch}/${batchesPerEpoch}`;
  const loss = lossText(position.lossSum / position.examples);
  const accuracy = percent(position.correct / position.examples, 1);
  const speed = rate.toFixed(rate < 10 ? 1 : 0);

  const versions = [
    [
      `${label}epoch ${epoch}`,
      `batch ${batch}  loss ${loss}  acc ${accuracy}  ${speed} examples/s  ${left} left`,
    ],
    [`${label}epoch ${epoch}`, `${batch}  loss ${loss}  acc ${accuracy}  ${speed}/s  ${left} left`],
    [`epoch ${epoch}`, `${batch}  loss ${loss}  acc ${accuracy}  ${speed}/s  ${left}`],
    [epoch, `${batch} ${loss} ${accuracy} ${speed}/s ${left}`],
  ] as const;
  const lengthOf = ([before, behind]: readonly [string, string]) => before.length + behind.length + 3;
  const version = versions.find((each) => lengthOf(each) + shortestBar <= columns) ?? versions.at(-1)!;
  const [before, behind] = version;
  const room = Math.min(longestBar, columns - lengthOf(version));
  if (room < shortestBar) return `${before} ${behind}`.slice(0, Math.max(0, columns));
  return `${before} ${barOf(position.batch / batchesPerEpoch, room)}  ${behind}`;
}
