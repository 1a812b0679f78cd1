import { type LegendEntry, legendStrip, lineEntry } from "./legend.js";
import { anyText, renderSvg, type TopLevelSpec } from "./svg.js";
import { textWidth } from "./text-width.js";
import { colors, fontSizes } from "./theme.js";
import { type Axis, epochAxis, niceAxis } from "./ticks.js";

/**
 * What the curves show of one epoch; a line of a run's `history.json` is one. Accuracies are shares from 0 to 1. A value
 * that is not finite, of a training that diverged, leaves a gap.
 */
export interface EpochMetrics {
  epoch: number;
  loss: number;
  accuracy: number;
  valLoss: number;
  valAccuracy: number;
}

type History = readonly EpochMetrics[];

/** The marked epoch: the one whose model the run keeps. */
export interface KeptEpoch {
  /** Undefined where no epoch was usable: none is marked. */
  epoch: number | undefined;
  /** The metric whose best value decided; `newest` where the last usable epoch is kept. */
  chosenBy: Exclude<keyof EpochMetrics, "epoch"> | "newest";
}

export interface NamedHistory {
  name: string;
  history: History;
  kept: KeptEpoch;
}

export interface Metric {
  name: "accuracy" | "loss";
  validation: "valAccuracy" | "valLoss";
  tickFormat: string;
  valueFormat: string;
  /** Where the marked epoch's value stands: on the side of the curve that is usually empty. */
  side: "above" | "below";
}

export const metrics: Metric[] = [
  { name: "accuracy", validation: "valAccuracy", tickFormat: ".0%", valueFormat: ".1%", side: "below" },
  { name: "loss", validation: "valLoss", tickFormat: ",~f", valueFormat: ".3f", side: "above" },
];

/** The values' axis: of loss from 0, of accuracy in whole percents around the curves. */
export function metricAxis(metric: Metric, histories: readonly History[], count: number): Axis {
  const values = histories
    .flat()
    .flatMap((epoch) => [epoch[metric.name], epoch[metric.validation]])
    .filter(Number.isFinite);
  if (values.length === 0) return niceAxis(0, 1, count);
  const high = Math.max(...values);
  return metric.name === "loss" ? niceAxis(0, high, count) : niceAxis(Math.min(...values), high, count, 0.01);
}

/** Accuracy and loss over the epochs of one run, side by side; the kept epoch is marked with its values. */
export function curvesSpec(history: History, kept: KeptEpoch): TopLevelSpec {
  return withLegend([legend.validation, legend.training, keptEntry([kept])], {
    spacing: 32,
    hconcat: metrics.map((metric) =>
      panel(metric, history, {
        width: 360,
        height: 230,
        epochs: axisOfEpochs([history], 8),
        values: metricAxis(metric, [history], 5),
        title: metric.name === "accuracy" ? "Accuracy" : "Loss",
        kept,
      }),
    ),
  });
}

export function curvesSvg(history: History, kept: KeptEpoch): Promise<string> {
  return renderSvg(curvesSpec(history, kept));
}

/** The curves of several runs in small panels with the same axes, the other runs' validation curves faint behind. */
export function compareCurvesSpec(runs: readonly NamedHistory[]): TopLevelSpec {
  const histories = runs.map((run) => run.history);
  const columns = runs.length === 2 || runs.length === 4 ? 2 : 3;
  const width = columns === 2 ? 350 : 240;
  const epochs = axisOfEpochs(histories, columns === 2 ? 8 : 6);
  const own = [legend.validation, legend.training, keptEntry(runs.map(({ kept }) => kept))];
  return withLegend(runs.length > 1 ? [...own, legend.others] : own, {
    columns,
    spacing: { column: 36, row: 36 },
    concat: runs.map(({ name, history, kept }, index) => ({
      spacing: 16,
      vconcat: metrics.map((metric) =>
        panel(metric, history, {
          width,
          height: 170,
          epochs,
          values: metricAxis(metric, histories, 5),
          title: metric.name === "accuracy" ? name : "",
          axisTitle: metric.name,
          kept,
          context: histories.filter((_, other) => other !== index),
        }),
      ),
    })),
  });
}

export function compareCurves(runs: readonly NamedHistory[]): Promise<string> {
  return renderSvg(compareCurvesSpec(runs));
}

