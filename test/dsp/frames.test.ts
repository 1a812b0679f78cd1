import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.js";
import { type FrameTransform, frameTransform, PlainFrames } from "../../src/dsp/fourier/frames.js";
import { framesSourceSha256 } from "../../src/dsp/fourier/frames-wasm.js";
import { expectNear } from "../helpers/near.js";

function noise(length: number, stream: string): Float64Array {
  const random = new Random(1, "frames test", stream, length);
  return Float64Array.from({ length }, () => random.normal());
}

function spectra(transform: FrameTransform, samples: Float64Array, window: Float64Array, frames: number) {
  const re = new Float64Array(frames * transform.bins);
  const im = new Float64Array(frames * transform.bins);
  transform.spectra(samples, window, frames, re, im);
  return { re, im };
}

describe("frames in WebAssembly", () => {
  test("were compiled from the source that is here", () => {
    const source = readFileSync(new URL("../../kernels/frames.ts", import.meta.url));
    expect(createHash("sha256").update(source).digest("hex")).toBe(framesSourceSha256);
  });

  // Powers of 4 and twice those, lengths that need the chirp (half of them odd), and both ends of the range.
  const lengths = [8, 16, 32, 64, 128, 256, 512, 4096, 10, 12, 14, 22, 258, 400, 1022, 16_382, 16_384];
  test.each(lengths)("of %i equal those one after the other", (nFft) => {
    for (const [hop, frames] of [
      [3, 1],
      [nFft, 2],
      [Math.ceil(nFft / 3), 17],
      [nFft + 5, 4],
    ] as const) {
      const samples = noise((frames - 1) * hop + nFft, "samples");
      const window = noise(nFft, "window");
      const fast = frameTransform(nFft, hop);
      const plain = new PlainFrames(nFft, hop);
      expect(fast).not.toBeInstanceOf(PlainFrames);
      const expected = spectra(plain, samples, window, frames);
      const actual = spectra(fast, samples, window, frames);
      expectNear(actual.re, expected.re, 1e-13, `re, hop ${hop}`);
      expectNear(actual.im, expected.im, 1e-13, `im, hop ${hop}`);
      const powers = new Float64Array(frames * fast.bins);
      const expectedPowers = new Float64Array(frames * fast.bins);
      fast.powers(samples, window, frames, powers);
      plain.powers(samples, window, frames, expectedPowers);
      expectNear(powers, expectedPowers, 1e-13, `powers, hop ${hop}`);
    }
  });

  test("take the window of each call", () => {
    const samples = noise(100, "samples");
    const transform = frameTransform(64, 12);
    const before = spectra(transform, samples, noise(64, "one"), 4);
    spectra(transform, samples, noise(64, "two"), 4);
    expect(spectra(transform, samples, noise(64, "one"), 4)).toEqual(before);
  });

  test("are left to the plain way for odd and huge lengths and for huge hops", () => {
    expect(frameTransform(1 << 15, 64)).toBeInstanceOf(PlainFrames);
    expect(frameTransform(255, 64)).toBeInstanceOf(PlainFrames);
    expect(frameTransform(256, 1e9)).toBeInstanceOf(PlainFrames);
  });
});
