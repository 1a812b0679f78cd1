import { describe, expect, it } from "vitest";
import { colors, darkColors, runColors } from "../../src/plot/theme.js";
import { contrast, linear, type Rgb } from "./contrast.js";

// What is seen without one kind of cone: Machado, Oliveira and Fernandes (2009), severity 1.
const sight: Record<string, Rgb[]> = {
  "all cones": [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** Oklab (Ottosson 2020). */
function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function seen(hex: string, matrix: readonly Rgb[]): Rgb {
  const color = linear(hex);
  return oklab(
    matrix.map((row) =>
      Math.min(1, Math.max(0, row[0] * color[0] + row[1] * color[1] + row[2] * color[2])),
    ) as Rgb,
  );
}

function distance(a: string, b: string, matrix: readonly Rgb[]): number {
  const [p, q] = [seen(a, matrix), seen(b, matrix)];
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

const themes = {
  light: (color: string) => color,
  dark: (color: string) => darkColors[color]!,
};

describe.each(Object.entries(themes))("%s colours", (_, shown) => {
  const background = shown(colors.background);

  it("of marks have a contrast of 3 to 1, of text 4.5 to 1", () => {
    for (const color of [...runColors, colors.validation, colors.training])
      expect(contrast(shown(color), background), color).toBeGreaterThanOrEqual(3);
    for (const color of [colors.ink, colors.muted])
      expect(contrast(shown(color), background), color).toBeGreaterThanOrEqual(4.5);
    // The counts in the heat map's full cells.
    expect(contrast(colors.onHeat, shown(colors.heat))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(Object.entries(sight))("of runs differ for eyes with %s, the first of them most", (__, matrix) => {
    const nearest = (count: number) =>
      Math.min(
        ...runColors
          .slice(0, count)
          .flatMap((a, i) => runColors.slice(0, i).map((b) => distance(shown(a), shown(b), matrix))),
      );
    // Two colours 0.02 apart are just told from each other side by side.
    expect(nearest(2)).toBeGreaterThan(0.25);
    expect(nearest(3)).toBeGreaterThan(0.19);
    expect(nearest(5)).toBeGreaterThan(0.12);
    expect(nearest(8)).toBeGreaterThan(0.08);
  });
});
