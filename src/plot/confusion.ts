import { legendStrip } from "./legend.js";
import { anyText, namesAt, renderSvg, type TopLevelSpec } from "./svg.js";
import { textWidth } from "./text-width.js";
import { colors, fontSizes } from "./theme.js";

/**
 * Confusion matrix as a heat map: counts as numbers, the share of the true label's clips as colour.
 * `confusion[i][j]` is the number of clips of true label i predicted as label j.
 */
export function confusionSpec(
  labels: readonly string[],
  confusion: readonly (readonly number[])[],
  title: string,
): TopLevelSpec {
  const rowTotals = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const total = rowTotals.reduce((sum, count) => sum + count, 0);
  const right = confusion.reduce((sum, row, index) => sum + row[index]!, 0);
  const cells = confusion.flatMap((row, i) =>
    row.map((count, j) => ({ i, j, count, opacity: count === 0 ? 0 : opacity(count / rowTotals[i]!) })),
  );

  const fontSize = labels.length > 16 ? fontSizes.small : fontSizes.normal;
  const most = cells.reduce((most, { count }) => Math.max(most, count), 0); // too many for the arguments of Math.max
  const widestCount = textWidth(most.toLocaleString("en"), fontSize);
  const cell = Math.ceil(Math.max(widestCount + 8, labels.length > 16 ? 24 : labels.length > 8 ? 38 : 52));
  // Column labels are slanted if they do not fit.
  const slanted = Math.max(...labels.map((label) => textWidth(label))) > cell - 4;

  const axis = {
    ...namesAt(labels),
    labelLimit: 120,
    grid: false,
    domain: false,
    ticks: false,
    labelColor: colors.ink,
  };
  const side = labels.length * cell;
  const matrix = {
    width: side,
    height: side,
    title: {
      text: anyText(title),
      subtitle: `${percent(right, total)} of ${clips(total)} right`,
      limit: Math.max(side, 300),
      frame: "group",
    },
    data: { values: cells },
    encoding: {
      x: { field: "j", ...band, title: "predicted", axis: { ...axis, labelAngle: slanted ? -45 : 0 } },
      y: { field: "i", ...band, title: "true", axis },
    },
    layer: [
      {
        mark: { type: "rect", ...cellLook },
        encoding: { fillOpacity: { field: "opacity", type: "quantitative", scale: null } },
      },
      {
        // Most cells are empty: without their zeros the others stand out.
        transform: [{ filter: "datum.count > 0" }],
        mark: { type: "text", fontSize },
        encoding: {
          text: { field: "count", type: "quantitative", format: ",d" },
          color: {
            condition: { test: `datum.opacity > ${fullFrom}`, value: colors.onHeat },
            value: colors.onPaleHeat,
          },
        },
      },
    ],
  };
  const colorBar = legendStrip([
    { text: "share of the true label:", symbolWidth: 0 },
    ...[0.01, 0.1, 0.5, 1].map((share) => ({
      text: `${100 * share}%`,
      symbolWidth: 14,
      symbol: (left: number, middle: number) => ({
        mark: { type: "rect", ...cellLook, fillOpacity: opacity(share) },
        encoding: {
          x: { value: left },
          x2: { value: left + 14 },
          y: { value: middle - 7 },
          y2: { value: middle + 7 },
        },
      }),
    })),
  ]);
  return { spacing: 14, vconcat: [matrix, colorBar] } as TopLevelSpec;
}

/** From this opacity on, text is light; on either side the contrast is at least 4.5 to 1. */
const fullFrom = 0.768;
const cellLook = { fill: colors.heat, stroke: colors.grid, strokeWidth: 1 };
const band = { type: "ordinal", scale: { paddingInner: 0, paddingOuter: 0 } };

/** The square root makes confusions of a few percent visible. */
function opacity(share: number): number {
  return Math.sqrt(share);
}

export function confusionSvg(
  labels: readonly string[],
  confusion: readonly (readonly number[])[],
  title: string,
): Promise<string> {
  return renderSvg(confusionSpec(labels, confusion, title));
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "0%" : `${((100 * part) / whole).toFixed(1)}%`;
}

function clips(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "clip" : "clips"}`;
}
