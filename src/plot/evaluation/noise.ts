import { legendStrip, lineEntry } from "../legend.js";
import { renderSvg, type TopLevelSpec } from "../svg.js";
import { colors } from "../theme.js";

export interface NoiseLevel {
  snrDb: number;
  /** Shares from 0 to 1. */
  accuracy: number;
  /** By label; null if there are no clips with it. */
  recall: readonly (number | null)[];
}

const strokes = {
  all: { color: colors.validation, strokeWidth: 2.4 },
  label: { color: colors.context, strokeWidth: 1 },
  clean: { color: colors.training, strokeWidth: 1.6, strokeDash: [5, 3] },
};

/** Accuracy and, in grey, each label's recall against signal-to-noise ratio, beside the accuracy without added noise. */
export function noiseSpec(levels: readonly NoiseLevel[], cleanAccuracy: number): TopLevelSpec {
  const points = levels.map(({ snrDb, accuracy }) => ({ snrDb, share: accuracy, label: -1 }));
  const byLabel = levels.flatMap(({ snrDb, recall }) =>
    recall.flatMap((share, label) => (share === null ? [] : [{ snrDb, share, label }])),
  );
  const ratios = levels.map(({ snrDb }) => snrDb).sort((a, b) => a - b);
  const figure = {
    transform: [{ calculate: "format(100 * datum.share, '.1f')", as: "text" }],
    encoding: { text: { field: "text" } },
  };
  const text = { type: "text", baseline: "top", dy: 9, fontWeight: 600 };
  const chart = {
    width: 480,
    height: 260,
    title: { text: "Accuracy in noise", frame: "group" },
    data: { values: points },
    encoding: {
      x: {
        field: "snrDb",
        type: "quantitative",
        title: "signal-to-noise ratio, dB",
        scale: { domain: [ratios[0]! - 1.5, ratios.at(-1)! + 1.5], nice: false, zero: false },
        axis: { values: ratios, format: "d", grid: false },
      },
      y: {
        field: "share",
        type: "quantitative",
        title: "accuracy",
        scale: { domain: [0, 1] },
        axis: { values: [0, 0.2, 0.4, 0.6, 0.8, 1], format: ".0%" },
      },
    },
    layer: [
      {
        data: { values: byLabel },
        mark: { type: "line", ...strokes.label },
        encoding: { detail: { field: "label" } },
      },
      {
        data: { values: [{ share: cleanAccuracy }] },
        mark: { type: "rule", ...strokes.clean },
        encoding: { x: { value: 0 }, x2: { value: "width" } },
      },
      { mark: { type: "line", ...strokes.all } },
      {
        mark: {
          type: "point",
          shape: "circle",
          filled: true,
          size: 45,
          opacity: 1,
          color: colors.validation,
        },
      },
      // A halo keeps the figures readable where they stand on a line.
      { ...figure, mark: { ...text, stroke: colors.background, strokeWidth: 4, strokeJoin: "round" } },
      { ...figure, mark: text },
    ],
  };
  const legend = legendStrip([
    lineEntry("all clips", strokes.all),
    lineEntry("each label", strokes.label),
    lineEntry(`without noise, ${(100 * cleanAccuracy).toFixed(1)}%`, strokes.clean),
  ]);
  return { spacing: 14, vconcat: [chart, legend] } as unknown as TopLevelSpec;
}

export function noiseSvg(levels: readonly NoiseLevel[], cleanAccuracy: number): Promise<string> {
  return renderSvg(noiseSpec(levels, cleanAccuracy));
}
