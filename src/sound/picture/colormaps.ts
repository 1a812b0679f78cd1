import { interpolateMagma, interpolatePlasma, interpolateViridis } from "d3-scale-chromatic";
import { usageError } from "../../base/errors.js";

export const colormapNames = ["viridis", "magma", "plasma", "jet"] as const;
/**
 * Viridis, magma and plasma become evenly lighter, also in grey and with colour blindness. (N. Smith and S.
 * van der Walt, matplotlib, 2015.) Jet is the rainbow of older papers; it shows edges where the data have
 * none.
 */
export type Colormap = (typeof colormapNames)[number];

/** Red, green and blue, 0 to 255. */
export type Color = [number, number, number];

/** Returns the colour at a share of the range, 0 to 1, as one of matplotlib's 256 steps. */
export function colorAt(colormap: Colormap, share: number): Color {
  const colorOf = colorsOf[colormap];
  if (colorOf === undefined)
    throw usageError(`colormap must be one of ${colormapNames.join(", ")}, got ${colormap}`);
  return colorOf(Math.min(1, Math.max(0, share)));
}

const colorsOf: Record<Colormap, (share: number) => Color> = {
  viridis: (share) => parseHex(interpolateViridis(share)),
  magma: (share) => parseHex(interpolateMagma(share)),
  plasma: (share) => parseHex(interpolatePlasma(share)),
  jet: (share) => {
    const step = Math.min(255, Math.floor(256 * share)) / 255;
    return [between(jet.red, step), between(jet.green, step), between(jet.blue, step)];
  },
};

function parseHex(color: string): Color {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

// Corners of piecewise linear curves, one per channel: share of the range, intensity. (matplotlib's
// `_jet_data`.)
const jet = {
  red: [0, 0, 0.35, 0, 0.66, 1, 0.89, 1, 1, 0.5],
  green: [0, 0, 0.125, 0, 0.375, 1, 0.64, 1, 0.91, 0, 1, 0],
  blue: [0, 0.5, 0.11, 1, 0.34, 1, 0.65, 0, 1, 0],
};

function between(corners: readonly number[], share: number): number {
  let right = 2;
  while (corners[right]! < share) right += 2;
  const [fromShare, from, toShare, to] = corners.slice(right - 2, right + 2) as [
    number,
    number,
    number,
    number,
  ];
  return Math.round(255 * (from + ((to - from) * (share - fromShare)) / (toShare - fromShare)));
}
