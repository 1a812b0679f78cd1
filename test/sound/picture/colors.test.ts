import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { type Colormap, colorAt, colormapNames } from "../../../src/sound/picture/colormaps.js";
import { indexedPng, palette, pixelSources, rasterize } from "../../../src/sound/picture/raster.js";
import { hasPython, runPython } from "../../helpers/python.js";

describe.skipIf(!hasPython("matplotlib"))("colour maps against matplotlib (Python)", () => {
  test("all 256 steps of each", () => {
    const expected = runPython<Record<Colormap, number[][]>>(
      `
import matplotlib
output = {name: np.rint(255 * matplotlib.colormaps[name](np.arange(256))[:, :3]) for name in input}
`,
      colormapNames,
    );
    for (const name of colormapNames)
      for (let step = 0; step < 256; step++)
        colorAt(name, (step + 0.5) / 256).forEach((part, i) => {
          // matplotlib rounds jet's halves its own way.
          const tolerance = name === "jet" ? 1 : 0;
          expect(Math.abs(part - expected[name][step]![i]!), `${name} ${step}`).toBeLessThanOrEqual(
            tolerance,
          );
        });
  });
});

describe("colour maps", () => {
  // The ends and the middle, from matplotlib 3.11.
  test.each<[Colormap, number[], number[], number[]]>([
    ["viridis", [68, 1, 84], [33, 145, 140], [253, 231, 37]],
    ["magma", [0, 0, 4], [183, 55, 121], [252, 253, 191]],
    ["plasma", [13, 8, 135], [204, 71, 120], [240, 249, 33]],
    ["jet", [0, 0, 128], [125, 255, 122], [128, 0, 0]],
  ])("%s has its colours at the ends and in the middle", (name, low, middle, high) => {
    expect(colorAt(name, 0)).toEqual(low);
    expect(colorAt(name, 0.5)).toEqual(middle);
    expect(colorAt(name, 1)).toEqual(high);
    expect([colorAt(name, -1), colorAt(name, 2)]).toEqual([low, high]);
  });

  test("an unknown one is wrong usage", () => {
    expect(() => colorAt("hot" as Colormap, 0)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringMatching(/viridis, magma.*got hot/) }),
    );
  });
});

describe("pixels of places", () => {
  test("with more places than pixels each place is in one pixel, in order", () => {
    const { first, last } = pixelSources([0, 1, 2, 3, 4, 5, 6, 7], [-0.5, 2, 4.5, 7]);
    expect([...first]).toEqual([0, 2, 5]);
    expect([...last]).toEqual([1, 4, 7]); // 2 is the second pixel's beginning, 7 the last one's end
  });

  test("with fewer places than pixels each pixel shows the nearest", () => {
    const { first, last } = pixelSources([0, 10, 30], [0, 4, 8, 12, 16, 20, 24, 28, 32, 36]);
    expect([...first]).toEqual([0, 1, 1, 1, 1, 2, 2, 2, 2]);
    expect([...last]).toEqual([...first]);
  });

  test("places outside of the picture show only where nothing else is near", () => {
    const { first, last } = pixelSources([-5, 1, 50], [0, 2, 4]);
    expect([...first]).toEqual([1, 1]);
    expect([...last]).toEqual([1, 1]);
    expect([...pixelSources([7], [0, 1, 2]).first]).toEqual([0, 0]);
    expect([...pixelSources([-7], [0, 1, 2]).first]).toEqual([0, 0]);
  });
});

describe("raster", () => {
  const each = (count: number) => ({
    first: Int32Array.from({ length: count }, (_, i) => i),
    last: Int32Array.from({ length: count }, (_, i) => i),
  });
  const of = (...values: number[]) => ({
    values: Float64Array.from(values),
    frames: values.length / 2,
    bins: 2,
  });

  test("has the first bin in the last row, the lowest and the highest color at the range's ends and beyond", () => {
    const pixels = rasterize(of(0, 10, 5, -3, 12, Number.NEGATIVE_INFINITY), each(3), each(2), [0, 10]);
    expect([...pixels]).toEqual([254, 0, 0, 0, 127, 254]);
  });

  test("shows the largest of the values in a pixel, and NaN only where there is nothing else", () => {
    const whole = { first: Int32Array.of(0), last: Int32Array.of(1) };
    const at = (...values: number[]) => rasterize(of(...values), whole, whole, [0, 255])[0];
    expect(at(1, 7, 3, 2)).toBe(7);
    expect(at(Number.NaN, 7, Number.NaN, 2)).toBe(7);
    expect(at(1, Number.NaN, 9, Number.NaN)).toBe(9);
    expect(at(Number.NaN, Number.NaN, Number.NaN, Number.NaN)).toBe(255);
    expect(palette("magma")[255]).toEqual([0xe4, 0xe8, 0xed]); // no colour of any map
  });

  test("is a PNG of a byte a pixel", () => {
    const pixels = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
    const png = decode(indexedPng(pixels, 4, "jet"));
    expect([png.width, png.height, png.channels, png.depth]).toEqual([4, 3, 1, 8]);
    expect([...png.data]).toEqual([...pixels]);
    expect(png.palette).toEqual(palette("jet"));
  });
});
