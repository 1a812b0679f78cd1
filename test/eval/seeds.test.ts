import { expect, test } from "vitest";
import {
  commonName,
  groupBySeed,
  plusMinus,
  type SeedGroup,
  sampleStatistics,
  shortGroupNames,
} from "../../src/eval/seeds.js";
import type { RunConfig } from "../../src/run/settings.js";

test("mean and standard deviation by hand", () => {
  expect(sampleStatistics([2, 4, 4, 6])).toEqual({
    mean: 4,
    sd: expect.closeTo(Math.sqrt(8 / 3), 12),
    min: 2,
    max: 6,
    values: [2, 4, 4, 6],
  });
  expect(sampleStatistics([0.5])).toEqual({ mean: 0.5, sd: null, min: 0.5, max: 0.5, values: [0.5] });
  expect(plusMinus(sampleStatistics([1, 3]), (value) => value.toFixed(1), " %")).toBe("2.0 ± 1.4 %");
  expect(plusMinus(sampleStatistics([1]), String)).toBe("1");
});

test("runs are grouped by all of their settings but the seed", () => {
  const base = {
    data: ["a.npz"],
    model: "conv1d",
    width: 1,
    augment: {},
    seed: 1,
    backend: "wasm",
    keyspot: "0.1.0",
    examples: { train: 8, val: 1, test: 1 },
    sources: [{ path: "a.npz", fingerprint: "f", rows: 10 }],
  } as unknown as RunConfig;
  const sources = [{ path: "elsewhere.npz", fingerprint: "f", rows: 10 }];
  const configs = [
    base,
    {
      ...base,
      seed: 2,
      data: ["elsewhere.npz"],
      sources,
      backend: "cpu",
      examples: { train: 7, val: 1, test: 2 },
    },
    { ...base, seed: 2, width: 2 },
    { ...base, seed: 3, sources: [{ ...base.sources[0]!, fingerprint: "g" }] },
    { ...base, seed: 1 }, // the first run again: no other seed
    { ...base, seed: 4 },
  ] as RunConfig[];
  expect(groupBySeed(configs)).toEqual([[0, 1, 5], [2], [3], [4]]);
});

test("each seed may start from, and be taught by, a run of its own", () => {
  const base = { data: ["a.npz"], model: "conv1d", sources: [{ path: "a.npz", fingerprint: "f", rows: 10 }] };
  const configs = [
    { ...base, seed: 1, from: "words-1" },
    { ...base, seed: 2, from: "words-2" },
    { ...base, seed: 3 },
    { ...base, seed: 4, from: "words-4", teacher: ["large-4"] },
    { ...base, seed: 5, from: "words-5", teacher: ["large-5"] },
    { ...base, seed: 6, from: "words-6", teacher: ["large-6", "other-6"] },
  ] as unknown as RunConfig[];
  expect(groupBySeed(configs)).toEqual([[0, 1], [2], [3, 4], [5]]);
});

test("a group is named by what its runs' names share", () => {
  expect(commonName(["runs/a-1", "runs/a-2", "runs/a-10"])).toBe("runs/a-*");
  expect(commonName(["1/best", "2/best"])).toBe("*/best");
  expect(commonName(["aa", "aaa"])).toBe("aa*");
  expect(commonName(["one", "two"])).toBe("one, two");
  expect(commonName(["alone"])).toBe("alone");
  expect(commonName(["gabor-resnet-1", "gabor-resnet-2", "gabor-resnet-3"])).toBe("gabor-resnet-*");
});

test("numbers in names that share digits are shared whole or not at all", () => {
  expect(commonName(["s2", "s42"])).toBe("s*");
  expect(commonName(["g42", "g2", "g12"])).toBe("g*");
  expect(commonName(["x-1", "x-11"])).toBe("x-*");
  expect(commonName(["x-10", "x-100"])).toBe("x-*");
  expect(commonName(["seed1-w16", "seed21-w16"])).toBe("seed*-w16");
  expect(commonName(["1", "11"])).toBe("1, 11");
});

test("groups are called by the short names of all their runs, wherever these lie", () => {
  const group = (...runs: string[]) => ({ name: commonName(runs), runs }) as SeedGroup;
  const runs = ["old/conv1d-1", "new/conv1d-2", "old/skip-1", "new/skip-2"];
  const groups = [group(...runs.slice(0, 2)), group(...runs.slice(2))];
  expect(
    shortGroupNames(
      groups,
      runs.map((run) => ({ run })),
    ),
  ).toEqual(["conv1d-*", "skip-*"]);
});
