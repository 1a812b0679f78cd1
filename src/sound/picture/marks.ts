import { escapeHtml } from "../../plot/html.js";
import { textWidth } from "../../plot/text-width.js";
import { colors, fontSizes } from "../../plot/theme.js";

/** Returns a straight line of an axis as SVG. */
export function rule(x1: number, y1: number, x2: number, y2: number, unit: number): string {
  return `<line x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}" stroke="${colors.axis}" stroke-width="${short(unit)}"/>`;
}

interface TextLook {
  unit: number;
  anchor?: "middle" | "end";
  /** Whether y is the middle of the letters instead of their baseline. */
  middle?: boolean;
  /** Whether the text reads upwards. */
  turned?: boolean;
  size?: number;
  bold?: boolean;
  fill?: string;
}

/** Returns text as SVG. */
export function text(words: string, x: number, y: number, look: TextLook): string {
  const { unit, anchor, middle, turned, size = fontSizes.normal, bold, fill = colors.muted } = look;
  // Digits of Inter are 0.73 em high. Programs disagree about `dominant-baseline`, so it is not used.
  const down = middle ? 0.365 * size * unit : 0;
  const place = turned
    ? `transform="translate(${short(x + down)},${short(y)}) rotate(-90)"`
    : `transform="translate(${short(x)},${short(y + down)})"`;
  return `<text ${place} font-size="${short(size * unit)}" fill="${fill}"${anchor ? ` text-anchor="${anchor}"` : ""}${bold ? ' font-weight="600"' : ""}>${escapeHtml(words)}</text>`;
}

/** Formats a number for an axis, with a proper minus sign. */
export function label(value: number): string {
  return String(value).replace("-", "−");
}

/** Returns the widest of some texts. */
export function widest(words: readonly string[]): string {
  return words.reduce((longest, word) => (textWidth(word) > textWidth(longest) ? word : longest), "");
}

/** Shortens a heading to a width in px, with an ellipsis where text was cut. */
export function shortened(words: string, width: number): string {
  if (textWidth(words, fontSizes.heading) <= width) return words;
  let kept = [...words];
  while (kept.length > 1 && textWidth(`${kept.join("")}…`, fontSizes.heading) > width)
    kept = kept.slice(0, -1);
  return `${kept.join("")}…`;
}

/** Rounds a coordinate to 0.01 px. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}
