import { short } from "./marks.js";

/**
 * Returns the waveform as an SVG path: a line through the samples if they are few, else a vertical line per
 * pixel from the lowest to the highest sample.
 *
 * @param y converts a value to its position on the picture in px
 */
export function waveformPath(
  samples: ArrayLike<number>,
  { left, width, y }: { left: number; width: number; y: (value: number) => number },
): string {
  const perPixel = samples.length / width;
  if (perPixel < 2) {
    const points = Array.from(
      samples,
      (value, i) => `${short(left + (i + 0.5) / perPixel)},${short(y(value))}`,
    );
    return `M${points.join("L")}`;
  }
  let path = "";
  for (let x = 0; x < width; x++) {
    const [from, to] = [Math.floor(x * perPixel), Math.min(samples.length, Math.floor((x + 1) * perPixel))];
    // Begins with the last sample of the pixel before, so that the line has no gaps.
    let [lowest, highest] = [samples[Math.max(0, from - 1)]!, samples[Math.max(0, from - 1)]!];
    for (let i = from; i < to; i++) {
      const value = samples[i]!;
      if (value < lowest) lowest = value;
      if (value > highest) highest = value;
    }
    const [top, bottom] = [y(highest), y(lowest)];
    // Silence is drawn as a line too.
    const thickness = Math.max(0, 1 - (bottom - top)) / 2;
    path += `M${left + x + 0.5},${short(top - thickness)}V${short(bottom + thickness)}`;
  }
  return path;
}
