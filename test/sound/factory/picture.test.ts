import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { svgToPng } from "../../../src/plot/png.js";
import { SpectrogramFactory } from "../../../src/sound/factory/factory.js";
import type { RealArray } from "../../../src/sound/factory/real-array.js";
import { scaler } from "../../../src/sound/factory/steps/scaler.js";
import { colorAt } from "../../../src/sound/picture/colormaps.js";

const rate = 8000;
const tone = (hz: number, amplitude = 0.5) =>
  Float32Array.from({ length: rate }, (_, i) => amplitude * Math.sin((2 * Math.PI * hz * i) / rate));
const factory = new SpectrogramFactory({ sampleRate: rate, stft: { nFft: 256, hop: 64 } });
const polar = new SpectrogramFactory({
  sampleRate: rate,
  stft: { nFft: 256, hop: 64 },
  processor: "magnitude-phase",
});
const words = (svg: string) =>
  Array.from(svg.matchAll(/<text[^>]*>([^<]+)</g), ([, word]) => word!.replace("−", "-"));
/** The pictures inside: the values' pixels as they are, one a value or more. */
const pixels = (svg: string) =>
  Array.from(svg.matchAll(/base64,([^"]+)/g), ([, text]) => decode(Buffer.from(text!, "base64")));

/**
 * How bright each row of the spectrogram's image is in its middle column, from the highest frequency to the
 * lowest.
 */
function brightestRow(svg: string, index = 0): number {
  const image = pixels(svg)[index]!;
  const channels = image.data.length / (image.width * image.height);
  const column = Math.floor(image.width / 2);
  const level = (row: number) => Number(image.data[(row * image.width + column) * channels]);
  const rows = Array.from({ length: image.height }, (_, row) => level(row));
  return rows.indexOf(Math.max(...rows)) / (image.height - 1);
}

describe("of sound: raw, in dB", () => {
  test("the axes are seconds and Hz, the bar dB of full scale, and a tone lies where it sounds", () => {
    const svg = factory.picture(tone(1000), { title: "a tone" });
    expect(svg).toMatch(/^<svg [^>]*width="800" height="300"/);
    for (const word of ["a tone", "time (s)", "frequency (Hz)", "dB of full scale"])
      expect(words(svg)).toContain(word);
    expect(brightestRow(svg)).toBeCloseTo(0.75, 1);
    // A sine of amplitude 0.5 has -6 dB; 80 dB below it the colours end.
    expect(words(svg)).toContain("-10");
    expect(words(svg)).not.toContain("-90");
  });

  test("each channel in a panel of its own", () => {
    const sound = { sampleRate: rate, channels: [tone(1000), tone(3000)] };
    const svg = factory.picture(sound);
    expect(svg).toMatch(/^<svg [^>]*width="800" height="600"/);
    expect(words(svg)).toEqual(expect.arrayContaining(["channel 0", "channel 1"]));
  });

  test("silence is dark", async () => {
    const svg = factory.picture(new Float32Array(rate));
    const { data, width, channels } = decode(await svgToPng(svg, { scale: 1 }));
    const at = (100 * width + 300) * channels;
    expect([...data.subarray(at, at + 3)]).toEqual([...colorAt("viridis", 0)].slice(0, 3));
  });

  test("another size and other colours", () => {
    const svg = factory.picture(tone(1000), { size: [500, 250], colormap: "jet" });
    expect(svg).toMatch(/^<svg [^>]*width="500" height="250"/);
    expect(svg).not.toBe(factory.picture(tone(1000), { size: [500, 250] }));
  });
});

describe("of arrays: processed", () => {
  test("each array under its name, with a colour bar of its own values", () => {
    const svg = polar.picture(polar.forward(tone(1000)), { title: "yes.wav" });
    expect(svg).toMatch(/^<svg [^>]*width="800" height="600"/);
    expect(words(svg)).toEqual(expect.arrayContaining(["yes.wav: magnitude", "yes.wav: phase", "value"]));
    expect(pixels(svg).length).toBeGreaterThanOrEqual(2);
    expect(brightestRow(svg)).toBeCloseTo(0.75, 1);
    // The phase's bar reaches to pi, the magnitude's to half of the amplitude times the window's sum, 0.25 *
    // 128.
    for (const label of ["-3", "3", "30"])
      expect(words(svg).some((word) => word.startsWith(label))).toBe(true);
  });

  test("in the order that the factory puts them, by channels", () => {
    const ordered = new SpectrogramFactory({
      sampleRate: rate,
      stft: { nFft: 256, hop: 64 },
      processor: "magnitude-phase",
      order: [0, 2, 1, 3],
    });
    const example = ordered.forward({ sampleRate: rate, channels: [tone(1000), tone(2000)] });
    const names = words(ordered.picture(example)).filter((word) => word.startsWith("channel"));
    expect(names).toEqual([
      "channel 0, magnitude",
      "channel 1, magnitude",
      "channel 0, phase",
      "channel 1, phase",
    ]);
  });

  test("what transforms made of them is drawn as it is", async () => {
    const scaled = new SpectrogramFactory({
      sampleRate: rate,
      stft: { nFft: 256, hop: 64 },
      transforms: [scaler({ range: [100, 200] })],
    });
    await scaled.fit([tone(1000)]);
    const svg = scaled.picture(scaled.forward(tone(1000)));
    const bars = words(svg).slice(words(svg).indexOf("time (s)") + 1, words(svg).indexOf("value"));
    expect(bars).toEqual(["100", "120", "140", "160", "180", "200"]);
  });

  test("a model's NaN is no colour, and one value alone has some", () => {
    const { data, shape } = factory.forward(tone(1000));
    const holed = { data: data.map((value, i) => (i % 50 === 0 ? Number.NaN : value)), shape };
    expect(factory.picture(holed)).not.toBe(factory.picture({ data, shape }));
    expect(factory.picture({ data: data.fill(3), shape })).toMatch(/^<svg /);
  });

  test("arrays of other bins need their frequencies", () => {
    const two: RealArray = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [1, 2, 3] };
    expect(() => factory.picture(two)).toThrow(
      "the arrays have 2 bins, the STFT has 129: pass the frequency of each bin",
    );
    expect(() => factory.picture(two, { frequencies: [1, 2, 3] })).toThrow("frequencies were given for 3");
    const svg = factory.picture(two, { frequencies: [100, 300] });
    expect(words(svg)).toContain("array 0");
  });

  test("a whole dataset is no example", () => {
    const batch = { data: new Float32Array(129 * 2), shape: [1, 1, 129, 2] };
    expect(() => factory.picture(batch)).toThrow(
      /must have the shape \[arrays, bins, frames\], got \[1, 1, 129, 2\]/,
    );
  });
});
