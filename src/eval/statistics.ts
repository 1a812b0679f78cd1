import { quantile } from "../base/numbers.js";
import { Random } from "../base/random.js";

/**
 * Exact McNemar test (two-sided binomial): the probability of a split of the disagreements at least as uneven if neither
 * classifier is better. Source: McNemar (1947); the exact form as in Dietterich (1998).
 *
 * @param aOnlyRight number of examples that only the first got right
 * @param bOnlyRight number of examples that only the second got right
 * @returns p in [0, 1]: 0 if it underflows, 1 if they never disagree
 */
export function mcnemarExact(aOnlyRight: number, bOnlyRight: number): number {
  const n = aOnlyRight + bOnlyRight;
  const fewer = Math.min(aOnlyRight, bOnlyRight);
  // Terms of the binomial in logarithms: 2^-n underflows from n = 1,075 on.
  let logTerm = -n * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= fewer; k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log(n - k) - Math.log(k + 1);
  }
  return Math.min(1, 2 * tail);
}

/**
 * Percentile bootstrap 95 % confidence interval of an accuracy (Efron and Tibshirani, 1993). Whole groups are drawn with
 * replacement if there are several, because clips of one speaker are not independent; else single examples. If all
 * examples are right, or none, resampling has no spread: the interval is then Wilson's, over examples.
 *
 * @param correct by example, 1 or 0
 * @param groups by example, such as the speaker
 */
export function bootstrapAccuracyCi95(
  correct: ArrayLike<number>,
  groups: readonly string[] | undefined,
  seed: number,
): [low: number, high: number] {
  const right = Array.from(correct).reduce((sum, value) => sum + value, 0);
  if (right === 0 || right === correct.length) return wilsonCi95(right, correct.length);
  return bootstrapMeanCi95(correct, groups, seed);
}

/**
 * The same for the difference of two accuracies on the same examples, the first minus the second.
 *
 * @param correctA by example, 1 or 0; as correctB
 */
export function bootstrapDifferenceCi95(
  correctA: ArrayLike<number>,
  correctB: ArrayLike<number>,
  groups: readonly string[] | undefined,
  seed: number,
): [low: number, high: number] {
  const differences = Array.from(correctA, (right, i) => right - correctB[i]!);
  return bootstrapMeanCi95(differences, groups, seed);
}

/** Tells whether there are several different groups. */
export function areSeveral(groups: readonly string[] | undefined): groups is readonly string[] {
  return groups?.some((group) => group !== groups[0]) ?? false;
}

function bootstrapMeanCi95(
  values: ArrayLike<number>,
  groups: readonly string[] | undefined,
  seed: number,
): [low: number, high: number] {
  const byGroup = new Map<string, { sum: number; count: number }>();
  const drawn = areSeveral(groups) ? groups : undefined;
  for (let i = 0; i < values.length; i++) {
    const key = drawn?.[i] ?? String(i);
    const group = byGroup.get(key) ?? { sum: 0, count: 0 };
    group.sum += values[i]!;
    group.count++;
    byGroup.set(key, group);
  }
  const all = [...byGroup.values()];
  const random = new Random(seed, "bootstrap");
  const means = new Float64Array(bootstrapDraws);
  for (let draw = 0; draw < bootstrapDraws; draw++) {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < all.length; i++) {
      const group = all[random.integer(all.length)]!;
      sum += group.sum;
      count += group.count;
    }
    means[draw] = sum / count;
  }
  means.sort();
  return [quantile(means, 0.025), quantile(means, 0.975)];
}

const bootstrapDraws = 2000;

/** 95 % score interval of a share (E. B. Wilson, 1927). It is also valid for few examples and for shares of 0 and 1. */
export function wilsonCi95(right: number, count: number): [low: number, high: number] {
  const z2 = 1.959963984540054 ** 2;
  const share = right / count;
  const middle = (share + z2 / (2 * count)) / (1 + z2 / count);
  const half = Math.sqrt(z2 * ((share * (1 - share)) / count + z2 / (4 * count * count))) / (1 + z2 / count);
  return [right === 0 ? 0 : middle - half, right === count ? 1 : middle + half];
}
