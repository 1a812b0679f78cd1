import { describe, expect, test } from "vitest";
import { type DetectionCurves, detSvg, type RatePoint, rocSvg } from "../../src/plot/evaluation/detection.js";
import { colors } from "../../src/plot/theme.js";
import { pathPoints, readSvg, textsOf } from "./read-svg.js";

const side = 360;

/** Corners as [false alarms, false rejects], from accepting nothing to accepting everything. */
const curveOf = (...corners: [number, number][]): RatePoint[] =>
  [[0, 1] as const, ...corners, [1, 0] as const].map(([falseAlarmRate, falseRejectRate]) => ({
    falseAlarmRate,
    falseRejectRate,
  }));
const perfect = curveOf([0, 0]);
const good = curveOf([0, 0.05], [0.01, 0.05], [0.01, 0.01], [0.03, 0.01], [0.03, 0]);
const poor = curveOf([0, 0.9], [0.3, 0.9], [0.3, 0.3], [0.8, 0.3]);
const reversed = curveOf([0.9, 1], [0.9, 0.9]);

const curvesOf = (mean: RatePoint[], named: Record<string, [RatePoint[], number]>): DetectionCurves => ({
  mean,
  keywords: Object.entries(named).map(([label, [curve, equalErrorRate]]) => ({
    label,
    curve,
    equalErrorRate,
  })),
});

/** The corners of the lines of that colour on the plot; the legend's are marks of another kind. */
function linesOf(svg: string, color: string): { x: number; y: number }[][] {
  return readSvg(svg)
    .filter(
      ({ tag, attributes, inside }) =>
        tag === "path" && inside.includes("mark-line") && attributes.stroke === color && attributes.d !== "",
    )
    .map(pathPoints);
}

describe("DET", () => {
  test("curves end where they leave the range", async () => {
    const svg = await detSvg(curvesOf(good, { yes: [good, 0.01] }));
    const [mean] = linesOf(svg, colors.validation);
    // From the left edge at 5 % rejects to 3 % alarms at the lower edge: 4 corners between.
    expect(mean).toHaveLength(5);
    const [left, , , , last] = mean!;
    const others = linesOf(svg, colors.axis)[0]!; // equal errors, from corner to corner
    expect(others).toHaveLength(2);
    expect(left!.x).toBeCloseTo(others[0]!.x, 1);
    expect(left!.y).toBeLessThan(others[0]!.y - 10);
    expect(last!.y).toBeCloseTo(others[0]!.y, 1);
    expect(last!.x).toBeGreaterThan(others[0]!.x + 10);
    expect(others[1]!.x - others[0]!.x).toBeCloseTo(side, 1);
    const texts = textsOf(readSvg(svg));
    for (const label of ["0.1%", "1%", "10%", "60%"])
      expect(texts.filter((text) => text === label)).toHaveLength(2);
    // The normal quantiles of 0.1, 1 and 60 %: -3.0902, -2.3263, 0.2533.
    const share = (2.3263 - 3.0902) / (-0.2533 - 3.0902);
    expect(mean![1]!.x - left!.x).toBeCloseTo(share * side, 1);
  });

  test("a curve of which nothing is within the range has no line, and the legend says where it is", async () => {
    const svg = await detSvg(curvesOf(good, { yes: [good, 0.01], wow: [reversed, 0.9] }));
    expect(linesOf(svg, colors.training)).toEqual([]);
    expect(textsOf(readSvg(svg))).toContain("worst: wow (beyond 60 %)");
    expect(textsOf(readSvg(svg))).toContain("mean of 2 keywords");

    // Passing under the corner between two points counts as better too.
    const under = curveOf([0, 0.0015], [0.0015, 0]);
    for (const best of [perfect, under]) {
      const none = await detSvg(curvesOf(best, { yes: [best, 0], no: [best, 0] }));
      const texts = textsOf(readSvg(none));
      expect(texts).toContain("mean of 2 keywords (below 0.1 %)");
      expect(texts).toContain("worst: yes (below 0.1 %)");
      expect(texts).not.toContain("each");
      expect(linesOf(none, colors.validation)).toEqual([]);
    }
  });
});

describe("ROC", () => {
  test("of a good model shows the corner that its curves are in, and says so", async () => {
    const svg = await rocSvg(curvesOf(good, { yes: [good, 0.01], no: [perfect, 0] }));
    const texts = textsOf(readSvg(svg));
    for (const text of ["false alarm rate (up to 10 %)", "keywords heard (from 90 %)", "90%", "92%", "10%"])
      expect(texts).toContain(text);
    expect(texts).not.toContain("20%");
    expect(texts).not.toContain("guessing"); // nowhere in that corner
    const [mean] = linesOf(svg, colors.validation);
    const [first] = mean!;
    const corner = mean!.find(({ x }) => x > first!.x + 1)!; // at 1 % alarms
    expect(corner.x - first!.x).toBeCloseTo(side / 10, 1);
    // From 90 % heard, where the picture begins, up to 95 %.
    expect(first!.y - corner.y).toBeCloseTo(side / 2, 1);
  });

  test("begins below every keyword's hits at 1 % false alarms", async () => {
    const deaf = curveOf([0, 0.97], [0.005, 0.97], [0.005, 0.33], [0.04, 0.33], [0.04, 0]);
    const texts = textsOf(readSvg(await rocSvg(curvesOf(good, { yes: [good, 0.01], no: [deaf, 0.04] }))));
    expect(texts).toContain("keywords heard (from 60 %)");
  });

  test("of a poor model shows everything, guessing too", async () => {
    const svg = await rocSvg(curvesOf(poor, { yes: [poor, 0.3] }));
    const texts = textsOf(readSvg(svg));
    for (const text of ["false alarm rate", "keywords heard", "0%", "100%", "guessing"])
      expect(texts).toContain(text);
    const [guessing] = linesOf(svg, colors.axis);
    expect(guessing!.map(({ x }) => x - guessing![0]!.x)).toEqual([0, side]);
    expect(linesOf(svg, colors.validation)[0]).toHaveLength(poor.length);
  });
});
