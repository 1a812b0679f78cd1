import type { RunConfig } from "../run/settings.js";
import { shortNames } from "./names.js";

/** Statistics of one figure over several runs. */
export interface SampleStatistics {
  mean: number;
  /** Sample standard deviation (n - 1); null for a single run. */
  sd: number | null;
  min: number;
  max: number;
  /** One value for each run. */
  values: number[];
}

/** Runs that differ only in their seed. */
export interface SeedGroup {
  name: string;
  runs: string[];
  seeds: number[];
  accuracy: SampleStatistics;
  macroF1: SampleStatistics;
  loss: SampleStatistics;
}

/** Computes the statistics of at least one value. */
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
 * Groups runs that differ only in their seed, and returns the indices of each group in order. The data's path, the
 * backend and the version that wrote the run do not count. Neither do the runs that `from` and `teacher` name, since
 * each seed has its own of those. A run whose seed is in the group already begins another group.
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
 * Names a group by what its names begin and end with: `a-1`, `a-2` → `a-*`. Returns all names, joined, if they have
 * nothing in common. Numbers are compared whole: 2 and 42 have no common end.
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

/** Names groups in tables and pictures by what the short names of their runs have in common. */
export function shortGroupNames(groups: readonly SeedGroup[], runs: readonly { run: string }[]): string[] {
  const paths = runs.map(({ run }) => run);
  const names = shortNames(paths);
  return groups.map((group) => commonName(group.runs.map((run) => names[paths.indexOf(run)]!)));
}

function numbersAndLetters(name: string): string[] {
  return name.match(/\d+|\D/gu) ?? [];
}

/** Formats mean and standard deviation, `82.98 ± 4.04 %`; for a single run, its value alone. */
export function plusMinus(
  { mean, sd }: SampleStatistics,
  inWords: (value: number) => string,
  unit = "",
): string {
  return `${inWords(mean)}${sd === null ? "" : ` ± ${inWords(sd)}`}${unit}`;
}
