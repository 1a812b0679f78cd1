import { legendStrip, lineEntry } from "../legend.js";
import { renderSvg, type TopLevelSpec } from "../svg.js";
import { colors } from "../theme.js";

/** Clips whose predicted label has a probability in (from, to]: the mean of these, and the share of right ones. */
export interface ReliabilityBin {
  from: number;
  to: number;
  clips: number;
  confidence: number;
  accuracy: number;
}

const width = 330;
const gap = 1;
const claim = { color: colors.training, strokeWidth: 2.4 };
const diagonal = { color: colors.axis, strokeWidth: 1, strokeDash: [2, 3] };

/** Reliability diagram: accuracy by predicted probability, above a histogram of the probabilities. */
export function reliabilitySpec(bins: readonly ReliabilityBin[]): TopLevelSpec {
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const share = { domain: [0, 1] };
  const probability = (title: string | null, labels: boolean) => ({
    type: "quantitative",
    title,
    scale: share,
    axis: { values: ticks, format: ".0%", grid: false, labelFlush: false, labels },
  });
  const bar = (color: string) => ({ type: "rect", color, opacity: 1 });
  const total = bins.reduce((sum, { clips }) => sum + clips, 0);
  // One pixel between neighbours.
  const rows = bins.map((bin) => ({
    ...bin,
    left: bin.from + gap / width,
    right: bin.to,
    share: bin.clips / total,
  }));
  const across = { x: { field: "left", ...probability(null, false) }, x2: { field: "right" } };
  const chart = {
    width,
    height: 260,
    title: { text: "Reliability", frame: "group" },
    data: { values: rows },
    encoding: {
      y: {
        type: "quantitative",
        scale: share,
        title: "answers that are right",
        axis: { values: ticks, format: ".0%" },
      },
    },
    layer: [
      {
        mark: bar(colors.validation),
        encoding: { ...across, y: { field: "accuracy", type: "quantitative" }, y2: { datum: 0 } },
      },
      {
        data: {
          values: [
            { at: 0, to: 0 },
            { at: 1, to: 1 },
          ],
        },
        mark: { type: "line", ...diagonal },
        encoding: { x: { field: "at", type: "quantitative" }, y: { field: "to", type: "quantitative" } },
      },
      // Light around dark: visible on the bar and beside it.
      ...[{ color: colors.background, strokeWidth: 5 }, claim].map((stroke) => ({
        mark: { type: "rule", ...stroke },
        encoding: { ...across, y: { field: "confidence", type: "quantitative" } },
      })),
    ],
  };
  const histogram = {
    width,
    height: 70,
    data: { values: rows },
    mark: bar(colors.axis),
    encoding: {
      x: { field: "left", ...probability("probability of the answer", true) },
      x2: { field: "right" },
      y: {
        field: "share",
        type: "quantitative",
        scale: share,
        title: "clips",
        axis: { values: [0, 0.5, 1], format: ".0%" },
      },
      y2: { datum: 0 },
    },
  };
  const legend = legendStrip([
    { ...square, text: "right" },
    lineEntry("as their probabilities say", claim),
    lineEntry("calibrated", diagonal),
  ]);
  return {
    spacing: 14,
    vconcat: [{ spacing: 8, vconcat: [chart, histogram] }, legend],
  } as unknown as TopLevelSpec;
}

export function reliabilitySvg(bins: readonly ReliabilityBin[]): Promise<string> {
  return renderSvg(reliabilitySpec(bins));
}

const square = {
  symbolWidth: 12,
  symbol: (left: number, middle: number) => ({
    mark: { type: "rect", color: colors.validation, opacity: 1 },
    encoding: {
      x: { value: left },
      x2: { value: left + 12 },
      y: { value: middle - 6 },
      y2: { value: middle + 6 },
    },
  }),
};
