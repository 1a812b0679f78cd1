import { isWord } from "../../data/labels.js";
import type { Logits } from "../../run/logits.js";
import { exampleLogits } from "../metrics.js";

/** False-alarm rates at which false-reject rates are reported. */
export const falseAlarmRates: readonly number[] = [0.005, 0.01, 0.05];

/** The error rates of a detector at one threshold. */
export interface OperatingPoint {
  /** The lowest score that is accepted; infinite if none is. */
  threshold: number;
  /** Share of accepted clips among those without the keyword. */
  falseAlarmRate: number;
  /** Share of rejected clips among those with the keyword. */
  falseRejectRate: number;
}

/**
 * Computes the ROC curve of a score: false-alarm and false-reject rates at each threshold, from accepting nothing
 * (0 and 1) to accepting everything (1 and 0). Equal scores are accepted together. Points between two others on a line
 * along either axis are left out. Source: T. Fawcett, "An introduction to ROC analysis" (2006), algorithm 1.
 *
 * @param scores finite, by clip
 * @param isKeyword by clip
 * @returns the curve; undefined if all clips have the keyword, or none
 */
export function detectionCurve(
  scores: ArrayLike<number>,
  isKeyword: ArrayLike<boolean>,
): OperatingPoint[] | undefined {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const positives = order.reduce((sum, i) => sum + (isKeyword[i] ? 1 : 0), 0);
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return undefined;
  const curve: OperatingPoint[] = [
    { threshold: Number.POSITIVE_INFINITY, falseAlarmRate: 0, falseRejectRate: 1 },
  ];
  let heard = 0;
  let alarms = 0;
  order.forEach((i, place) => {
    if (isKeyword[i]) heard++;
    else alarms++;
    const next = order[place + 1];
    if (next !== undefined && scores[next] === scores[i]) return;
    const point = {
      threshold: scores[i]!,
      falseAlarmRate: alarms / negatives,
      falseRejectRate: (positives - heard) / positives,
    };
    const [before, last] = [curve.at(-2), curve.at(-1)!];
    const straight = (rate: "falseAlarmRate" | "falseRejectRate") =>
      before !== undefined && before[rate] === last[rate] && last[rate] === point[rate];
    if (straight("falseAlarmRate") || straight("falseRejectRate")) curve.pop();
    curve.push(point);
  });
  return curve;
}

/** Equal error rate: where both rates are equal, linearly interpolated between the two nearest points. */
export function equalErrorRate(curve: readonly OperatingPoint[]): number {
  const at = curve.findIndex(({ falseAlarmRate, falseRejectRate }) => falseAlarmRate >= falseRejectRate);
  const [before, after] = [curve[at - 1]!, curve[at]!];
  const gap = before.falseRejectRate - before.falseAlarmRate;
  const closing = gap + after.falseAlarmRate - after.falseRejectRate;
  return before.falseAlarmRate + (gap / closing) * (after.falseAlarmRate - before.falseAlarmRate);
}

/** Area under the ROC curve: the probability that a clip with the keyword scores above one without; ties count half. */
export function areaUnderRoc(curve: readonly OperatingPoint[]): number {
  let area = 0;
  for (let i = 1; i < curve.length; i++) {
    const [a, b] = [curve[i - 1]!, curve[i]!];
    area += (b.falseAlarmRate - a.falseAlarmRate) * (1 - (a.falseRejectRate + b.falseRejectRate) / 2);
  }
  return area;
}

/** The point with the fewest false rejects whose false-alarm rate is at most `falseAlarmRate`. There always is one. */
export function pointAtFalseAlarms(curve: readonly OperatingPoint[], falseAlarmRate: number): OperatingPoint {
  return curve.findLast((point) => point.falseAlarmRate <= falseAlarmRate)!;
}

/**
 * Averages curves: the mean false-reject rate at each false-alarm rate that occurs, linearly interpolated (vertical
 * averaging: Fawcett, algorithm 3).
 */
