import { beforeAll, describe, expect, test } from "vitest";
import { softmax } from "../../../src/base/numbers.js";
import { Random } from "../../../src/base/random.js";
import {
  areaUnderRoc,
  detection,
  detectionCurve,
  equalErrorRate,
  keywordCurves,
  meanCurve,
  pointAtFalseAlarms,
} from "../../../src/eval/analysis/detection.js";
import { topKAccuracies } from "../../../src/eval/metrics.js";
import type { Logits } from "../../../src/run/logits.js";
import { hasPython, runPython } from "../../helpers/python.js";

const curveOf = (scores: number[], keyword: string) =>
  detectionCurve(
    scores,
    Array.from(keyword, (each) => each === "+"),
  )!;

describe("a curve worked by hand", () => {
  // Best score first: + + - + - -
  const curve = curveOf([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], "++-+--");

  test("goes from accepting nothing to accepting everything, corner by corner", () => {
    expect(curve).toEqual([
      { threshold: Number.POSITIVE_INFINITY, falseAlarmRate: 0, falseRejectRate: 1 },
      { threshold: 0.8, falseAlarmRate: 0, falseRejectRate: 1 / 3 },
      { threshold: 0.7, falseAlarmRate: 1 / 3, falseRejectRate: 1 / 3 },
      { threshold: 0.6, falseAlarmRate: 1 / 3, falseRejectRate: 0 },
      { threshold: 0.4, falseAlarmRate: 1, falseRejectRate: 0 },
    ]);
  });

  test("errors are equal where a third of either is wrong", () => {
    expect(equalErrorRate(curve)).toBeCloseTo(1 / 3, 12);
  });

  test("8 of the 9 pairs of a clip with and one without the keyword are in order", () => {
    expect(areaUnderRoc(curve)).toBeCloseTo(8 / 9, 12);
  });

  test("false rejects at given false alarms", () => {
    expect(pointAtFalseAlarms(curve, 0.01)).toMatchObject({ threshold: 0.8, falseRejectRate: 1 / 3 });
    expect(pointAtFalseAlarms(curve, 1 / 3)).toMatchObject({ threshold: 0.6, falseRejectRate: 0 });
    expect(pointAtFalseAlarms(curve, 0.9)).toMatchObject({ threshold: 0.6, falseRejectRate: 0 });
  });
});

describe("curves at their limits", () => {
  test("equal scores are accepted together: a model that knows nothing guesses", () => {
    const curve = curveOf([0.5, 0.5, 0.5, 0.5], "+-+-");
    expect(curve).toHaveLength(2);
    expect(equalErrorRate(curve)).toBe(0.5);
    expect(areaUnderRoc(curve)).toBe(0.5);
    // Within fewer false alarms only accepting nothing stays.
    expect(pointAtFalseAlarms(curve, 0.5)).toMatchObject({
      threshold: Number.POSITIVE_INFINITY,
      falseRejectRate: 1,
    });
  });

  test("all right, all wrong", () => {
    const right = curveOf([4, 3, 2, 1], "++--");
    expect([equalErrorRate(right), areaUnderRoc(right)]).toEqual([0, 1]);
    const wrong = curveOf([4, 3, 2, 1], "--++");
    expect([equalErrorRate(wrong), areaUnderRoc(wrong)]).toEqual([1, 0]);
  });

  test("there is none of clips that all have the keyword, or none", () => {
    expect(detectionCurve([1, 2], [true, true])).toBeUndefined();
    expect(detectionCurve([1, 2], [false, false])).toBeUndefined();
  });
});

test("the mean of curves is taken at each false alarm rate, linear between points", () => {
  const straight = curveOf([1, 1], "+-"); // from (0, 1) to (1, 0)
  const right = curveOf([4, 3, 2, 1], "++--");
  expect(meanCurve([straight, right])).toEqual([
    { falseAlarmRate: 0, falseRejectRate: 0.5 },
    { falseAlarmRate: 1, falseRejectRate: 0 },
  ]);
  const half = curveOf([4, 3, 2, 1], "-+-+"); // steps at 0, 0.5 and 1
  expect(meanCurve([straight, half])).toEqual([
    { falseAlarmRate: 0, falseRejectRate: 1 },
    { falseAlarmRate: 0.5, falseRejectRate: 0.5 },
    { falseAlarmRate: 1, falseRejectRate: 0 },
  ]);
});

