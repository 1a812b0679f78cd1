import { textWidth } from "./text-width.js";

export interface LegendEntry {
  text: string;
  /** Width of the symbol in px; 0 for none. */
  symbolWidth: number;
  /** The symbol's mark, from `left` to `left + symbolWidth`, centred at the height `middle`. */
  symbol?: (left: number, middle: number) => object;
}

/** An entry for a curve: a line with the curve's stroke. */
export function lineEntry(text: string, stroke: object): LegendEntry {
  return {
    text,
    symbolWidth: 22,
    symbol: (left, middle) => ({
      mark: { type: "rule", ...stroke },
      encoding: { x: { value: left }, x2: { value: left + 22 }, y: { value: middle } },
    }),
  };
}

const height = 14;
const symbolGap = 7;
const entryGap = 22;

/**
 * A legend in one line, as a chart of its own above or below others. Vega's own legends are placed inside the first of
 * several charts, misalign it, and show neither dashes beside points nor opacity.
 */
export function legendStrip(entries: readonly LegendEntry[]) {
  const data = { values: [{}] };
  let left = 0;
  const layer = entries.flatMap(({ text, symbolWidth, symbol }) => {
    const marks = symbol === undefined ? [] : [{ data, ...symbol(left, height / 2) }];
    const textLeft = left + symbolWidth + (symbolWidth > 0 ? symbolGap : 0);
    left = textLeft + textWidth(text) + entryGap;
    const word = {
      data,
      mark: { type: "text", align: "left", baseline: "middle", text },
      encoding: { x: { value: textLeft }, y: { value: height / 2 } },
    };
    return [...marks, word];
  });
  return { width: Math.ceil(left - entryGap), height, layer };
}
