import { type EpochMetrics, type KeptEpoch, type Metric, metricAxis, metrics } from "../curves.js";
import { type Axis, epochAxis } from "../ticks.js";
import { columnsOf, padLeft, padRight, paint, type Style, shorten, type TerminalOptions } from "./text.js";

const styles = {
  validation: "cyan",
  training: "magenta",
  kept: ["bold", "cyan"],
  axis: "dim",
} satisfies Record<string, Style>;

const chartRows = 10;
const chartGap = 4;
const narrowestChart = 12;
/** Columns needed for two charts side by side; also the width if the output is not a terminal. */
const usualScreen = 80;

/**
 * Renders accuracy and loss over the epochs as line charts of braille dots, side by side if there is room. Validation is
 * a solid line, training a dotted one, so that they differ without colour too. (The charting packages for terminals tell
 * lines apart by colour alone.)
 */
export function terminalCurves(
  history: readonly EpochMetrics[],
  { width, color, kept: { epoch, chosenBy } }: TerminalOptions & { kept: KeptEpoch },
): string {
  const kept = history.find((each) => each.epoch === epoch);
  if (kept === undefined) return "";
  const marked = { ...kept, word: chosenBy === "newest" ? "kept" : "best" };
  const columns = Number.isFinite(width) ? width : usualScreen;
  const sideBySide = columns >= usualScreen;
  const chartWidth = sideBySide ? Math.floor((columns - chartGap) / 2) : columns;
  const charts = metrics.map((metric) => chart(metric, history, marked, { width: chartWidth, color }));
  if (!sideBySide) return charts.map((lines) => lines.join("\n")).join("\n\n");
  const [left, right] = charts as [string[], string[]];
  return left.map((line, row) => padRight(line, chartWidth + chartGap) + right[row]!).join("\n");
}

function chart(
  metric: Metric,
  history: readonly EpochMetrics[],
  marked: EpochMetrics & { word: string },
  { width, color }: TerminalOptions,
): string[] {
  const values = metricAxis(metric, [history], 4);
  const tickLabel = metric.name === "accuracy" ? percent : String;
  // "epoch" is written below these labels.
  const labelWidth = Math.max(4, ...values.ticks.map((tick) => tickLabel(tick).length));
  const columns = width - labelWidth - 2;
  const value = metric.name === "accuracy" ? percent(marked.valAccuracy, 1) : marked.valLoss.toFixed(3);
  const name = `${marked.word} epoch, ${marked.epoch}`;
  const headings = [`${metric.name}  ◆ ${value} at the ${name}`, `${metric.name}  ◆ ${value} at ${name}`];
  const heading = headings.find((each) => columnsOf(each) <= width) ?? shorten(headings[1]!, width);
  if (columns < narrowestChart) return [heading];

  const epochs = epochAxis(history[0]!.epoch, history.at(-1)!.epoch, Math.floor(columns / 8));
  const canvas = new DotCanvas(columns, chartRows);
  const points = (field: keyof EpochMetrics) =>
    history
      .filter((epoch) => Number.isFinite(epoch[field]))
      .map((epoch) => canvas.place(share(epochs, epoch.epoch), share(values, epoch[field])));
  canvas.line("training", points(metric.name), { dotted: true });
  canvas.line("validation", points(metric.validation));
  canvas.mark(canvas.place(share(epochs, marked.epoch), share(values, marked[metric.validation])), "◆");

  const labels = new Map(
    values.ticks.map((tick) => [canvas.place(0, share(values, tick)).y >> 2, tickLabel(tick)]),
  );
  const rows = canvas.rows(color).map((row, index) => {
    const label = labels.get(index);
    return `${padLeft(label ?? "", labelWidth)}${paint(styles.axis, label === undefined ? " │" : " ┤", color)}${row}`;
  });
  return [
    paint("bold", heading, color),
    legend(width, color),
    ...rows,
    `${" ".repeat(labelWidth + 1)}${paint(styles.axis, `└${"─".repeat(columns)}`, color)}`,
    `${padLeft("epoch", labelWidth + 1)} ${tickLabels(epochs, columns, history.at(-1)!.epoch)}`,
  ];
}

