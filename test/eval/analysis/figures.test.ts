import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.js";
import { calibration } from "../../../src/eval/analysis/calibration.js";
import { accuracyBySpeaker } from "../../../src/eval/analysis/speakers.js";
import { wilsonCi95 } from "../../../src/eval/statistics.js";
import { hasPython, runPython } from "../../helpers/python.js";

describe("calibration", () => {
  test("by hand: two bins of five", () => {
    // (0.4, 0.6]: mean 0.5, a third right; (0.8, 1]: mean 0.95, all right
    const { expectedCalibrationError, meanConfidence, bins } = calibration(
      [0.45, 0.6, 0.45, 0.9, 1],
      [1, 0, 0, 1, 1],
      5,
    );
    expect(bins).toEqual([
      { from: 0.4, to: 0.6, clips: 3, confidence: expect.closeTo(0.5, 12), accuracy: 1 / 3 },
      { from: 0.8, to: 1, clips: 2, confidence: 0.95, accuracy: 1 },
    ]);
    expect(expectedCalibrationError).toBeCloseTo((3 / 5) * (0.5 - 1 / 3) + (2 / 5) * 0.05, 12);
    expect(meanConfidence).toBeCloseTo(3.4 / 5, 12);
  });

  test("is the definition: the sum over bins of |B| / n · |accuracy(B) - confidence(B)|", () => {
    const random = new Random(5, "confidence");
    const probabilities = Array.from({ length: 1000 }, () => 0.1 + 0.9 * random.uniform());
    const correct = probabilities.map((p) => (random.uniform() < p ** 2 ? 1 : 0));
    let expected = 0;
    for (let bin = 1; bin <= 15; bin++) {
      const inBin = [...probabilities.keys()].filter(
        (i) => probabilities[i]! > (bin - 1) / 15 && probabilities[i]! <= bin / 15,
      );
      if (inBin.length === 0) continue;
      const mean = (values: readonly number[]) =>
        inBin.reduce((sum, i) => sum + values[i]!, 0) / inBin.length;
      expected += (inBin.length / 1000) * Math.abs(mean(correct) - mean(probabilities));
    }
    const { expectedCalibrationError, bins } = calibration(probabilities, correct);
    expect(expectedCalibrationError).toBeCloseTo(expected, 12);
    expect(expected).toBeGreaterThan(0.1);
    expect(bins.reduce((sum, { clips }) => sum + clips, 0)).toBe(1000);
  });
});

describe("Wilson's interval", () => {
  test("of all and of none stays within 0 and 1 and keeps a width", () => {
    // 1 right of 1: the lower end is 1 / (1 + z²)
    expect(wilsonCi95(1, 1)).toEqual([expect.closeTo(1 / (1 + 1.959963984540054 ** 2), 12), 1]);
    expect(wilsonCi95(0, 10)[0]).toBe(0);
    expect(wilsonCi95(0, 10)[1]).toBeCloseTo(1 - wilsonCi95(10, 10)[0], 12);
  });

  test.skipIf(!hasPython("scipy"))("against SciPy (Python)", () => {
    const cases = [
      [1, 2],
      [7, 11],
      [37, 51],
      [960, 1000],
    ] as const;
    const expected = runPython<number[][]>(
      `
from scipy.stats import binomtest
output = [list(binomtest(right, count).proportion_ci(0.95, "wilson")) for right, count in input]
`,
      cases,
    );
    cases.forEach(([right, count], i) => {
      wilsonCi95(right, count).forEach((end, k) => {
        expect(end).toBeCloseTo(expected[i]![k]!, 10);
      });
    });
  });
});

describe("accuracy by speaker", () => {
  test("counts each one's clips; those who are surest to be understood badly come first", () => {
    const speakers = [
      ...Array<string>(10).fill("nine of ten wrong"),
      "one of one wrong",
      ...Array<string>(4).fill("all right"),
      undefined, // nobody's
    ];
    const correct = [1, ...Array<number>(9).fill(0), 0, 1, 1, 1, 1, 0];
    expect(accuracyBySpeaker(correct, speakers)).toEqual([
      { speaker: "nine of ten wrong", clips: 10, right: 1, accuracy: 0.1, accuracyCi95: wilsonCi95(1, 10) },
      { speaker: "one of one wrong", clips: 1, right: 0, accuracy: 0, accuracyCi95: wilsonCi95(0, 1) },
      { speaker: "all right", clips: 4, right: 4, accuracy: 1, accuracyCi95: wilsonCi95(4, 4) },
    ]);
  });
});
