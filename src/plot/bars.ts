import { shareAxis } from "./evaluation/share-axis.js";
import { namesAt, renderSvg, type TopLevelSpec } from "./svg.js";
import { textWidth } from "./text-width.js";
import { colors, runColors } from "./theme.js";

const width = 560;
const labelLimit = 240;

/**
 * Bar chart of one measure (F1, recall, …; from 0 to 1) for each label, with one bar for each run. A value that is not
 * finite, such as that of a label without clips, has no bar.
 */
export function perLabelBarsSpec(
  labels: readonly string[],
  runs: readonly { name: string; values: readonly number[] }[],
  measure: string,
): TopLevelSpec {
  const rows = runs.flatMap(({ values }, run) =>
    labels.map((_, label) => ({ label, run, value: values[label] })),
  );
  return {
    width,
    height: { step: runs.length > 1 ? 10 : 14, for: "offset" },
    data: { values: rows },
    title: { text: `${measure} of each label`, frame: "group" },
    mark: "bar",
    encoding: {
      x: {
        field: "value",
        ...shareAxis,
        axis: { ...shareAxis.axis, format: ".1f" },
        stack: null,
        title: measure,
      },
      y: {
        field: "label",
        ...nameAxis(labels),
        scale: { domain: positions(labels), paddingInner: 0.3, paddingOuter: 0.15 },
      },
      yOffset: { field: "run", type: "ordinal", scale: { domain: positions(runs), paddingInner: 0.1 } },
      color: {
        ...runColor(runs),
        legend: runs.length > 1 ? nameLegend(runs.map((run) => run.name)) : null,
      },
    },
  } as unknown as TopLevelSpec;
}

export function perLabelBars(
  labels: readonly string[],
  runs: readonly { name: string; values: readonly number[] }[],
  measure = "F1",
): Promise<string> {
  return renderSvg(perLabelBarsSpec(labels, runs, measure));
}

/**
 * Bar chart of each run's accuracy with its 95 % confidence interval, beside that of always predicting the most frequent
 * label (`baseline`). All are shares from 0 to 1.
 */
export function accuracyBarsSpec(
  runs: readonly { name: string; accuracy: number; ci95: readonly [number, number] }[],
  baseline: number,
): TopLevelSpec {
  const rows = runs.map(({ accuracy, ci95: [low, high] }, run) => ({ run, accuracy, low, high }));
  const interval = { x: { field: "low", type: "quantitative" }, x2: { field: "high" } };
  const atBaseline = { datum: baseline, type: "quantitative" };
  const figures = (text: string, left: number, fontWeight: number, color: string) => ({
    transform: [{ calculate: text, as: "text" }],
    mark: { type: "text", align: "left", fontWeight, color },
    encoding: { x: { value: width + left }, text: { field: "text" } },
  });
  return {
    width,
    height: { step: 38 },
    title: { text: "Accuracy", subtitle: "with its 95% confidence interval", frame: "group", offset: 28 },
    data: { values: rows },
    encoding: {
      y: {
        field: "run",
        ...nameAxis(runs.map((run) => run.name)),
        scale: { paddingInner: 0.4, paddingOuter: 0.2 },
      },
    },
    layer: [
      {
        mark: "bar",
        encoding: {
          x: { field: "accuracy", ...shareAxis, stack: null },
          color: { ...runColor(runs), legend: null },
        },
      },
      // Light around dark: visible on the bar and beside it.
      { mark: { type: "rule", color: colors.background, strokeWidth: 3.6 }, encoding: interval },
      { mark: { type: "rule", color: colors.ink, strokeWidth: 1.6 }, encoding: interval },
      ...["low", "high"].map((end) => ({
        mark: { type: "tick", size: 9, thickness: 1.6, color: colors.ink, opacity: 1 },
        encoding: { x: { field: end, type: "quantitative" } },
      })),
      figures("format(datum.accuracy, '.1%')", 14, 600, colors.ink),
      figures(
        "format(100 * datum.low, '.1f') + ' – ' + format(100 * datum.high, '.1f')",
        62,
        400,
        colors.muted,
      ),
      {
        data: { values: [{}] },
        mark: { type: "rule", color: colors.ink, strokeDash: [4, 3] },
        encoding: { x: atBaseline, y: { value: -6 }, y2: { value: "height" } },
      },
      {
        data: { values: [{}] },
        mark: {
          type: "text",
          align: baseline < 0.7 ? "left" : "right",
          baseline: "bottom",
          text: `always the most frequent label: ${(100 * baseline).toFixed(1)}%`,
          color: colors.muted,
        },
        encoding: { x: atBaseline, y: { value: -8 } },
      },
    ],
  } as TopLevelSpec;
}

export function accuracyBars(
  runs: readonly { name: string; accuracy: number; ci95: readonly [number, number] }[],
  baseline: number,
): Promise<string> {
  return renderSvg(accuracyBarsSpec(runs, baseline));
}

function nameAxis(names: readonly string[]) {
  return {
    type: "ordinal",
    title: null,
    axis: { ...namesAt(names), labelLimit, labelColor: colors.ink, grid: false, domain: true },
  };
}

function nameLegend(names: readonly string[]) {
  const widest = Math.min(labelLimit, Math.max(...names.map((name) => textWidth(name))));
  const columns = Math.max(1, Math.floor(width / (widest + 45)));
  return { ...namesAt(names), labelLimit, symbolType: "square", columns };
}

/** Colours runs by their position. */
function runColor(runs: readonly unknown[]) {
  const range = runs.map((_, index) => runColors[index % runColors.length]);
  return { field: "run", type: "ordinal", scale: { domain: positions(runs), range } };
}

function positions(items: readonly unknown[]): number[] {
  return items.map((_, index) => index);
}