/** Answers of a model that is often right, some of them equal. */
function someLogits(examples: number, labelCount: number): { logits: Logits; truth: Int32Array } {
  const random = new Random(3, "answers");
  const truth = Int32Array.from({ length: examples }, () => random.integer(labelCount));
  const values = new Float32Array(examples * labelCount);
  for (let i = 0; i < examples; i++) {
    for (let label = 0; label < labelCount; label++) {
      const logit = 2 * random.normal() + (label === truth[i] ? 3 : 0);
      values[i * labelCount + label] = i % 3 === 0 ? Math.round(logit) : logit;
    }
  }
  return { logits: { values, examples, labelCount }, truth };
}

describe("detection by a model's logits", () => {
  const labels = ["yes", "no", "unknown", "silence", "never"];
  const { logits: four, truth } = someLogits(400, 4);
  // With a label that no clip has and that is never predicted.
  const values = new Float32Array(400 * 5).fill(-50);
  for (let i = 0; i < 400; i++) values.set(four.values.subarray(4 * i, 4 * i + 4), 5 * i);
  const five = { values, examples: 400, labelCount: 5 };
  const curves = keywordCurves(five, truth, labels);
  const support = new Map(labels.map((label, k) => [label, truth.filter((own) => own === k).length]));
  const { perKeyword, mean } = detection(curves, support, 400);

  test("is of the keywords of which there are clips, not of unknown and silence", () => {
    expect(perKeyword.map(({ label }) => label)).toEqual(["yes", "no"]);
    for (const { label, positives, negatives } of perKeyword)
      expect([positives, negatives]).toEqual([support.get(label), 400 - support.get(label)!]);
  });

  test("its thresholds are probabilities that give the rates it tells", () => {
    perKeyword.forEach(({ falseRejects }, label) => {
      for (const { falseAlarmRate, falseRejectRate, threshold } of falseRejects) {
        const accepted = (own: boolean) => {
          const rows = [...truth.keys()].filter((i) => (truth[i] === label) === own);
          const heard = rows.filter(
            // The threshold is one of the scores: rounding must not decide.
            (i) => softmax(values.subarray(5 * i, 5 * i + 5))[label]! >= threshold! * (1 - 1e-9),
          );
          return heard.length / rows.length;
        };
        expect(accepted(false)).toBeLessThanOrEqual(falseAlarmRate);
        expect(1 - accepted(true)).toBeCloseTo(falseRejectRate, 12);
      }
    });
  });

  test("means are plain, each keyword at its own threshold", () => {
    const [yes, no] = perKeyword as [(typeof perKeyword)[0], (typeof perKeyword)[0]];
    expect(mean!.equalErrorRate).toBeCloseTo((yes.equalErrorRate + no.equalErrorRate) / 2, 12);
    expect(mean!.falseRejects.map(({ falseAlarmRate }) => falseAlarmRate)).toEqual([0.005, 0.01, 0.05]);
    expect(mean!.falseRejects[1]!.falseRejectRate).toBeCloseTo(
      (yes.falseRejects[1]!.falseRejectRate + no.falseRejects[1]!.falseRejectRate) / 2,
      12,
    );
  });

  test("tells clips apart whose probabilities round to 1", () => {
    const sure = { values: Float32Array.of(60, 0, 80, 0, 70, 0), examples: 3, labelCount: 2 };
    const [yes] = keywordCurves(sure, Int32Array.of(1, 0, 0), ["yes", "no"]);
    expect(areaUnderRoc(yes!.curve)).toBe(1);
  });

  test("of no keyword has no mean", () => {
    const silent = keywordCurves(four, truth, ["a", "b", "unknown", "silence"].fill("unknown"));
    expect(detection(silent, support, 400)).toEqual({ perKeyword: [], mean: null });
  });
});

