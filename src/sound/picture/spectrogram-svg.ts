import { usageError } from "../../base/errors.js";
import type { SpectrogramWithAxes } from "../../dsp/fourier/spectrogram.js";
import { textWidth } from "../../plot/text-width.js";
import { colors, fontFamily, fontSizes } from "../../plot/theme.js";
import { niceAxis, ticksWithin } from "../../plot/ticks.js";
import { type Colormap, colorAt } from "./colormaps.js";
import { evenAxis, type FrequencyAxis, type FrequencyScale, frequencyAxis } from "./frequency-axis.js";
import { type Box, gaps, type Layout, layOut } from "./layout.js";
import { label, rule, shortened, text, widest } from "./marks.js";
import { indexedPng, pixelSources, rasterize } from "./raster.js";
import { type TimeTick, utcTicks, utcTitle } from "./utc-axis.js";
import { waveformPath } from "./waveform.js";

/**
 * One channel's spectrogram, or any real values over time and frequency. NaN is drawn as missing, -Infinity
 * with the lowest colour.
 */
export interface SpectrogramPanel {
  spectrogram: SpectrogramWithAxes;
  /** Drawn above the panel. */
  name?: string;
  /** Waveform to draw below, which spans the whole time axis. */
  samples?: ArrayLike<number>;
}

/** Options that all pictures of spectrograms share. */
export interface PictureLook {
  title?: string;
  /** Default: viridis. */
  colormap?: Colormap;
  /** Width and height in px. Default: 1600 x 800. */
  size?: readonly [number, number];
  /** Draws the pixels alone, without axes, text or margins. */
  plain?: boolean;
}

export interface SpectrogramPicture extends PictureLook {
  /** One or more panels, all with the same frequencies. */
  panels: readonly SpectrogramPanel[];
  /** Range of the time axis, seconds. */
  timeRange: readonly [number, number];
  /** Time of second 0 in seconds since 1970. With it the axis shows UTC. */
  utcOrigin?: number;
  /** Range of the frequency axis, Hz. Not used with the scale `even`. */
  frequencyRange?: readonly [number, number];
  /** `even` makes all bins equally high, whatever their frequencies. Default: linear. */
  scale?: FrequencyScale | "even";
  /** Values of the lowest and the highest colour. */
  valueRange: readonly [number, number];
  /** Title of the colour bar. Default: dB. */
  valueTitle?: string;
}

/** Minimum distance between the labels of an axis, units. */
const tickGap = { x: 18, y: 17, bar: 22 };

/**
 * Draws spectrograms below each other on one time axis, with axes in seconds and Hz and a colour bar. The
 * values are pixels of an embedded PNG, so that the picture of a long recording stays a small file.
 *
 * The SVG is written by hand, since its size is exact and its content is an image. Vega would contribute only
 * the axes and take a fifth of a second more.
 *
 * @throws UserError (exit 2) for a size that is too small, an empty range or an unknown name
 */
