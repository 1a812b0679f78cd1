import { encode } from "fast-png";
import type { Spectrogram } from "../../dsp/fourier/spectrogram.js";
import { colors } from "../../plot/theme.js";
import { type Color, type Colormap, colorAt } from "./colormaps.js";

/** Which of the ascending places a row of pixels shows: pixel i those from `first[i]` to `last[i]`. */
export interface PixelSources {
  first: Int32Array;
  last: Int32Array;
}

/**
 * Pixel i reaches from `edges[i]` to `edges[i + 1]`, in the unit of the places. It shows every place that lies in it, so that
 * nothing short or narrow gets lost, or the nearest one where none does.
 */
export function pixelSources(places: ArrayLike<number>, edges: ArrayLike<number>): PixelSources {
  const pixels = edges.length - 1;
  const first = new Int32Array(pixels);
  const last = new Int32Array(pixels);
  let next = 0; // the first place that no pixel before this one reaches
  while (next < places.length && places[next]! < edges[0]!) next++;
  for (let i = 0; i < pixels; i++) {
    const [from, to] = [edges[i]!, edges[i + 1]!];
    const begin = next;
    // A frame or a bin often stands on the far end of the picture: it belongs to the last pixel.
    while (next < places.length && (places[next]! < to || (i === pixels - 1 && places[next]! <= to))) next++;
    if (next > begin) {
      first[i] = begin;
      last[i] = next - 1;
    } else {
      const middle = (from + to) / 2;
      const isBefore =
        next === places.length || (next > 0 && middle - places[next - 1]! < places[next]! - middle);
      first[i] = last[i] = isBefore ? next - 1 : next;
    }
  }
  return { first, last };
}

/** Steps from the lowest to the highest colour; the palette's entry behind them marks a value that is missing. */
const levels = 255;

/**
 * A spectrogram as pixels, `[rows, columns]` with the highest frequency in the first row, each an index of `palette`. A pixel has
 * the largest of the values that it shows; one whose values are all NaN is missing. Values beyond the range have its ends' colors.
 */
export function rasterize(
  { values, bins }: Spectrogram,
  columns: PixelSources,
  rows: PixelSources,
  [low, high]: readonly [number, number],
): Uint8Array {
  const [width, height] = [columns.first.length, rows.first.length];
  const pixels = new Uint8Array(width * height);
  const loudest = new Float64Array(bins); // of the frames that a column shows
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

/** The larger of two values, or the one that is not missing. */
function larger(a: number, b: number): number {
  return b > a || Number.isNaN(a) ? b : a;
}

export function palette(colormap: Colormap): Color[] {
  const steps = Array.from({ length: levels }, (_, i) => colorAt(colormap, i / (levels - 1)));
  const missing = Number.parseInt(colors.grid.slice(1), 16);
  return [...steps, [missing >> 16, (missing >> 8) & 255, missing & 255]];
}

/** Indexed pixels as a PNG, a byte each before compression. */
export function indexedPng(pixels: Uint8Array, width: number, colormap: Colormap): Uint8Array {
  return encode(
    { width, height: pixels.length / width, data: pixels, channels: 1, depth: 8, palette: palette(colormap) },
    { zlib: { level: 6 } },
  );
}
