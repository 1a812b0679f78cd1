import { terminalTable } from "./table.js";
import {
  columnsOf,
  graphemesOf,
  padLeft,
  padRight,
  paint,
  printable,
  type Style,
  shorten,
  type TerminalOptions,
} from "./text.js";

const longestLabel = 14;
const listed = 10;
/** Confusions of at least this share of a true label's clips are coloured. */
const notable = 0.1;

/**
 * Renders a confusion matrix; `confusion[i][j]` is the number of clips of label i predicted as j. On a screen that is too
 * narrow, lists the most frequent confusions instead.
 */
export function terminalConfusion(
  labels: readonly string[],
  confusion: readonly (readonly number[])[],
  { width, color }: TerminalOptions,
): string {
  const names = labels.map((label) => shorten(printable(label), longestLabel));
  const rowNameColumns = Math.max(...names.map(columnsOf));
  const most = confusion.flat().reduce((a, b) => Math.max(a, b), 0); // too many for the arguments of Math.max
  const countColumns = String(most).length + 1;
  const room = Math.floor((width - rowNameColumns) / names.length);
  if (room < countColumns) {
    return confusionList(labels, confusion, rowNameColumns + countColumns * names.length, { width, color });
  }

  // Columns have equal widths if every name fits, else individual ones; else the names are written downwards.
  const widths = names.map((name) => Math.max(countColumns, columnsOf(name) + 1));
  const even = Math.max(...widths);
  const needed = widths.reduce((sum, columns) => sum + columns, 0);
  const isEven = even <= room;
  const upright = !isEven && rowNameColumns + needed > width;
  const columnsAt = (i: number) => (upright ? countColumns : isEven ? even : widths[i]!);
  const header = upright ? uprightNames(names) : [names];
  const line = (name: string, cells: readonly string[]) => padRight(name, rowNameColumns) + cells.join("");
  return [
    paint("dim", shorten("true label a row, predicted a column", width), color),
    ...header.map((cells) =>
      paint(
        "bold",
        line(
          "",
          cells.map((cell, i) => padLeft(shorten(cell, columnsAt(i)), columnsAt(i))),
        ),
        color,
      ),
    ),
    ...confusion.map((row, i) => {
      const total = row.reduce((sum, count) => sum + count, 0);
      return line(
        names[i]!,
        row.map((count, j) => {
          const cell = padLeft(count === 0 ? "·" : String(count), columnsAt(j));
          const style = styleOf(count, i === j, total);
          return style === undefined ? cell : paint(style, cell, color);
        }),
      );
    }),
  ].join("\n");
}

function styleOf(count: number, right: boolean, total: number): Style | undefined {
  if (count === 0) return "dim";
  if (right) return ["bold", "cyan"];
  return count >= notable * total ? "magenta" : undefined;
}

/** Writes names downwards, aligned at the bottom. */
function uprightNames(names: readonly string[]): string[][] {
  const letters = names.map(graphemesOf);
  const height = Math.max(...letters.map((name) => name.length));
  return Array.from({ length: height }, (_, row) =>
    letters.map((name) => name[row - height + name.length] ?? ""),
  );
}

function confusionList(
  labels: readonly string[],
  confusion: readonly (readonly number[])[],
  neededColumns: number,
  options: TerminalOptions,
): string {
  const mistakes = confusion.flatMap((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.flatMap((count, j) => (i === j || count === 0 ? [] : [{ i, j, count, share: count / total }]));
  });
  if (mistakes.length === 0) return shorten("no confusions", options.width);
  mistakes.sort((a, b) => b.count - a.count);
  const rows = mistakes
    .slice(0, listed)
    .map(({ i, j, count, share }) => [labels[i]!, labels[j]!, String(count), `${(100 * share).toFixed(1)}%`]);
  const hint = ` (the matrix needs ${neededColumns} columns)`;
  const title = "most frequent confusions";
  return [
    paint(
      "dim",
      shorten(columnsOf(title + hint) <= options.width ? title + hint : title, options.width),
      options.color,
    ),
    terminalTable(["true", "predicted", "clips", "share"], rows, options),
  ].join("\n");
}
