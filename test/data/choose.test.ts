import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.js";
import { chooseClip, readClip } from "../../src/data/choose.js";
import { atSampleRate } from "../../src/data/load.js";
import { SampleStore } from "../../src/data/sample-store.js";
import { tone } from "../helpers/clips.js";

const clips = {
  sampleRate: 800,
  samples: SampleStore.of(
    800,
    [0, 1, 2].map((label) => tone(label, 800, new Random(label))),
  ),
  labels: ["a", "b", "c"],
  rows: Int32Array.of(4, 7, 9),
  sources: [],
};

describe("chooseClip", () => {
  test("finds a row by its number in the data as it was read", () => {
    expect(chooseClip(clips, 7, 1)).toBe(1);
    expect(() => chooseClip(clips, 5, 1)).toThrow(/--index 5/);
  });

  test("a random one follows from the seed", () => {
    const drawn = Array.from({ length: 40 }, (_, seed) => chooseClip(clips, "random", seed));
    expect(new Set(drawn)).toEqual(new Set([0, 1, 2]));
    expect(chooseClip(clips, "random", 3)).toBe(drawn[3]);
  });
});

describe("readClip", () => {
  test("gives the row as it is, or as it is when the whole set is resampled", () => {
    const wave = new Float32Array(800);
    clips.samples.read(1, wave);
    expect(readClip(clips, 1)).toEqual(wave);
    const resampled = new Float32Array(400);
    atSampleRate(clips, 400).samples.read(1, resampled);
    expect(readClip(clips, 1, 400)).toEqual(resampled);
  });
});
