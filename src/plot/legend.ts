import { textWidth } from "./text-width.js";

export interface LegendEntry {
  text: string;
  /** Room of the symbol, px; 0 where there is none. */
  symbolWidth: number;
  /** The symbol's mark, for a place from `left` to `left + symbolWidth` around the height `middle`. */
  symbol?: (left: number, middle: number) => object;
}

/** A line drawn as the curve is that the text is about. */
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
 * A line of symbols and words, as a chart to put above or below others. Vega's own legends stand inside the first of
 * several charts and push it out of line, and show neither dashes beside points nor opacity.
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
