import { namesAt, renderSvg, type TopLevelSpec } from "../svg.js";
import { colors } from "../theme.js";
import { shareAxis } from "./share-axis.js";

/** Accuracies of runs that differ only in their seed; shares from 0 to 1. */
export interface SeedAccuracies {
  name: string;
  accuracies: readonly number[];
  mean: number;
  /** Sample standard deviation; null for a single run. */
  sd: number | null;
}

const width = 480;

/** The accuracy of each seed's run, and mean ± standard deviation of each group. */
export function seedsSpec(groups: readonly SeedAccuracies[]): TopLevelSpec {
  const rows = groups.map(({ mean, sd, accuracies }, at) => ({
    at,
    mean,
    low: Math.max(0, mean - (sd ?? 0)),
    high: Math.min(1, mean + (sd ?? 0)),
    text: `${(100 * mean).toFixed(1)}${sd === null ? "" : ` ± ${(100 * sd).toFixed(1)}`}%`,
    count: `n = ${accuracies.length}`,
  }));
  const points = groups.flatMap(({ accuracies }, at) => accuracies.map((accuracy) => ({ at, accuracy })));
  const words = (field: string, left: number, fontWeight: number, color: string) => ({
    mark: { type: "text", align: "left", fontWeight, color },
    encoding: { x: { value: width + left }, text: { field } },
  });
  return {
    width,
    height: { step: 38 },
    title: {
      text: "Accuracy over seeds",
      subtitle: "each run, and mean ± standard deviation",
      frame: "group",
    },
    data: { values: rows },
    encoding: {
      y: {
        field: "at",
        type: "ordinal",
        title: null,
        axis: {
          ...namesAt(groups.map(({ name }) => name)),
          labelLimit: 240,
          labelColor: colors.ink,
          grid: false,
          domain: true,
        },
      },
    },
    layer: [
      {
        mark: { type: "rule", color: colors.context, strokeWidth: 12 },
        encoding: {
          x: {
            field: "low",
            ...shareAxis,
          },
          x2: { field: "high" },
        },
      },
      {
        mark: { type: "tick", size: 20, thickness: 2.4, color: colors.ink, opacity: 1 },
        encoding: { x: { field: "mean", type: "quantitative" } },
      },
      {
        data: { values: points },
        mark: {
          type: "point",
          shape: "circle",
          filled: true,
          size: 60,
          opacity: 1,
          color: colors.validation,
          stroke: colors.background,
          strokeWidth: 1,
        },
        encoding: { x: { field: "accuracy", type: "quantitative" } },
      },
      words("text", 14, 600, colors.ink),
      words("count", 118, 400, colors.muted),
    ],
  } as TopLevelSpec;
}

export function seedsSvg(groups: readonly SeedAccuracies[]): Promise<string> {
  return renderSvg(seedsSpec(groups));
}
