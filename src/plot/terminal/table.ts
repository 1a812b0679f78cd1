import { numericColumns } from "../table.js";
import { columnsOf, padLeft, padRight, paint, printable, shorten, type TerminalOptions } from "./text.js";

const gap = "  ";
/** Words are shortened to at least this many columns; figures are never shortened. */
const narrowest = 10;

/**
 * Renders a table in lines of at most `width` columns, with figures aligned right. If it is too wide, the middles of words
 * are cut, as long as different words stay different. If that is not enough, the table is transposed; if even that does
 * not fit, each row becomes a list.
 */
export function terminalTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  options: TerminalOptions,
): string {
  const lines = [headers, ...rows].map((cells) => cells.map(printable));
  return (
    asTable(upright(lines), options) ??
    asTable(turned(lines), options) ??
    asLists(lines, options)
  ).join("\n");
}

interface Column {
  /** The header comes first. */
  cells: string[];
  toTheRight: boolean;
  /** Least width; longer cells are then shortened. */
  least: number;
}

function upright(lines: readonly string[][]): Column[] {
  const [headers = [], ...rows] = lines;
  const figures = numericColumns({ headers, rows });
  return headers.map((_, column) => {
    const cells = lines.map((line) => line[column]!);
    const width = widest(cells);
    return {
      cells,
      toTheRight: figures[column]!,
      least: figures[column] ? width : Math.min(width, narrowest),
    };
  });
}

/** The transposed table: a column for each row, headed by the row's first cell. */
function turned(lines: readonly string[][]): Column[] {
  return lines.map((cells, row) => {
    const [header = "", ...figures] = cells;
    const least = Math.max(widest(figures), Math.min(columnsOf(header), narrowest));
    return { cells, toTheRight: row > 0, least };
  });
}

function asTable(columns: readonly Column[], { width, color }: TerminalOptions): string[] | undefined {
  const widths = columns.map(({ cells }) => widest(cells));
  let excess = widths.reduce((sum, columns) => sum + columns, gap.length * (widths.length - 1)) - width;
  for (; excess > 0; excess--) {
    const slack = columns.map(({ least }, index) => (widths[index]! > least ? widths[index]! : 0));
    const column = slack.indexOf(Math.max(...slack));
    if (!slack[column]) return undefined;
    widths[column]!--;
  }
  const shortened = columns.map(({ cells }, index) => cells.map((cell) => shorten(cell, widths[index]!)));
  if (columns.some(({ cells }, index) => !stayApart(cells, shortened[index]!))) return undefined;
  if (
    !stayApart(
      columns.map(({ cells }) => cells[0]!),
      shortened.map((cells) => cells[0]!),
    )
  )
    return undefined;
  const lineCount = columns[0]?.cells.length ?? 0;
  const [header = "", ...body] = Array.from({ length: lineCount }, (_, line) =>
    columns
      .map(({ toTheRight }, index) =>
        (toTheRight ? padLeft : padRight)(shortened[index]![line]!, widths[index]!),
      )
      .join(gap)
      .trimEnd(),
  );
  const rule = widths.map((columns) => "─".repeat(columns)).join(gap);
  return [paint("bold", header, color), paint("dim", rule, color), ...body];
}

function stayApart(texts: readonly string[], shortened: readonly string[]): boolean {
  return new Set(shortened).size === new Set(texts).size;
}

function asLists(lines: readonly string[][], { width, color }: TerminalOptions): string[] {
  const [[, ...names] = [], ...rows] = lines;
  const nameColumns = widest(names);
  return rows.flatMap(([title = "", ...cells]) => [
    paint("bold", shorten(title, width), color),
    ...cells.flatMap((cell, index) => {
      const line = `  ${padRight(names[index]!, nameColumns)}  ${cell}`;
      return columnsOf(line) <= width
        ? [line]
        : [shorten(`  ${names[index]}`, width), shorten(`    ${cell}`, width)];
    }),
  ]);
}

function widest(cells: readonly string[]): number {
  return Math.max(0, ...cells.map(columnsOf));
}