export function spectrogramSvg(picture: SpectrogramPicture): string {
  const { panels, size = [1600, 800], title, plain = false, colormap = "viridis", valueRange } = picture;
  const [width, height] = size;
  requireRange("time", picture.timeRange);
  requireRange("value", valueRange);
  const frequencies = frequencyAxisOf(picture);
  const level = levelAxis(panels);
  const request = {
    ...{ width, height, plain, panels: panels.length, titled: title !== undefined },
    named: panels.some(({ name }) => name !== undefined),
    waves: panels.some(({ samples }) => samples !== undefined),
    widestLabel: widest([...frequencies.ticks(0.02), ...(level?.ticks ?? [])].map(label)),
    widestBarLabel: widest(ticksWithin(...valueRange, (valueRange[1] - valueRange[0]) / 20).map(label)),
  };
  const layout = layOut(request);
  const drawing = { picture, layout, frequencies, colormap };
  const body = layout.panels.map(({ spectrogram, wave }, index) => {
    const panel = panels[index]!;
    const isLast = index === panels.length - 1;
    if (wave === undefined || panel.samples === undefined || level === undefined)
      return spectrogramMarks(panel, spectrogram, isLast, drawing);
    return [
      spectrogramMarks(panel, spectrogram, false, drawing),
      waveMarks(panel.samples, wave, level, isLast, drawing),
    ].join("\n");
  });
  if (!plain) body.push(...titleMarks(drawing), colorBarMarks(drawing));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${fontFamily}">
<rect width="${width}" height="${height}" fill="${colors.background}"/>
${body.filter((marks) => marks !== "").join("\n")}
</svg>
`;
}

interface Drawing {
  picture: SpectrogramPicture;
  layout: Layout;
  frequencies: FrequencyAxis;
  colormap: Colormap;
}

function requireRange(name: string, [low, high]: readonly [number, number]): void {
  if (!(low < high && Number.isFinite(high - low)))
    throw usageError(`the ${name} range must be ascending, got ${low} to ${high}`);
}

function frequencyAxisOf({ scale = "linear", frequencyRange, panels }: SpectrogramPicture): FrequencyAxis {
  const { frequencies } = panels[0]!.spectrogram;
  if (scale === "even") return evenAxis(frequencies);
  const [low, high] = frequencyRange ?? [frequencies[0]!, frequencies.at(-1)!];
  requireRange("frequency", [low, high]);
  return frequencyAxis(scale, low, high);
}

/** Returns the common axis of all waveforms, from -limit to limit. */
function levelAxis(panels: readonly SpectrogramPanel[]) {
  let peak = 0;
  for (const { samples } of panels)
    for (let i = 0; i < (samples?.length ?? 0); i++) peak = Math.max(peak, Math.abs(samples![i]!));
  if (panels.every(({ samples }) => samples === undefined)) return undefined;
  const limit = peak === 0 ? 1 : niceAxis(0, peak, 4).domain[1];
  return { limit, ticks: [-limit, 0, limit] };
}

function spectrogramMarks(panel: SpectrogramPanel, box: Box, withTimes: boolean, drawing: Drawing): string {
  const { picture, layout, frequencies, colormap } = drawing;
  const { left, top, width, height } = box;
  const { unit } = layout;
  const [start, end] = picture.timeRange;
  const columns = edges(width, (share) => start + share * (end - start));
  const rows = edges(height, frequencies.frequency);
  const { spectrogram, name } = panel;
  const pixels = rasterize(
    spectrogram,
    pixelSources(spectrogram.times, columns),
    pixelSources(spectrogram.frequencies, rows),
    picture.valueRange,
  );
  const png = Buffer.from(indexedPng(pixels, width, colormap)).toString("base64");
  // Both keep the edges of pixels sharp: the attribute in SVG 1.1, the style in browsers.
  const image = `<image x="${left}" y="${top}" width="${width}" height="${height}" preserveAspectRatio="none" image-rendering="optimizeSpeed" style="image-rendering:pixelated" href="data:image/png;base64,${png}"/>`;
  if (picture.plain) return image;
  const ticks = frequencies.ticks((tickGap.y * unit) / height);
  const y = (hz: number) => top + (1 - frequencies.position(hz)) * height;
  return [
    image,
    name === undefined ? "" : text(name, left, top - 8 * unit, { unit, fill: colors.ink }),
    leftAxis(
      box,
      ticks.map((hz) => [y(hz), label(hz)]),
      "frequency (Hz)",
      unit,
    ),
    withTimes ? timeAxis(box, picture, unit) : "",
  ].join("\n");
}

function waveMarks(
  samples: ArrayLike<number>,
  box: Box,
  { limit, ticks }: { limit: number; ticks: number[] },
  withTimes: boolean,
  { picture, layout: { unit } }: Drawing,
): string {
  const { left, top, width, height } = box;
  const y = (value: number) => top + (height * (1 - value / limit)) / 2;
  const path = `<path d="${waveformPath(samples, { left, width, y })}" fill="none" stroke="${colors.validation}"/>`;
  if (picture.plain) return path;
  const shown = height < 2 * tickGap.y * unit ? [-limit, limit] : ticks;
  return [
    path,
    leftAxis(
      box,
      shown.map((value) => [y(value), label(value)]),
      "amplitude",
      unit,
    ),
    withTimes ? timeAxis(box, picture, unit) : "",
  ].join("\n");
}

function leftAxis(
  box: Box,
  ticks: readonly (readonly [number, string])[],
  title: string,
  unit: number,
): string {
  const { left, top, height } = box;
  const marks = ticks.map(([y, word]) =>
    [
      rule(left - gaps.tick * unit, y, left, y, unit),
      text(word, left - (gaps.tick + gaps.label) * unit, y, { unit, anchor: "end", middle: true }),
    ].join(""),
  );
  const middle = top + height / 2;
  // Between the picture's edge and the widest label:
  const titleLeft = 16 * unit + (fontSizes.normal * unit) / 2;
  const fits = textWidth(title) * unit <= height;
  return [
    ...marks,
    title === "" || !fits
      ? ""
      : text(title, titleLeft, middle, { unit, anchor: "middle", middle: true, turned: true }),
  ].join("\n");
}

function timeAxis({ left, top, width, height }: Box, picture: SpectrogramPicture, unit: number): string {
  const [start, end] = picture.timeRange;
  const origin = picture.utcOrigin;
  const ticks = (gap: number): TimeTick[] =>
    origin === undefined
      ? ticksWithin(start, end, gap).map((at) => ({ at, label: label(at) }))
      : utcTicks(start, end, gap, origin);
  const title = origin === undefined ? "time (s)" : utcTitle(start, end, origin);
  const widthOf = (gap: number) => textWidth(widest(ticks(gap).map(({ label }) => label))) + tickGap.x;
  // Ticks that are closer have longer labels.
  let gap = ((end - start) * 2 * tickGap.x * unit) / width;
  while ((gap * width) / (end - start) < widthOf(gap) * unit && gap < end - start) gap *= 1.25;
  const bottom = top + height;
  const marks = ticks(gap).map(({ at, label }) => {
    const x = left + ((at - start) / (end - start)) * width;
    return [
      rule(x, bottom, x, bottom + gaps.tick * unit, unit),
      text(label, x, bottom + (gaps.tick + gaps.label + fontSizes.normal * 0.75) * unit, {
        unit,
        anchor: "middle",
      }),
    ].join("");
  });
  const titleTop = bottom + (gaps.tick + gaps.label + gaps.title + 1.75 * fontSizes.normal) * unit;
  return [...marks, text(title, left + width / 2, titleTop, { unit, anchor: "middle" })].join("\n");
}

function titleMarks({ picture, layout: { unit, panels } }: Drawing): string[] {
  if (picture.title === undefined) return [];
  const left = panels[0]!.spectrogram.left;
  const room = picture.size?.[0] ?? 1600;
  const fitting = shortened(picture.title, (room - left - 16 * unit) / unit);
  const top = (16 + 0.8 * fontSizes.heading) * unit;
  return [text(fitting, left, top, { unit, size: fontSizes.heading, fill: colors.ink, bold: true })];
}

function colorBarMarks({ picture, layout: { unit, colorBar }, colormap }: Drawing): string {
  const { left, top, width, height } = colorBar;
  const [low, high] = picture.valueRange;
  const stops = Array.from({ length: 33 }, (_, i) => {
    const [red, green, blue] = colorAt(colormap, 1 - i / 32);
    return `<stop offset="${i / 32}" stop-color="rgb(${red},${green},${blue})"/>`;
  });
  const right = left + width;
  const ticks = ticksWithin(low, high, ((high - low) * tickGap.bar * unit) / height);
  const labelWidth = textWidth(widest(ticks.map(label))) * unit;
  const marks = ticks.map((value) => {
    const y = top + (1 - (value - low) / (high - low)) * height;
    return [
      rule(right, y, right + gaps.tick * unit, y, unit),
      text(label(value), right + (gaps.tick + gaps.label) * unit + labelWidth, y, {
        unit,
        anchor: "end",
        middle: true,
      }),
    ].join("");
  });
  const titleLeft = right + (gaps.tick + gaps.label + gaps.title + fontSizes.normal / 2) * unit + labelWidth;
  const title = shortened(picture.valueTitle ?? "dB", height / unit);
  return [
    `<defs><linearGradient id="${colormap}" x2="0" y2="1">${stops.join("")}</linearGradient></defs>`,
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="url(#${colormap})"/>`,
    ...marks,
    text(title, titleLeft, top + height / 2, { unit, anchor: "middle", middle: true, turned: true }),
  ].join("\n");
}

function edges(pixels: number, at: (share: number) => number): Float64Array {
  return Float64Array.from({ length: pixels + 1 }, (_, i) => at(i / pixels));
}
