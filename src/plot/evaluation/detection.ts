import { legendStrip, lineEntry } from "../legend.js";
import { renderSvg, type TopLevelSpec } from "../svg.js";
import { colors } from "../theme.js";
import { type Axis, niceAxis } from "../ticks.js";

/** A point of a detector's curve; both rates are shares from 0 to 1. */
export interface RatePoint {
  falseAlarmRate: number;
  falseRejectRate: number;
}

export interface DetectionCurves {
  /** At least one curve, each from no false alarms to all. */
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

/**
 * ROC: detection rate against false-alarm rate. For a good model, only the corner with its curves is shown.
 */
export function rocSpec(curves: DetectionCurves): TopLevelSpec {
  const [alarms, heard] = rocAxes(curves);
  const [most, least] = [alarms.domain[1], heard.domain[0]];
  const axisOf = ({ domain, ticks }: Axis) => ({
    scale: { domain, nice: false, zero: false },
    axis: { values: ticks, format: ".0%", labelFlush: false },
  });
  const place = ({ falseAlarmRate, falseRejectRate }: RatePoint) => ({
    x: falseAlarmRate,
    y: 1 - falseRejectRate,
  });
  const zoomed = most < 1;
  return detectionSpec(curves, place, {
    range: { falseAlarmRate: [0, most], falseRejectRate: [0, 1 - least] },
    x: axisOf(alarms),
    y: axisOf(heard),
    titles: zoomed
      ? [`false alarm rate (up to ${inPercent(most)})`, `keywords heard (from ${inPercent(least)})`]
      : ["false alarm rate", "keywords heard"],
    title: "ROC",
    diagonal: [
      { falseAlarmRate: 0, falseRejectRate: 1 },
      { falseAlarmRate: 1, falseRejectRate: 0 },
    ],
    note: "guessing",
  });
}

/** Where the mean of the keywords misses less than a tenth, false alarms of up to a tenth are all that there is to see. */
const zoomedAlarms = 0.1;
/** False alarms from which on every keyword's curve is within the picture. */
const shownFrom = 0.01;

function rocAxes({ keywords, mean }: DetectionCurves): [alarms: Axis, heard: Axis] {
  if (rejectsAt(mean, zoomedAlarms) >= zoomedAlarms) return [niceAxis(0, 1, 5), niceAxis(0, 1, 5)];
  const least = Math.min(...keywords.map(({ curve }) => 1 - rejectsAt(curve, shownFrom)));
  return [niceAxis(0, zoomedAlarms, 5), niceAxis(Math.min(least, 1 - zoomedAlarms), 1, 5)];
}

/** The lowest false-reject rate at a false-alarm rate of at most this. */
function rejectsAt(curve: readonly RatePoint[], falseAlarmRate: number): number {
  return curve.findLast((point) => point.falseAlarmRate <= falseAlarmRate)!.falseRejectRate;
}

/**
 * Detection error tradeoff (A. Martin and others, "The DET curve in assessment of detection task performance", 1997):
 * both error rates on normal deviate scales, which spread small rates out.
 */
export async function detSpec(curves: DetectionCurves): Promise<TopLevelSpec> {
  // Missing from vega's types.
  const { quantileNormal } = (await import("vega")) as unknown as { quantileNormal(share: number): number };
  const deviate = (rate: number) => quantileNormal(rate);
  const rates = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6];
  const [low, high] = [rates[0]!, rates.at(-1)!];
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
    range: { falseAlarmRate: [low, high], falseRejectRate: [low, high] },
    x: axis,
    y: axis,
    titles: ["false alarm rate", "false reject rate"],
    title: "DET",
    diagonal: [
      { falseAlarmRate: 0, falseRejectRate: 0 },
      { falseAlarmRate: 1, falseRejectRate: 1 },
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

type Range = readonly [low: number, high: number];

interface RateRange {
  falseAlarmRate: Range;
  falseRejectRate: Range;
}

interface Look {
  /** The range of the axes. */
  range: RateRange;
  x: object;
  y: object;
  titles: readonly [x: string, y: string];
  title: string;
  diagonal: readonly RatePoint[];
  note: string;
}

function detectionSpec(
  { keywords, mean }: DetectionCurves,
  place: (point: RatePoint) => Place,
  look: Look,
): TopLevelSpec {
  const worst = keywords.reduce((a, b) => (b.equalErrorRate > a.equalErrorRate ? b : a));
  const several = keywords.length > 1;
  const others = several ? keywords.filter((keyword) => keyword !== worst) : [];
  const drawn = (curve: readonly RatePoint[]) => partWithin(curve, look.range);
  const line = (points: readonly RatePoint[], stroke: object) => ({
    data: { values: points.map((point, order) => ({ ...place(point), order })) },
    mark: { type: "line", clip: true, ...stroke },
    encoding: { order: { field: "order", type: "quantitative" } },
  });
  const axisOf = (axis: "x" | "y", title: string) => ({
    field: axis,
    type: "quantitative",
    title,
    ...look[axis],
  });
  const diagonal = drawn(look.diagonal);
  const chart = {
    width: side,
    height: side,
    title: { text: look.title, frame: "group" },
    encoding: { x: axisOf("x", look.titles[0]), y: axisOf("y", look.titles[1]) },
    layer: [
      line(diagonal, strokes.diagonal),
      ...others.map(({ curve }) => line(drawn(curve), strokes.others)),
      line(drawn(mean), strokes.mean),
      ...(several ? [line(drawn(worst.curve), strokes.worst)] : []),
    ],
  };
  const entry = (text: string, curve: readonly RatePoint[], stroke: object) =>
    lineEntry(drawn(curve).length > 0 ? text : `${text} (${whereInstead(curve, look.range)})`, stroke);
  const legend = legendStrip([
    entry(
      several ? `mean of ${keywords.length} keywords` : `keyword: ${shortened(worst.label)}`,
      mean,
      strokes.mean,
    ),
    ...(several ? [entry(`worst: ${shortened(worst.label)}`, worst.curve, strokes.worst)] : []),
    ...(others.some(({ curve }) => drawn(curve).length > 0) ? [lineEntry("each", strokes.others)] : []),
    ...(diagonal.length > 0 ? [lineEntry(look.note, strokes.diagonal)] : []),
  ]);
  return { spacing: 14, vconcat: [chart, legend] } as unknown as TopLevelSpec;
}

/**
 * Clips a curve to a range, with linear interpolation between points. Both rates are monotonic, so that at most one part
 * is within the range.
 */
function partWithin(curve: readonly RatePoint[], range: RateRange): RatePoint[] {
  const part: RatePoint[] = [];
  curve.slice(1).forEach((to, i) => {
    const from = curve[i]!;
    // Liang and Barsky (1984): the shares of the way from one point to the other between which it is within.
    let [enters, leaves] = [0, 1];
    for (const rate of ["falseAlarmRate", "falseRejectRate"] as const) {
      const way = to[rate] - from[rate];
      const [low, high] = range[rate];
      if (way === 0 && (from[rate] < low || from[rate] > high)) return;
      if (way === 0) continue;
      const [a, b] = [(low - from[rate]) / way, (high - from[rate]) / way];
      enters = Math.max(enters, Math.min(a, b));
      leaves = Math.min(leaves, Math.max(a, b));
    }
    if (enters >= leaves) return;
    const at = (share: number): RatePoint => ({
      falseAlarmRate: from.falseAlarmRate + share * (to.falseAlarmRate - from.falseAlarmRate),
      falseRejectRate: from.falseRejectRate + share * (to.falseRejectRate - from.falseRejectRate),
    });
    if (part.length === 0) part.push(at(enters));
    part.push(at(leaves));
  });
  return part;
}

/** The side of the range on which a curve passes that has no part within it. */
function whereInstead(curve: readonly RatePoint[], { falseAlarmRate, falseRejectRate }: RateRange): string {
  const better: RateRange = {
    falseAlarmRate: [0, falseAlarmRate[0]],
    falseRejectRate: [0, falseRejectRate[0]],
  };
  return partWithin(curve, better).length > 0
    ? `below ${inPercent(falseAlarmRate[0])}`
    : `beyond ${inPercent(falseAlarmRate[1])}`;
}

function inPercent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

function shortened(label: string): string {
  return label.length > 14 ? `${label.slice(0, 13)}…` : label;
}