export function meanCurve(
  curves: readonly (readonly OperatingPoint[])[],
): Omit<OperatingPoint, "threshold">[] {
  const rates = new Set(curves.flatMap((curve) => curve.map(({ falseAlarmRate }) => falseAlarmRate)));
  const at = curves.map(() => 0); // the last point of each that has no more false alarms
  return [...rates]
    .sort((a, b) => a - b)
    .map((falseAlarmRate) => {
      const falseRejectRates = curves.map((curve, k) => {
        while (at[k]! + 1 < curve.length && curve[at[k]! + 1]!.falseAlarmRate <= falseAlarmRate) at[k]!++;
        const [before, after] = [curve[at[k]!]!, curve[at[k]! + 1]];
        if (after === undefined) return before.falseRejectRate;
        const share =
          (falseAlarmRate - before.falseAlarmRate) / (after.falseAlarmRate - before.falseAlarmRate);
        return before.falseRejectRate + share * (after.falseRejectRate - before.falseRejectRate);
      });
      return { falseAlarmRate, falseRejectRate: mean(falseRejectRates) };
    });
}

export interface FalseRejects {
  /** Upper bound of the false-alarm rate. */
  falseAlarmRate: number;
  falseRejectRate: number;
}

export interface KeywordDetection {
  label: string;
  /** Number of clips with the keyword. */
  positives: number;
  /** Number of all other clips: other keywords, `unknown`, `silence`. */
  negatives: number;
  areaUnderRoc: number;
  equalErrorRate: number;
  /** The threshold is a probability; null if only accepting nothing keeps to the false-alarm rate. */
  falseRejects: (FalseRejects & { threshold: number | null })[];
}

/** Detection of each keyword on its own, by a threshold on its probability. */
export interface Detection {
  /** The keywords with both positive and negative clips. */
  perKeyword: KeywordDetection[];
  /** Means over the keywords, each at its own threshold; null if there are none. */
  mean: { areaUnderRoc: number; equalErrorRate: number; falseRejects: FalseRejects[] } | null;
}

export interface KeywordCurve {
  label: string;
  /** Thresholds are log-odds. */
  curve: OperatingPoint[];
}

/**
 * Computes the curve of each keyword against all other clips. The score is the log-odds of the keyword's probability:
 * it orders clips as the probability does, and also those whose probability rounds to 1.
 */
export function keywordCurves(logits: Logits, truth: Int32Array, labels: readonly string[]): KeywordCurve[] {
  return labels.flatMap((label, index) => {
    if (!isWord(label)) return [];
    const scores = Float64Array.from({ length: logits.examples }, (_, i) =>
      logOdds(exampleLogits(logits, i), index),
    );
    const curve = detectionCurve(
      scores,
      Array.from(truth, (label) => label === index),
    );
    return curve === undefined ? [] : [{ label, curve }];
  });
}

/** Computes the figures of each keyword's curve, and their means. */
export function detection(
  curves: readonly KeywordCurve[],
  support: ReadonlyMap<string, number>,
  examples: number,
): Detection {
  const perKeyword = curves.map(({ label, curve }): KeywordDetection => {
    const positives = support.get(label)!;
    return {
      label,
      positives,
      negatives: examples - positives,
      areaUnderRoc: areaUnderRoc(curve),
      equalErrorRate: equalErrorRate(curve),
      falseRejects: falseAlarmRates.map((falseAlarmRate) => {
        const { threshold, falseRejectRate } = pointAtFalseAlarms(curve, falseAlarmRate);
        return {
          falseAlarmRate,
          falseRejectRate,
          threshold: Number.isFinite(threshold) ? oddsToProbability(threshold) : null,
        };
      }),
    };
  });
  if (perKeyword.length === 0) return { perKeyword, mean: null };
  return {
    perKeyword,
    mean: {
      areaUnderRoc: mean(perKeyword.map((keyword) => keyword.areaUnderRoc)),
      equalErrorRate: mean(perKeyword.map((keyword) => keyword.equalErrorRate)),
      falseRejects: falseAlarmRates.map((falseAlarmRate, i) => ({
        falseAlarmRate,
        falseRejectRate: mean(perKeyword.map(({ falseRejects }) => falseRejects[i]!.falseRejectRate)),
      })),
    },
  };
}

/** Converts log-odds to a probability. */
export function oddsToProbability(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds));
}

function logOdds(logits: Float32Array, index: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  logits.forEach((logit, i) => {
    if (i !== index) largest = Math.max(largest, logit);
  });
  let sum = 0;
  logits.forEach((logit, i) => {
    if (i !== index) sum += Math.exp(logit - largest);
  });
  return logits[index]! - largest - Math.log(sum);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
