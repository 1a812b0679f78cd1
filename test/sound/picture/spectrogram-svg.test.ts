import { type DecodedPng, decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.js";
import type { SpectrogramWithAxes } from "../../../src/dsp/fourier/spectrogram.js";
import { svgToPng } from "../../../src/plot/png.js";
import { colorAt } from "../../../src/sound/picture/colormaps.js";
import type { FrequencyScale } from "../../../src/sound/picture/frequency-axis.js";
import { type SpectrogramPicture, spectrogramSvg } from "../../../src/sound/picture/spectrogram-svg.js";
import { axisScale, type Drawn, readSvg, textsOf } from "../../plot/read-svg.js";

/** 0 everywhere but 1 at one frame and one bin: 101 frames of 10 ms, bins 50 Hz apart to 4000 Hz. */
function spot(frame: number, bin: number): SpectrogramWithAxes {
  const [frames, bins] = [101, 81];
  const values = new Float64Array(frames * bins);
  values[frame * bins + bin] = 1;
  return {
    ...{ values, frames, bins },
    times: Float64Array.from({ length: frames }, (_, t) => t / 100),
    frequencies: Float64Array.from({ length: bins }, (_, k) => 50 * k),
  };
}

const picture = (spectrogram: SpectrogramWithAxes, options: Partial<SpectrogramPicture> = {}) =>
  spectrogramSvg({
    panels: [{ spectrogram }],
    timeRange: [0, 1],
    valueRange: [0, 1],
    size: [800, 400],
    ...options,
  });

interface Image {
  x: number;
  y: number;
  width: number;
  height: number;
  png: DecodedPng;
}

function imagesOf(drawn: readonly Drawn[]): Image[] {
  return drawn
    .filter(({ tag }) => tag === "image")
    .map(({ attributes: { x, y, width, height, href } }) => ({
      ...{ x: Number(x), y: Number(y), width: Number(width), height: Number(height) },
      png: decode(Buffer.from(href!.replace("data:image/png;base64,", ""), "base64")),
    }));
}

/** Middle and extent of the brightest pixels, on the picture. */
function brightest({ x, y, png }: Image) {
  const top = Array.from(png.data).reduce((a, b) => Math.max(a, b));
  const at = [...png.data.keys()].filter((i) => png.data[i] === top);
  const columns = at.map((i) => i % png.width);
  const rows = at.map((i) => Math.floor(i / png.width));
  const span = (values: number[]) => [Math.min(...values), Math.max(...values) + 1] as const;
  const [[left, right], [above, below]] = [span(columns), span(rows)];
  return {
    ...{ x: x + (left + right) / 2, y: y + (above + below) / 2, width: right - left, height: below - above },
    isBox: at.length === (right - left) * (below - above),
  };
}

const number = (text: string) => Number(text.replace("−", "-"));
const labelsOf = (drawn: readonly Drawn[], where: (label: Drawn) => boolean) =>
  drawn.filter((label) => label.tag === "text" && /^−?[\d.]+$/.test(label.text) && where(label));
/** Labels of the axes, left of and below the picture's image; a label's y is its base line. */
function axesOf(drawn: readonly Drawn[], image: Image) {
  const left = labelsOf(drawn, ({ x, y }) => x < image.x && y <= image.y + image.height + 20);
  const below = labelsOf(drawn, ({ y, x }) => y > image.y + image.height + 12 && x >= image.x);
  const bar = labelsOf(drawn, ({ x, y }) => x > image.x + image.width && y <= image.y + image.height + 12);
  return { left, below, bar };
}
const fontSizeOf = (label: Drawn) => Number(label.attributes["font-size"]);
/** The height that a label stands for, and the ticks' lines to check it by. */
const middleOf = (label: Drawn) => label.y - 0.365 * fontSizeOf(label);

describe("axes", () => {
  test.each<FrequencyScale>(["linear", "log", "mel"])(
    "a tone and a moment stand at their labels, %s",
    (scale) => {
      for (const [frame, hz] of [
        [40, 1000],
        [80, 500],
        [20, 2000],
      ] as const) {
        const svg = picture(spot(frame, hz / 50), { scale, frequencyRange: [50, 4000] });
        const drawn = readSvg(svg);
        const image = imagesOf(drawn)[0]!;
        const { left, below } = axesOf(drawn, image);
        const tone = brightest(image);
        expect(tone.isBox).toBe(true);
        const label = left.find(({ text }) => text === String(hz))!;
        expect(Math.abs(tone.y - middleOf(label)), `${hz} Hz`).toBeLessThan(tone.height / 2);
        const moment = below.find(({ text }) => text === String(frame / 100))!;
        expect(Math.abs(tone.x - moment.x), `${frame} frames`).toBeLessThan(1);
      }
    },
  );

  test("a bin is as high and a frame as wide as the scale makes it", () => {
    const size = (scale: FrequencyScale, hz: number) => {
      const drawn = readSvg(picture(spot(50, hz / 50), { scale, frequencyRange: [50, 4000] }));
      const image = imagesOf(drawn)[0]!;
      const { width, height } = brightest(image);
      return { width: width / image.width, height: height / image.height };
    };
    for (const scale of ["linear", "log", "mel"] as const)
      expect(size(scale, 1000).width).toBeCloseTo(0.01, 2);
    expect(size("linear", 200).height).toBeCloseTo(50 / 3950, 2);
    expect(size("linear", 3000).height).toBeCloseTo(50 / 3950, 2);
    expect(size("log", 200).height).toBeCloseTo(Math.log(225 / 175) / Math.log(80), 2);
    // Slaney's mel: 200/3 Hz each up to 1000 Hz, then 27 to each factor of 6.4.
    const mels = (1000 - 50) / (200 / 3) + (27 * Math.log(4)) / Math.log(6.4);
    expect(size("mel", 500).height).toBeCloseTo(50 / (200 / 3) / mels, 2);
  });

  test("labels stand beside their ticks, in equal steps on a linear axis, from end to end", () => {
    const drawn = readSvg(picture(spot(0, 0)));
    const image = imagesOf(drawn)[0]!;
    const { left, below, bar } = axesOf(drawn, image);
    expect(left.map(({ text }) => number(text))).toEqual([0, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000]);
    expect(below.map(({ text }) => number(text))).toEqual([
      0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
    ]);
    expect(middleOf(left[0]!)).toBeCloseTo(image.y + image.height, 0);
    expect(middleOf(left.at(-1)!)).toBeCloseTo(image.y, 0);
    expect([below[0]!.x, below.at(-1)!.x]).toEqual([image.x, image.x + image.width]);
    const ticks = drawn.filter(({ tag }) => tag === "line").map(({ attributes }) => attributes);
    for (const label of [...left, ...bar])
      expect(ticks.some(({ y1, y2 }) => y1 === y2 && Math.abs(Number(y1) - middleOf(label)) < 0.1)).toBe(
        true,
      );
    for (const label of below)
      expect(ticks.some(({ x1, x2 }) => x1 === x2 && Math.abs(Number(x1) - label.x) < 0.1)).toBe(true);
    expect(textsOf(drawn)).toEqual(expect.arrayContaining(["frequency (Hz)", "time (s)", "dB"]));
  });

  test.each([
    [1600, 800],
    [260, 200],
    [2000, 300],
    [333, 777],
  ])("labels keep apart at %i x %i", (width, height) => {
    for (const scale of ["linear", "log", "mel"] as const) {
      const drawn = readSvg(
        picture(spot(0, 0), { scale, frequencyRange: [20, 4000], size: [width, height] }),
      );
      const image = imagesOf(drawn)[0]!;
      const { left, below } = axesOf(drawn, image);
      for (const labels of [left, below]) expect(labels.length).toBeGreaterThan(1);
      const heights = left.map(middleOf).sort((a, b) => a - b);
      for (const [i, y] of heights.slice(1).entries())
        expect(y - heights[i]!).toBeGreaterThan(fontSizeOf(left[0]!));
      below.slice(1).forEach(({ x, text }, i) => {
        const halves = (text.length + below[i]!.text.length) / 2;
        expect(x - below[i]!.x).toBeGreaterThan(0.6 * halves * fontSizeOf(below[0]!));
      });
    }
  });

  test("on an axis of equal bins a frequency stands at its bin, however they are spaced", () => {
    const { times, frames } = spot(0, 0);
    const frequencies = Float64Array.of(0, 100, 500, 1000, 4000);
    const values = new Float64Array(frames * 5);
    values[50 * 5 + 3] = 1;
    const drawn = readSvg(picture({ values, frames, bins: 5, times, frequencies }, { scale: "even" }));
    const image = imagesOf(drawn)[0]!;
    const tone = brightest(image);
    expect(tone.height / image.height).toBeCloseTo(1 / 5, 2);
    const label = axesOf(drawn, image).left.find(({ text }) => text === "1000")!;
    expect(Math.abs(middleOf(label) - tone.y)).toBeLessThan(1);
  });
});

describe("colours", () => {
  test("the colour bar shows the colour of each value at its label", async () => {
    const spectrogram = spot(0, 0);
    const { values, bins } = spectrogram;
    values.fill(-35);
    for (let t = 0; t <= 50; t++) values.fill(-65, t * bins, (t + 1) * bins);
    const svg = picture(spectrogram, { valueRange: [-80, 0], colormap: "magma" });
    const drawn = readSvg(svg);
    const image = imagesOf(drawn)[0]!;
    const { bar } = axesOf(drawn, image);
    expect(bar.map(({ text }) => text)).toContain("−80");
    const heightOf = axisScale(
      bar.map((label) => ({ ...label, y: middleOf(label) })),
      "y",
      number,
    );
    const rect = drawn.filter(({ tag }) => tag === "rect").at(-1)!.attributes;
    const barMiddle = Number(rect.x) + Number(rect.width) / 2;
    const { data, width, channels } = decode(await svgToPng(svg, { scale: 1 }));
    const colorOf = (x: number, y: number) => {
      const at = (Math.round(y) * width + Math.round(x)) * channels;
      return [...data.subarray(at, at + 3)];
    };
    const middle = image.y + image.height / 2;
    for (const [value, x] of [
      [-65, 0.25],
      [-35, 0.75],
    ] as const) {
      const shown = colorOf(image.x + x * image.width, middle);
      const wanted = colorAt("magma", (value + 80) / 80);
      const inBar = colorOf(barMiddle, heightOf(value));
      // Colours have 255 steps.
      for (const color of [shown, inBar])
        for (const [i, part] of color.entries()) expect(Math.abs(part - wanted[i]!)).toBeLessThan(5);
    }
  });
});

describe("size", () => {
  test.each([
    [1600, 800],
    [801, 397],
    [3000, 1000],
  ])("is %i x %i to the pixel, the spectrogram's pixels being the picture's", async (width, height) => {
    const random = new Random(1, "pixels");
    const spectrogram = spot(0, 0);
    spectrogram.values.forEach((_, i) => {
      spectrogram.values[i] = random.between(0, 1);
    });
    const svg = picture(spectrogram, { size: [width, height] });
    const [root] = readSvg(svg);
    expect([root!.attributes.width, root!.attributes.height]).toEqual([String(width), String(height)]);
    const image = imagesOf(readSvg(svg))[0]!;
    expect([image.png.width, image.png.height]).toEqual([image.width, image.height]);
    const drawn = decode(await svgToPng(svg, { scale: 1 }));
    expect([drawn.width, drawn.height]).toEqual([width, height]);
    for (let i = 0; i < 200; i++) {
      const [x, y] = [random.integer(image.width), random.integer(image.height)];
      const at = ((image.y + y) * width + image.x + x) * drawn.channels;
      expect([...drawn.data.subarray(at, at + 3)]).toEqual(
        image.png.palette![image.png.data[y * image.width + x]!],
      );
    }
  });

  test("plain is the pixels alone", () => {
    const drawn = readSvg(picture(spot(0, 0), { plain: true, size: [101, 81], title: "gone" }));
    expect(drawn.map(({ tag }) => tag)).toEqual(["svg", "rect", "image"]);
    const { x, y, width, height, png } = imagesOf(drawn)[0]!;
    expect([x, y, width, height]).toEqual([0, 0, 101, 81]);
    expect(png.data.filter((value) => value === 254)).toHaveLength(1);
    expect(png.data[80 * 101]).toBe(254);
  });

  test("a small picture has smaller margins than half of it, one that is too small is an error that says how large", () => {
    expect(() => picture(spot(0, 0), { size: [260, 160] })).not.toThrow();
    let needed = "";
    expect(() => picture(spot(0, 0), { size: [90, 50] })).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringMatching(/got 90x50, expected about \d+x\d+ or more$/),
      }),
    );
    try {
      picture(spot(0, 0), { size: [90, 50] });
    } catch (error) {
      needed = /about (\d+x\d+)/.exec((error as Error).message)![1]!;
    }
    const [width, height] = needed.split("x").map(Number) as [number, number];
    expect(() => picture(spot(0, 0), { size: [width, height] })).not.toThrow();
  });

  test("of ten seconds of noise, which hardly compresses, the file stays below a megabyte", () => {
    const random = new Random(1, "noise");
    const [frames, bins] = [2500, 257];
    const svg = picture(
      {
        ...{ frames, bins, values: Float64Array.from({ length: frames * bins }, () => random.between(0, 1)) },
        times: Float64Array.from({ length: frames }, (_, t) => t / 250),
        frequencies: Float64Array.from({ length: bins }, (_, k) => (k * 8000) / 256),
      },
      { timeRange: [0, 10], size: [1600, 800] },
    );
    expect(svg.length).toBeLessThan(1e6);
  });
});

