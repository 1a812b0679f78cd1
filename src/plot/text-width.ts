import { fontSizes } from "./theme.js";

// Advance widths of Inter Regular, thousandths of an em, from U+0020 to U+007E (the font's hmtx table).
const firstCode = 0x20;
// biome-ignore format: a table
const advances = [
  281, 288, 466, 633, 642, 982, 644, 300, 365, 365, 501, 662, 288, 460, 288, 360,
  631, 407, 610, 618, 646, 593, 620, 566, 619, 620, 288, 302, 662, 662, 662, 511,
  966, 690, 654, 730, 722, 601, 590, 746, 743, 269, 571, 672, 565, 903, 753, 765,
  639, 765, 644, 642, 646, 744, 690, 985, 682, 679, 629, 365, 360, 365, 471, 456,
  323, 562, 612, 571, 612, 583, 370, 613, 591, 242, 242, 549, 242, 876, 591, 600,
  612, 612, 376, 528, 327, 591, 562, 818, 546, 562, 552, 426, 333, 426, 662,
];
const latin = 620;
const fullWidth = 1000;

/**
 * Width in px of text set in the pictures' font, for laying out where there is no canvas to measure on (Vega then
 * takes 0.8 em a character, half as much again as is true, and cuts labels that would fit).
 */
export function textWidth(text: string, fontSize: number = fontSizes.normal): number {
  let thousandths = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    thousandths += advances[code - firstCode] ?? (code < 0x1100 ? latin : fullWidth);
  }
  return (thousandths / 1000) * fontSize;
}
