import { Random } from "../base/random.js";

/** Groups indices by key: ascending indices, sorted keys. */
export function indicesByKey(keys: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>([...new Set(keys)].sort().map((key) => [key, []]));
  keys.forEach((key, i) => {
    groups.get(key)!.push(i);
  });
  return groups;
}

/**
 * Divides `total` in proportion to the counts, in whole numbers that sum to it: each count gets its quota rounded down,
 * and those with the largest remainders one more (Hamilton's method).
 *
 * @param total at most the sum of the counts
 */
export function apportion(counts: readonly number[], total: number): number[] {
  const sum = counts.reduce((a, b) => a + b, 0);
  const quotas = counts.map((count) => (count * total) / sum);
  const shares = quotas.map(Math.floor);
  const left = total - shares.reduce((a, b) => a + b, 0);
  const byRemainder = [...counts.keys()].sort((a, b) => quotas[b]! - shares[b]! - (quotas[a]! - shares[a]!));
  for (const i of byRemainder.slice(0, left)) shares[i]!++;
  return shares;
}

/** Draws a random sample of `size` rows, stratified by label, with at least one row of each label if `size` allows it. */
export function stratifiedSample(labels: readonly string[], size: number, seed: number): Int32Array {
  const groups = indicesByKey(labels);
  const shares = apportion(
    [...groups.values()].map((rows) => rows.length),
    size,
  );
  if (size >= groups.size) {
    for (let none = shares.indexOf(0); none !== -1; none = shares.indexOf(0)) {
      shares[none]!++;
      shares[shares.indexOf(Math.max(...shares))]!--;
    }
  }
  const chosen = [...groups].flatMap(([label, rows], i) =>
    new Random(seed, "limit", label).shuffle(rows).slice(0, shares[i]),
  );
  return Int32Array.from(chosen).sort();
}
