import { encode } from "fast-png";
import type { Spectrogram } from "../../dsp/fourier/spectrogram.js";
import { colors } from "../../plot/theme.js";
import { type Color, type Colormap, colorAt } from "./colormaps.js";

/** The positions that each pixel shows: pixel i shows those from `first[i]` to `last[i]`. */
export interface PixelSources {
  first: Int32Array;
  last: Int32Array;
}

/**
 * Assigns ascending positions to pixels. Pixel i reaches from `edges[i]` to `edges[i + 1]`, in the same unit.
 * It shows all positions within, so that nothing short or narrow is lost, or else the nearest one.
 */
export function pixelSources(positions: ArrayLike<number>, edges: ArrayLike<number>): PixelSources {
  const pixels = edges.length - 1;
  const first = new Int32Array(pixels);
  const last = new Int32Array(pixels);
  let next = 0; // first position beyond the pixels so far
  while (next < positions.length && positions[next]! < edges[0]!) next++;
  for (let i = 0; i < pixels; i++) {
    const [from, to] = [edges[i]!, edges[i + 1]!];
    const begin = next;
    // A frame or a bin often lies exactly on the far edge of the picture; it belongs to the last pixel.
    while (next < positions.length && (positions[next]! < to || (i === pixels - 1 && positions[next]! <= to)))
      next++;
    if (next > begin) {
      first[i] = begin;
      last[i] = next - 1;
    } else {
      const middle = (from + to) / 2;
      const isBefore =
        next === positions.length || (next > 0 && middle - positions[next - 1]! < positions[next]! - middle);
      first[i] = last[i] = isBefore ? next - 1 : next;
    }
  }
  return { first, last };
}

/** Number of colours. The entry of the palette after them marks a missing value. */
const levels = 255;

/**
 * Converts a spectrogram to pixels, `[rows, columns]`, with the highest frequency in the first row. Each is
 * an index of `palette`. A pixel shows the largest of its values, or is marked missing if all are NaN. Values
 * beyond the range get the colours of its ends.
 */
export function rasterize(
  { values, bins }: Spectrogram,
  columns: PixelSources,
  rows: PixelSources,
  [low, high]: readonly [number, number],
): Uint8Array {
  const [width, height] = [columns.first.length, rows.first.length];
  const pixels = new Uint8Array(width * height);
  const loudest = new Float64Array(bins); // maximum of the column's frames
  const scale = high > low ? levels / (high - low) : 0;
  for (let x = 0; x < width; x++) {
    const [from, to] = [columns.first[x]!, columns.last[x]!];
    if (x > 0 && from === columns.first[x - 1] && to === columns.last[x - 1]) {
      for (let at = x; at < pixels.length; at += width) pixels[at] = pixels[at - 1]!;
      continue;
    }
    loudest.set(values.subarray(from * bins, (from + 1) * bins));
    for (let t = from + 1; t <= to; t++)
      for (let k = 0; k < bins; k++) loudest[k] = larger(loudest[k]!, values[t * bins + k]!);
    for (let y = 0; y < height; y++) {
      const row = height - 1 - y;
      let value = loudest[rows.first[row]!]!;
      for (let k = rows.first[row]! + 1; k <= rows.last[row]!; k++) value = larger(value, loudest[k]!);
      pixels[y * width + x] = Number.isNaN(value)
        ? levels
        : Math.min(levels - 1, Math.max(0, Math.floor((value - low) * scale)));
    }
  }
  return pixels;
}

/** Returns the larger of two values, or the one that is not NaN. */
function larger(a: number, b: number): number {
  return b > a || Number.isNaN(a) ? b : a;
}

/** Returns the colours that pixels index, the last one for missing values. */
export function palette(colormap: Colormap): Color[] {
  const steps = Array.from({ length: levels }, (_, i) => colorAt(colormap, i / (levels - 1)));
  const missing = Number.parseInt(colors.grid.slice(1), 16);
  return [...steps, [missing >> 16, (missing >> 8) & 255, missing & 255]];
}

/** Encodes indexed pixels as a PNG, one byte per pixel before compression. */
export function indexedPng(pixels: Uint8Array, width: number, colormap: Colormap): Uint8Array {
  return encode(
    { width, height: pixels.length / width, data: pixels, channels: 1, depth: 8, palette: palette(colormap) },
    { zlib: { level: 6 } },
  );
}
