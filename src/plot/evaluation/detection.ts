import { legendStrip, lineEntry } from "../legend.js";
import { renderSvg, type TopLevelSpec } from "../svg.js";
import { colors } from "../theme.js";

/** A point of a detector's curve, both being shares from 0 to 1. */
export interface RatePoint {
  falseAlarmRate: number;
  falseRejectRate: number;
}

export interface DetectionCurves {
  /** By keyword, from no false alarms to all; one at least. */
  keywords: readonly { label: string; curve: readonly RatePoint[]; equalErrorRate: number }[];
  mean: readonly RatePoint[];
}

const side = 360;
const strokes = {
  mean: { color: colors.validation, strokeWidth: 2.4 },
  worst: { color: colors.training, strokeWidth: 1.6, strokeDash: [5, 3] },
  others: { color: colors.context, strokeWidth: 1 },
  diagonal: { color: colors.axis, strokeWidth: 1, strokeDash: [2, 3] },
};

/** Receiver operating characteristic: of how many false alarms the keyword is heard how often. */
export function rocSpec(curves: DetectionCurves): TopLevelSpec {
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const axis = { scale: { domain: [0, 1] }, axis: { values: ticks, format: ".0%", labelFlush: false } };
  const place = ({ falseAlarmRate, falseRejectRate }: RatePoint) => ({
    x: falseAlarmRate,
    y: 1 - falseRejectRate,
  });
  return detectionSpec(curves, place, {
    x: axis,
    y: axis,
    titles: ["false alarm rate", "keywords heard"],
    title: "ROC",
    diagonal: [
      { x: 0, y: 0 },
      { x: 1, y: 1 },
    ],
    note: "guessing",
  });
}

/**
 * Detection error tradeoff (A. Martin and others, "The DET curve in assessment of detection task performance", 1997):
 * both error rates on normal deviate scales, on which few errors are told apart as well as many.
 */
export async function detSpec(curves: DetectionCurves): Promise<TopLevelSpec> {
  // vega's types leave it out.
  const { quantileNormal } = (await import("vega")) as unknown as { quantileNormal(share: number): number };
  const rates = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6];
  const [low, high] = [rates[0]!, rates.at(-1)!];
  const deviate = (rate: number) => quantileNormal(Math.min(Math.max(rate, low), 0.9999));
  const axis = {
    scale: { domain: [deviate(low), deviate(high)], nice: false, zero: false },
    axis: {
      values: rates.map(deviate),
      labelExpr: `${JSON.stringify(rates.map((rate) => `${100 * rate}%`))}[indexof(${JSON.stringify(rates.map(deviate))}, datum.value)]`,
      labelFlush: false,
      labelOverlap: false,
    },
  };
  const place = ({ falseAlarmRate, falseRejectRate }: RatePoint) => ({
    x: deviate(falseAlarmRate),
    y: deviate(falseRejectRate),
  });
  return detectionSpec(curves, place, {
    x: axis,
    y: axis,
    titles: ["false alarm rate", "false reject rate"],
    title: "DET",
    diagonal: [
      { x: deviate(low), y: deviate(low) },
      { x: deviate(high), y: deviate(high) },
    ],
    note: "equal errors",
  });
}

export function rocSvg(curves: DetectionCurves): Promise<string> {
  return renderSvg(rocSpec(curves));
}

export async function detSvg(curves: DetectionCurves): Promise<string> {
  return renderSvg(await detSpec(curves));
}

interface Place {
  x: number;
  y: number;
}

interface Look {
  x: object;
  y: object;
  titles: readonly [x: string, y: string];
  title: string;
  diagonal: readonly Place[];
  note: string;
}

function detectionSpec(
  { keywords, mean }: DetectionCurves,
  place: (point: RatePoint) => Place,
  look: Look,
): TopLevelSpec {
  const line = (points: readonly Place[], stroke: object) => ({
    data: { values: points.map((point, order) => ({ ...point, order })) },
    mark: { type: "line", clip: true, ...stroke },
    encoding: { order: { field: "order", type: "quantitative" } },
  });
  const worst = keywords.reduce((a, b) => (b.equalErrorRate > a.equalErrorRate ? b : a));
  const several = keywords.length > 1;
  const axisOf = (axis: "x" | "y", title: string) => ({
    field: axis,
    type: "quantitative",
    title,
    ...look[axis],
  });
  const chart = {
    width: side,
    height: side,
    title: { text: look.title, frame: "group" },
    encoding: { x: axisOf("x", look.titles[0]), y: axisOf("y", look.titles[1]) },
    layer: [
      line(look.diagonal, strokes.diagonal),
      ...(several
        ? keywords
            .filter((keyword) => keyword !== worst)
            .map(({ curve }) => line(curve.map(place), strokes.others))
        : []),
      line(mean.map(place), strokes.mean),
      ...(several ? [line(worst.curve.map(place), strokes.worst)] : []),
    ],
  };
  const legend = legendStrip([
    lineEntry(several ? `mean of ${keywords.length} keywords` : `keyword: ${worst.label}`, strokes.mean),
    ...(several
      ? [lineEntry(`worst: ${shortened(worst.label)}`, strokes.worst), lineEntry("each", strokes.others)]
      : []),
    lineEntry(look.note, strokes.diagonal),
  ]);
  return { spacing: 14, vconcat: [chart, legend] } as unknown as TopLevelSpec;
}

function shortened(label: string): string {
  return label.length > 14 ? `${label.slice(0, 13)}…` : label;
}