interface Panel {
  width: number;
  height: number;
  epochs: Axis;
  values: Axis;
  title: string;
  axisTitle?: string;
  kept: KeptEpoch;
  /** Other runs' curves, drawn faintly behind this one's. */
  context?: readonly History[];
}

const strokes = {
  validation: { color: colors.validation, strokeWidth: 2.2 },
  training: { color: colors.training, strokeWidth: 1.8, strokeDash: [4, 4] },
  others: { color: colors.context, strokeWidth: 1.2 },
};
const keptMark = {
  filled: true,
  fill: colors.background,
  stroke: colors.validation,
  strokeWidth: 2.2,
  opacity: 1,
};

function panel(metric: Metric, history: History, layout: Panel) {
  const values = (of: History, field: keyof EpochMetrics, run = 0) =>
    of.map((epoch) => ({ epoch: epoch.epoch, value: epoch[field], run }));
  const line = (rows: object[], stroke: object) => ({
    data: { values: rows },
    mark: { type: "line", ...stroke },
    encoding: { detail: { field: "run" } },
  });
  const points = (rows: object[], color: string) => ({
    data: { values: rows },
    mark: { type: "point", shape: "circle", filled: true, size: 18, opacity: 1, color },
  });
  const training = values(history, metric.name);
  const validation = values(history, metric.validation);
  const context = (layout.context ?? []).flatMap((other, run) => values(other, metric.validation, run));
  const kept = history.find(({ epoch }) => epoch === layout.kept.epoch);
  return {
    width: layout.width,
    height: layout.height,
    encoding: {
      x: {
        field: "epoch",
        type: "quantitative",
        title: "epoch",
        scale: { domain: layout.epochs.domain, nice: false, zero: false },
        axis: {
          values: layout.epochs.ticks,
          format: "d",
          tickMinStep: 0.5, // by the step of 1 that whole numbers have, Vega leaves out the second of three
          grid: false,
          labelFlush: false,
        },
      },
      y: {
        field: "value",
        type: "quantitative",
        title: layout.axisTitle ?? null,
        scale: { domain: layout.values.domain, nice: false, zero: false },
        axis: { values: layout.values.ticks, format: metric.tickFormat },
      },
    },
    layer: [
      line(context, strokes.others),
      ...(kept === undefined ? [] : [keptRule(kept, layout.height)]),
      line(training, strokes.training),
      line(validation, strokes.validation),
      // Points show where the epochs are, or that there is but one; many of them would hide the lines.
      ...(history.length > 30
        ? []
        : [points(training, colors.training), points(validation, colors.validation)]),
      ...(kept === undefined ? [] : keptValue(kept, metric, history, layout)),
      ...(layout.title === "" ? [] : [panelTitle(layout.title, layout.width)]),
    ],
  };
}

function keptRule(kept: EpochMetrics, height: number) {
  return {
    data: { values: [{ epoch: kept.epoch }] },
    mark: { type: "rule", color: colors.axis, strokeDash: [2, 3] },
    encoding: { y: { value: 0 }, y2: { value: height } },
  };
}

function keptValue(kept: EpochMetrics, metric: Metric, history: History, layout: Panel) {
  const { align, dx, dy } = keptLabelPlace(kept, metric, history, layout);
  const label = { type: "text", align, baseline: "middle", dx, dy, fontWeight: 600 };
  const data = { values: [{ epoch: kept.epoch, value: kept[metric.validation] }] };
  const encoding = { text: { field: "value", type: "quantitative", format: metric.valueFormat } };
  return [
    { data, mark: { type: "point", shape: "circle", size: 70, ...keptMark } },
    // A halo keeps the figure readable where it stands on a line.
    { data, mark: { ...label, stroke: colors.background, strokeWidth: 4, strokeJoin: "round" }, encoding },
    { data, mark: label, encoding },
  ];
}

/** How far the middle of the kept value is from its point, px: the nearest first. */
const labelDistances = [17, 30, 43, 56];
const labelHeight = 14;

