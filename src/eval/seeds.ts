import type { RunConfig } from "../run/settings.js";
import { shortNames } from "./names.js";

/** A figure over several runs. */
export interface SampleStatistics {
  mean: number;
  /** Sample standard deviation (n - 1); null of a single run. */
  sd: number | null;
  min: number;
  max: number;
  /** By run. */
  values: number[];
}

/** Runs that differ in their seed alone. */
export interface SeedGroup {
  name: string;
  runs: string[];
  seeds: number[];
  accuracy: SampleStatistics;
  macroF1: SampleStatistics;
  loss: SampleStatistics;
}

export function sampleStatistics(values: readonly number[]): SampleStatistics {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    mean,
    sd: values.length === 1 ? null : Math.sqrt(squares / (values.length - 1)),
    min: Math.min(...values),
    max: Math.max(...values),
    values: [...values],
  };
}

/**
 * Which runs differ in their seed alone: their places, in order. Where the data lie, what computed and which version
 * wrote the run do not count, nor from or by which runs they learned, as each seed has its own of those. A seed that comes
 * again is not another one: its run begins a group of its own.
 */
export function groupBySeed(configs: readonly RunConfig[]): number[][] {
  const groups: { key: string; seeds: number[]; places: number[] }[] = [];
  configs.forEach((config, place) => {
    const {
      seed,
      data: _,
      backend: __,
      keyspot: ___,
      examples: ____,
      teacherFingerprints: _____,
      ...rest
    } = config;
    const { from, teacher, sources, ...settings } = rest;
    const learned = [from !== undefined, teacher?.length];
    const key = JSON.stringify([settings, learned, sources.map(({ fingerprint }) => fingerprint)]);
    const group = groups.find((each) => each.key === key && !each.seeds.includes(seed));
    if (group === undefined) {
      groups.push({ key, seeds: [seed], places: [place] });
    } else {
      group.seeds.push(seed);
      group.places.push(place);
    }
  });
  return groups.map(({ places }) => places);
}

/**
 * `a-1`, `a-2` → `a-*`: what the names begin and end with, or all of them where that is nothing. A number is shared whole
 * or not at all: of 2 and 42 it is no end that they have in common.
 */
export function commonName(names: readonly string[]): string {
  const [first, ...others] = names.map(numbersAndLetters) as [string[], ...string[][]];
  if (others.length === 0) return names[0]!;
  const shortest = Math.min(first.length, ...others.map((name) => name.length));
  let start = 0;
  while (start < shortest && others.every((name) => name[start] === first[start])) start++;
  let end = 0;
  while (end < shortest - start && others.every((name) => name.at(-1 - end) === first.at(-1 - end))) end++;
  if (start + end === 0) return names.join(", ");
  return `${first.slice(0, start).join("")}*${first.slice(first.length - end).join("")}`;
}

/** What the groups are called in tables and pictures: by what the short names of their runs have in common. */
export function shortGroupNames(groups: readonly SeedGroup[], runs: readonly { run: string }[]): string[] {
  const paths = runs.map(({ run }) => run);
  const names = shortNames(paths);
  return groups.map((group) => commonName(group.runs.map((run) => names[paths.indexOf(run)]!)));
}

function numbersAndLetters(name: string): string[] {
  return name.match(/\d+|\D/gu) ?? [];
}

/** `82.98 ± 4.04 %`; of a single run the value alone. */
export function plusMinus(
  { mean, sd }: SampleStatistics,
  inWords: (value: number) => string,
  unit = "",
): string {
  return `${inWords(mean)}${sd === null ? "" : ` ± ${inWords(sd)}`}${unit}`;
}
