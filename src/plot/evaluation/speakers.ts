import { namesAt, renderSvg, type TopLevelSpec } from "../svg.js";
import { colors } from "../theme.js";
import { shareAxis } from "./share-axis.js";

export interface SpeakerShare {
  speaker: string;
  clips: number;
  right: number;
  accuracy: number;
  accuracyCi95: readonly [low: number, high: number];
}

const width = 400;

/** Each speaker's accuracy with its interval, beside the accuracy of all clips; in the order given. */
export function speakersSpec(speakers: readonly SpeakerShare[], accuracy: number): TopLevelSpec {
  const rows = speakers.map(({ accuracy, accuracyCi95: [low, high], right, clips }, at) => ({
    at,
    accuracy,
    low,
    high,
    text: `${right} of ${clips}`,
  }));
  const overall = { datum: accuracy, type: "quantitative" };
  const data = { values: [{}] };
  return {
    width,
    height: { step: 20 },
    title: { text: "Accuracy by speaker", subtitle: "with its 95% interval", frame: "group", offset: 26 },
    data: { values: rows },
    encoding: {
      y: {
        field: "at",
        type: "ordinal",
        title: null,
        axis: {
          ...namesAt(speakers.map(({ speaker }) => speaker)),
          labelLimit: 200,
          labelColor: colors.ink,
          grid: true,
          domain: false,
        },
      },
    },
    layer: [
      {
        data,
        mark: { type: "rule", color: colors.ink, strokeDash: [4, 3] },
        encoding: { x: overall, y: { value: -6 }, y2: { value: "height" } },
      },
      {
        data,
        mark: {
          type: "text",
          align: accuracy < 0.6 ? "left" : "right",
          baseline: "bottom",
          text: `all clips: ${(100 * accuracy).toFixed(1)}%`,
          color: colors.muted,
        },
        encoding: { x: overall, y: { value: -8 } },
      },
      {
        mark: { type: "rule", color: colors.validation, strokeWidth: 2 },
        encoding: { x: { field: "low", type: "quantitative" }, x2: { field: "high" } },
      },
      {
        mark: {
          type: "point",
          shape: "circle",
          filled: true,
          size: 55,
          opacity: 1,
          color: colors.validation,
        },
        encoding: {
          x: {
            field: "accuracy",
            ...shareAxis,
          },
        },
      },
      {
        mark: { type: "text", align: "left", color: colors.muted },
        encoding: { x: { value: width + 14 }, text: { field: "text" } },
      },
    ],
  } as TopLevelSpec;
}

export function speakersSvg(speakers: readonly SpeakerShare[], accuracy: number): Promise<string> {
  return renderSvg(speakersSpec(speakers, accuracy));
}