function legend(width: number, color: boolean): string {
  const text = "⠒⠒⠒ validation  ⠒ ⠒ training";
  if (columnsOf(text) > width) return "";
  const [validation, training] = text.split(/ {2}/) as [string, string];
  return `${paint(styles.validation, validation, color)}  ${paint(styles.training, training, color)}`;
}

/** Labels the ticks: always the last epoch, others if they do not touch a neighbour. */
function tickLabels(axis: Axis, columns: number, lastEpoch: number): string {
  const left = (tick: number) => {
    const middle = Math.round(share(axis, tick) * (columns - 1));
    const length = String(tick).length;
    return Math.max(0, Math.min(columns - length, middle - (length >> 1)));
  };
  let line = "";
  for (const tick of axis.ticks) {
    const label = String(tick);
    const start = left(tick);
    const clear = (line === "" || start > line.length) && start + label.length < left(lastEpoch);
    if (clear) line = line.padEnd(start) + label;
  }
  return line.padEnd(left(lastEpoch)) + lastEpoch;
}

function share({ domain: [low, high] }: Axis, value: number): number {
  return (value - low) / (high - low);
}

function percent(part: number, digits = 0): string {
  return `${(100 * part).toFixed(digits)}%`;
}

interface Dot {
  x: number;
  y: number;
}

type Pen = "training" | "validation";

/** A grid of dots drawn in braille characters, each 2 dots wide and 4 high; the origin is at the top left. */
class DotCanvas {
  private readonly columns: number;
  private readonly dots: Record<Pen, Uint8Array>;
  private readonly marks = new Map<number, string>();

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.dots = { training: new Uint8Array(columns * rows), validation: new Uint8Array(columns * rows) };
  }

  /** The dot at a share of the width from the left and of the height from the bottom. */
  place(across: number, up: number): Dot {
    const height = (4 * this.dots.training.length) / this.columns;
    return { x: Math.round(across * (2 * this.columns - 1)), y: Math.round((1 - up) * (height - 1)) };
  }

  line(pen: Pen, points: readonly Dot[], { dotted = false } = {}): void {
    points.forEach((to, index) => {
      const from = points[index - 1] ?? to;
      const steps = Math.max(1, Math.abs(to.x - from.x), Math.abs(to.y - from.y));
      for (let step = 0; step <= steps; step++) {
        const x = Math.round(from.x + (step / steps) * (to.x - from.x));
        const y = Math.round(from.y + (step / steps) * (to.y - from.y));
        // A dotted line skips every second character; a single point is always drawn.
        if (!dotted || (x >> 1) % 2 === 0 || points.length === 1) this.set(pen, x, y);
      }
    });
  }

  /** Puts a character into the cell that holds the dot. */
  mark({ x, y }: Dot, character: string): void {
    this.marks.set((y >> 2) * this.columns + (x >> 1), character);
  }

  rows(color: boolean): string[] {
    const lines: string[] = [];
    for (let start = 0; start < this.dots.training.length; start += this.columns) {
      let line = "";
      for (let cell = start; cell < start + this.columns; cell++) line += this.cell(cell, color);
      lines.push(line);
    }
    return lines;
  }

  private set(pen: Pen, x: number, y: number): void {
    this.dots[pen][(y >> 2) * this.columns + (x >> 1)]! |= dotBits[y & 3]![x & 1]!;
  }

  private cell(cell: number, color: boolean): string {
    const mark = this.marks.get(cell);
    if (mark !== undefined) return paint(styles.kept, mark, color);
    const { validation, training } = this.dots;
    const bits = validation[cell]! | training[cell]!;
    if (bits === 0) return " ";
    return paint(
      validation[cell] ? styles.validation : styles.training,
      String.fromCodePoint(braille + bits),
      color,
    );
  }
}

const braille = 0x2800;
/** The bit of each dot of a braille character, by row and column (Unicode, block U+2800). */
const dotBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