/** Where the kept value is written: within the panel and as near its point as no curve is in the way. */
function keptLabelPlace(kept: EpochMetrics, metric: Metric, history: History, layout: Panel) {
  const { width, height } = layout;
  const xOf = (epoch: number) => width * shareOf(layout.epochs, epoch);
  const yOf = (value: number) => height * (1 - shareOf(layout.values, value));
  const [x, y] = [xOf(kept.epoch), yOf(kept[metric.validation])];
  const wide = textWidth(metric.name === "accuracy" ? "00.0%" : kept.valLoss.toFixed(3));
  const align = x < wide / 2 ? "left" : x > width - wide / 2 ? "right" : "center";
  // Off the rule of the kept epoch where that is the panel's edge.
  const dx = { left: 6, center: 0, right: -6 }[align];
  const left = x + dx - { left: 0, center: wide / 2, right: wide }[align];
  const curves = [metric.name, metric.validation].map((field) =>
    history.map((epoch) => [xOf(epoch.epoch), yOf(epoch[field])] as const),
  );

  let found = { align, dx, dy: 0 };
  let fewest = Number.POSITIVE_INFINITY;
  for (const distance of labelDistances) {
    for (const up of metric.side === "above" ? [true, false] : [false, true]) {
      const dy = up ? -distance : distance;
      const [top, bottom] = [y + dy - labelHeight / 2, y + dy + labelHeight / 2];
      if (top < 0 || bottom > height) continue;
      const box = { left: left - 2, right: left + wide + 2, top, bottom };
      const hits = curves.reduce((sum, curve) => sum + pointsWithin(curve, box), 0);
      if (hits < fewest) {
        fewest = hits;
        found = { align, dx, dy };
      }
    }
  }
  return found;
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** How many of the points along a curve, about a pixel apart, lie in a box. */
function pointsWithin(curve: readonly (readonly [x: number, y: number])[], box: Box): number {
  let count = 0;
  curve.forEach(([x0, y0], i) => {
    const [x1, y1] = curve[i + 1] ?? [x0, y0];
    const steps = Math.ceil(Math.hypot(x1 - x0, y1 - y0)) + 1;
    if (!Number.isFinite(steps)) return; // a gap in the curve
    for (let step = 0; step < steps; step++) {
      const [x, y] = [x0 + ((x1 - x0) * step) / steps, y0 + ((y1 - y0) * step) / steps];
      if (x >= box.left && x <= box.right && y >= box.top && y <= box.bottom) count++;
    }
  });
  return count;
}

const legend = {
  validation: lineEntry("validation", strokes.validation),
  training: lineEntry("training", strokes.training),
  others: lineEntry("validation of the other runs", strokes.others),
} satisfies Record<string, LegendEntry>;

const bestOf: Record<Exclude<KeptEpoch["chosenBy"], "newest">, string> = {
  loss: "lowest training loss",
  accuracy: "highest training accuracy",
  valLoss: "lowest validation loss",
  valAccuracy: "highest validation accuracy",
};

/** Says which epochs are marked, and by what they were chosen where that is the same for all. */
function keptEntry(all: readonly KeptEpoch[]): LegendEntry {
  const best = all.flatMap(({ chosenBy }) => (chosenBy === "newest" ? [] : [chosenBy]));
  const monitors = [...new Set(best)];
  return {
    text:
      best.length === 0
        ? "kept epoch (the newest)"
        : best.length < all.length
          ? "kept epoch (the best or the newest)"
          : monitors.length === 1
            ? `best epoch (${bestOf[monitors[0]!]})`
            : "best epoch",
    symbolWidth: 10,
    symbol: (left: number, middle: number) => ({
      mark: { type: "point", shape: "circle", size: 60, ...keptMark },
      encoding: { x: { value: left + 5 }, y: { value: middle } },
    }),
  };
}

function withLegend(entries: readonly LegendEntry[], charts: object): TopLevelSpec {
  return { spacing: 20, vconcat: [legendStrip(entries), charts] } as TopLevelSpec;
}

function shareOf({ domain: [low, high] }: Axis, value: number): number {
  return (value - low) / (high - low);
}

/** A text mark: Vega's own titles move up where a mark reaches over the panel's edge, and stand at different heights. */
function panelTitle(text: string, limit: number) {
  return {
    data: { values: [{}] },
    mark: {
      type: "text",
      text: anyText(text),
      limit,
      align: "left",
      fontSize: fontSizes.heading,
      fontWeight: 600,
    },
    encoding: { x: { value: 0 }, y: { value: -20 } },
  };
}

function axisOfEpochs(histories: readonly History[], count: number): Axis {
  const epochs = histories.flat().map((epoch) => epoch.epoch);
  return epochs.length === 0
    ? epochAxis(1, 1, count)
    : epochAxis(Math.min(...epochs), Math.max(...epochs), count);
}
