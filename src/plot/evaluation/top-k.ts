import { renderSvg, type TopLevelSpec } from "../svg.js";
import { colors } from "../theme.js";
import { shareAxis } from "./share-axis.js";

/** Top-k accuracy: the share of clips whose true label is among the k most probable ones. */
export function topKSpec(topK: readonly { k: number; accuracy: number }[]): TopLevelSpec {
  const width = 330;
  return {
    width,
    height: { step: 22 },
    title: { text: "True label among the k most probable", frame: "group" },
    data: { values: topK },
    encoding: {
      y: {
        field: "k",
        type: "ordinal",
        title: "k",
        scale: { paddingInner: 0.35, paddingOuter: 0.2 },
        axis: { grid: false, domain: true, titleAngle: 0 },
      },
    },
    layer: [
      {
        mark: { type: "bar", color: colors.validation },
        encoding: {
          x: {
            field: "accuracy",
            ...shareAxis,
          },
        },
      },
      {
        transform: [{ calculate: "format(datum.accuracy, '.1%')", as: "text" }],
        mark: { type: "text", align: "left", fontWeight: 600 },
        encoding: { x: { value: width + 12 }, text: { field: "text" } },
      },
    ],
  } as TopLevelSpec;
}

export function topKSvg(topK: readonly { k: number; accuracy: number }[]): Promise<string> {
  return renderSvg(topKSpec(topK));
}