describe.skipIf(!hasPython("sklearn", "scipy"))("against scikit-learn (Python)", () => {
  const labelCount = 6;
  const { logits, truth } = someLogits(500, labelCount);
  // A third of the scores is rounded, so that some are equal.
  const scores = Array.from({ length: labelCount }, (_, k) =>
    Array.from(truth, (_, i) => logits.values[i * labelCount + k]!),
  );
  const curves = scores.map(
    (each, k) =>
      detectionCurve(
        each,
        Array.from(truth, (own) => own === k),
      )!,
  );
  let expected: { keywords: { roc: number[][]; det: number[][]; auc: number; eer: number }[] };
  beforeAll(() => {
    expected = runPython(
      `
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import auc, det_curve, roc_curve
truth = np.array(input["truth"])
keywords = []
for k, score in enumerate(input["scores"]):
    fpr, tpr, _ = roc_curve(truth == k, score, drop_intermediate=False)
    false_alarms, false_rejects, _ = det_curve(truth == k, score)
    keywords.append({
        "roc": [fpr.tolist(), tpr.tolist()],
        "det": [false_alarms.tolist(), false_rejects.tolist()],
        "auc": float(auc(fpr, tpr)),
        "eer": float(brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1)),
    })
output = {"keywords": keywords}
`,
      { scores, truth },
    );
  });

  test("every point of the ROC and DET curves lies on ours, and ours on them", () => {
    curves.forEach((curve, k) => {
      const { roc, det } = expected.keywords[k]!;
      const theirs = roc[0]!.map((rate, i) => [rate, 1 - roc[1]![i]!]);
      const distance = (points: number[][], [x, y]: number[]) =>
        Math.min(...points.slice(1).map((to, i) => distanceToSegment([x!, y!], points[i]!, to)));
      const ours = curve.map(({ falseAlarmRate, falseRejectRate }) => [falseAlarmRate, falseRejectRate]);
      for (const point of theirs) expect(distance(ours, point)).toBeLessThan(1e-12);
      for (const point of ours) expect(distance(theirs, point)).toBeLessThan(1e-12);
      for (const [i, rate] of det[0]!.entries())
        expect(distance(ours, [rate, det[1]![i]!])).toBeLessThan(1e-12);
    });
  });

  test("area under the ROC curve and equal error rate", () => {
    curves.forEach((curve, k) => {
      expect(areaUnderRoc(curve)).toBeCloseTo(expected.keywords[k]!.auc, 10);
      expect(equalErrorRate(curve)).toBeCloseTo(expected.keywords[k]!.eer, 8);
    });
  });

  test("top-k accuracy", () => {
    // scikit-learn orders equal scores otherwise: only clips whose scores differ are compared.
    const distinct = [...truth.keys()].filter((i) => i % 3 !== 0);
    const some = {
      values: Float32Array.from(distinct.flatMap((i) => [...logits.values.subarray(i * 6, i * 6 + 6)])),
      examples: distinct.length,
      labelCount,
    };
    const own = Int32Array.from(distinct, (i) => truth[i]!);
    const theirs = runPython<number[]>(
      `
from sklearn.metrics import top_k_accuracy_score
logits = np.array(input["logits"]).reshape(len(input["truth"]), -1)
output = [float(top_k_accuracy_score(input["truth"], logits, k=k, labels=range(6))) for k in range(1, 6)]
`,
      { logits: some.values, truth: own },
    );
    topKAccuracies(some, own).forEach(({ k, accuracy }) => {
      expect(accuracy).toBeCloseTo(theirs[k - 1]!, 12);
    });
  });
});

function distanceToSegment([x, y]: number[], [x0, y0]: number[], [x1, y1]: number[]): number {
  const [dx, dy] = [x1! - x0!, y1! - y0!];
  const length2 = dx * dx + dy * dy;
  const at = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((x! - x0!) * dx + (y! - y0!) * dy) / length2));
  return Math.hypot(x0! + at * dx - x!, y0! + at * dy - y!);
}

test("top-k by hand: equal logits rank as the labels do", () => {
  const logits = { values: Float32Array.of(3, 2, 1, 3, 2, 1, 1, 1, 1), examples: 3, labelCount: 3 };
  expect(topKAccuracies(logits, Int32Array.of(0, 2, 1))).toEqual([
    { k: 1, accuracy: 1 / 3 },
    { k: 2, accuracy: 2 / 3 },
    { k: 3, accuracy: 1 },
  ]);
});
