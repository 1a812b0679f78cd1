import { anyText, renderSvg, type TopLevelSpec } from "../../plot/svg.js";
import { colors } from "../../plot/theme.js";

export interface LevelCurvePoint {
  /** Milliseconds since 1970. */
  milliseconds: number;
  /** dB; NaN if missing. */
  decibels: number;
}

/** Draws a level over UTC as a line, interrupted where values are missing. */
export function levelCurveSvg(
  points: readonly LevelCurvePoint[],
  { size: [width, height], title }: { size: readonly [number, number]; title?: string },
): Promise<string> {
  const days = [points[0]!, points.at(-1)!].map(({ milliseconds }) =>
    new Date(milliseconds).toISOString().slice(0, 10),
  );
  const span = points.at(-1)!.milliseconds - points[0]!.milliseconds;
  const format = span < 3_600_000 ? "%H:%M:%S" : span < 2 * 86_400_000 ? "%H:%M" : "%Y-%m-%d";
  return renderSvg({
    ...{ width, height, autosize: { type: "fit", contains: "padding" } },
    ...(title !== undefined && { title: { text: anyText(title) } }),
    data: { values: points.map((point) => ({ ...point })) },
    mark: { type: "line", color: colors.validation, strokeWidth: 1.5, invalid: "break-paths-filter-domains" },
    encoding: {
      x: {
        ...{ field: "milliseconds", type: "temporal", scale: { type: "utc" } },
        title: days[0] === days[1] ? `${days[0]} (UTC)` : `${days[0]} to ${days[1]} (UTC)`,
        axis: { grid: false, labelOverlap: true, format, tickCount: Math.floor(width / 100) },
      },
      y: {
        ...{ field: "decibels", type: "quantitative", title: "dB of full scale" },
        scale: { zero: false, nice: true },
      },
    },
  } as TopLevelSpec);
}
