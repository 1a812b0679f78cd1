import { styleText } from "node:util";
import stringWidth from "string-width";

export type Style = Parameters<typeof styleText>[0];

/** Styles a text if `color` is set. */
export function paint(style: Style, text: string, color: boolean): string {
  return color ? styleText(style, text, { validateStream: false }) : text;
}

/** Replaces control characters, so that a name from a file cannot move the cursor or colour the screen. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Surrogate}]/gu, "\ufffd");
}

/** Shortens a text to at most `columns` columns by cutting its middle: names often differ only at their ends. */
export function shorten(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  if (columns < 1) return "";
  const graphemes = graphemesOf(text);
  const room = columns - 1;
  const head = take(graphemes, Math.ceil(room / 2));
  const tail = take(graphemes.reverse(), room - stringWidth(head.join("")));
  return `${head.join("")}…${tail.reverse().join("")}`;
}

export function padRight(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - stringWidth(text)));
}

export function padLeft(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - stringWidth(text))) + text;
}

/** Number of columns that a text takes on the screen. */
export function columnsOf(text: string): number {
  return stringWidth(text);
}

export interface TerminalOptions {
  /** Columns of the screen; no line is longer. */
  width: number;
  color: boolean;
}

export function graphemesOf(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

const segmenter = new Intl.Segmenter();

function take(graphemes: readonly string[], columns: number): string[] {
  let left = columns;
  const count = graphemes.findIndex((grapheme) => {
    left -= stringWidth(grapheme);
    return left < 0;
  });
  return graphemes.slice(0, count === -1 ? graphemes.length : count);
}