describe("several panels", () => {
  const samples = Float64Array.from({ length: 8000 }, (_, i) => (i < 4000 ? 0.1 : 0.4) * (i % 2 ? 1 : -1));
  const panels = [
    { name: "channel 0", spectrogram: spot(40, 20), samples },
    { name: "channel 1", spectrogram: spot(80, 10), samples: new Float64Array(8000) },
  ];

  test("stand below each other on one time axis, each with its name and its tone", () => {
    const drawn = readSvg(picture(spot(0, 0), { panels, title: "<two>" }));
    const [first, second] = imagesOf(drawn) as [Image, Image];
    expect(second.y).toBeGreaterThan(first.y + first.height);
    expect([second.x, second.width, second.height]).toEqual([first.x, first.width, first.height]);
    expect(brightest(first).x).toBeLessThan(brightest(second).x);
    for (const word of ["<two>", "channel 0", "channel 1"]) expect(textsOf(drawn)).toContain(word);
    expect(textsOf(drawn).filter((word) => word === "time (s)")).toHaveLength(1);
    const names = drawn.filter(({ text }) => text.startsWith("channel"));
    expect(names[0]!.y).toBeLessThan(first.y);
    expect(names[1]!.y).toBeGreaterThan(first.y + first.height);
    expect(names[1]!.y).toBeLessThan(second.y);
  });

  test("waveforms lie below their spectrograms, as high as the axis says", () => {
    const drawn = readSvg(picture(spot(0, 0), { panels, size: [1600, 1200] }));
    const [first, second] = imagesOf(drawn) as [Image, Image];
    const [wave, silence] = drawn
      .filter(({ tag }) => tag === "path")
      .map(({ attributes }) =>
        Array.from(attributes.d!.matchAll(/M([\d.]+),([\d.]+)V([\d.]+)/g), ([, x, top, bottom]) => ({
          ...{ x: Number(x), top: Number(top), bottom: Number(bottom) },
        })),
      ) as [{ x: number; top: number; bottom: number }[], { x: number; top: number; bottom: number }[]];
    expect(wave).toHaveLength(first.width);
    expect(wave[0]!.x).toBeCloseTo(first.x + 0.5);
    for (const { top, bottom } of wave) {
      expect(top).toBeGreaterThan(first.y + first.height);
      expect(bottom).toBeLessThan(second.y);
    }
    const labels = labelsOf(
      drawn,
      ({ x, y }) => x < first.x && y > first.y + first.height + 20 && y < second.y - 10,
    );
    expect(labels.map(({ text }) => text)).toEqual(["−0.4", "0", "0.4"]);
    const heightOf = axisScale(
      labels.map((label) => ({ ...label, y: middleOf(label) })),
      "y",
      number,
    );
    const [quiet, loud] = [wave[100]!, wave.at(-100)!];
    expect(quiet.top).toBeCloseTo(heightOf(0.1), 0);
    expect(quiet.bottom).toBeCloseTo(heightOf(-0.1), 0);
    expect(loud.top).toBeCloseTo(heightOf(0.4), 0);
    expect(loud.bottom).toBeCloseTo(heightOf(-0.4), 0);
    // Silence is a line of one pixel.
    for (const { top, bottom } of silence) expect(bottom - top).toBeCloseTo(1);
  });

  test("few samples are joined by a line", () => {
    const few = [{ spectrogram: spot(0, 0), samples: [0, 1, 0, -1] }];
    const drawn = readSvg(picture(spot(0, 0), { panels: few }));
    const image = imagesOf(drawn)[0]!;
    const path = drawn.find(({ tag }) => tag === "path")!.attributes.d!;
    const points = path
      .slice(1)
      .split("L")
      .map((point) => point.split(",").map(Number));
    expect(points).toHaveLength(4);
    for (const [i, [x]] of points.entries())
      expect(x).toBeCloseTo(image.x + ((i + 0.5) / 4) * image.width, 1);
    expect(points[1]![1]).toBeLessThan(points[0]![1]!);
    expect(points[3]![1]).toBeGreaterThan(points[2]![1]!);
  });
});

test.each<[string, Partial<SpectrogramPicture>, RegExp]>([
  ["no time", { timeRange: [1, 1] }, /time range.*1 to 1/],
  ["values that go down", { valueRange: [0, -80] }, /value range.*0 to -80/],
  ["values without end", { valueRange: [Number.NEGATIVE_INFINITY, 0] }, /value range/],
  ["frequencies that go down", { frequencyRange: [400, 100] }, /frequency range.*400 to 100/],
  ["a logarithmic axis from 0", { scale: "log", frequencyRange: [0, 100] }, /above 0 Hz, got 0/],
])("%s is wrong usage", (_, options, message) => {
  expect(() => picture(spot(0, 0), options)).toThrow(
    expect.objectContaining({ exitCode: 2, message: expect.stringMatching(message) }),
  );
});
