import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compareCurves, curvesSvg as drawCurves, type EpochMetrics } from "../../src/plot/curves.js";
import { textWidth } from "../../src/plot/text-width.js";
import { colors } from "../../src/plot/theme.js";
import { bestEpoch, type Keeping, keptEpoch } from "../../src/run/history.js";
import { pretendHistory } from "./histories.js";
import { axisScale, type Drawn, pathPoints, readSvg, textsOf } from "./read-svg.js";

// Vega reports what it could not do as a warning.
beforeEach(() => {
  vi.spyOn(console, "warn");
});
afterEach(() => {
  expect(console.warn).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

const curvesSvg = (history: readonly EpochMetrics[], keeping?: Keeping) =>
  drawCurves(history, keptEpoch(history, keeping));
const curvesOf = (drawn: readonly Drawn[], color: string) =>
  drawn.filter(
    ({ tag, attributes, inside }) =>
      tag === "path" && inside.includes("mark-line") && attributes.stroke === color,
  );
const labelsOf = (drawn: readonly Drawn[], pattern: RegExp) =>
  drawn.filter(
    ({ tag, text, inside }) => tag === "text" && inside.includes("role-axis-label") && pattern.test(text),
  );

/** Checks a curve against the axis that its panel shows. */
function expectCurve(
  points: { x: number; y: number }[],
  values: number[],
  valueAxis: Drawn[],
  parse: (text: string) => number,
) {
  const scale = axisScale(valueAxis, "y", parse);
  expect(points).toHaveLength(values.length);
  // Labels stand a little below their values: what is between two values counts.
  points.forEach((point, index) => {
    expect(point.y - points[0]!.y).toBeCloseTo(scale(values[index]!) - scale(values[0]!), 1);
  });
}

describe("curves of one run", () => {
  const history = pretendHistory(12);
  const left = (drawn: Drawn[], middle: number) => drawn.filter(({ x }) => x < middle);
  const right = (drawn: Drawn[], middle: number) => drawn.filter(({ x }) => x >= middle);

  it("write a loss's ticks as plain numbers, whatever its size", async () => {
    for (const [loss, ticks] of [
      [9, ["2", "4", "6", "8", "10"]],
      [0.09, ["0.02", "0.04", "0.06", "0.08", "0.1"]],
      [9000, ["2,000", "4,000", "10,000"]],
    ] as const) {
      const high = history.map((epoch) => ({ ...epoch, loss, valLoss: loss / 50 }));
      const texts = textsOf(readSvg(await curvesSvg(high)));
      for (const tick of ticks) expect(texts).toContain(tick);
    }
  });

  it("draw each value where the axes say, training and validation apart", async () => {
    const svg = await curvesSvg(history);
    const drawn = readSvg(svg);
    const middle = Number(drawn[0]!.attributes.width) / 2;
    const percent = (text: string) => Number.parseFloat(text) / 100;
    const accuracyAxis = left(labelsOf(drawn, /%$/), middle);
    const lossAxis = right(labelsOf(drawn, /^[\d.]+$/), middle).filter(
      ({ attributes }) => attributes["text-anchor"] === "end",
    );
    expect(accuracyAxis.length).toBeGreaterThan(2);
    expect(lossAxis.length).toBeGreaterThan(2);
    // The axes go from the lowest to the highest tick.
    for (const axis of [accuracyAxis, lossAxis]) expect(axis[0]!.y - axis.at(-1)!.y).toBeCloseTo(230, 6);

    const [validationAccuracy, validationLoss] = curvesOf(drawn, colors.validation).map(pathPoints);
    const [trainingAccuracy, trainingLoss] = curvesOf(drawn, colors.training).map(pathPoints);
    expectCurve(
      trainingAccuracy!,
      history.map(({ accuracy }) => accuracy),
      accuracyAxis,
      percent,
    );
    expectCurve(
      validationAccuracy!,
      history.map(({ valAccuracy }) => valAccuracy),
      accuracyAxis,
      percent,
    );
    expectCurve(
      trainingLoss!,
      history.map(({ loss }) => loss),
      lossAxis,
      Number,
    );
    expectCurve(
      validationLoss!,
      history.map(({ valLoss }) => valLoss),
      lossAxis,
      Number,
    );
    // Both curves of a panel share its scale.
    const pixelsPerUnit =
      (trainingAccuracy![0]!.y - validationAccuracy![0]!.y) /
      (history[0]!.accuracy - history[0]!.valAccuracy);
    const scale = axisScale(accuracyAxis, "y", percent);
    expect(pixelsPerUnit / (scale(1) - scale(0))).toBeCloseTo(1, 2);
    // Epochs are evenly spaced from left to right.
    const steps = validationAccuracy!.slice(1).map((point, index) => point.x - validationAccuracy![index]!.x);
    for (const step of steps) expect(step).toBeCloseTo(360 / 11, 1);
  });

  it("mark the epoch of the lowest validation loss with its values", async () => {
    const best = bestEpoch(history, "valLoss")!;
    expect(best.valLoss).toBe(Math.min(...history.map(({ valLoss }) => valLoss)));
    const drawn = readSvg(await curvesSvg(history));
    expect(textsOf(drawn)).toContain(`${(100 * best.valAccuracy).toFixed(1)}%`);
    expect(textsOf(drawn)).toContain(best.valLoss.toFixed(3));
    const rings = drawn.filter(
      ({ attributes }) => attributes.fill === colors.background && attributes.stroke === colors.validation,
    );
    const curves = curvesOf(drawn, colors.validation).map(pathPoints);
    // The first ring is the legend's.
    expect(rings).toHaveLength(3);
    rings.slice(1).forEach((ring, panel) => {
      expect(ring.x).toBeCloseTo(curves[panel]![best.epoch - 1]!.x, 3);
      expect(ring.y).toBeCloseTo(curves[panel]![best.epoch - 1]!.y, 3);
    });
  });

  it("mark the epoch of the highest validation accuracy where that is what counts", async () => {
    const early = history.map((epoch) => (epoch.epoch === 5 ? { ...epoch, valAccuracy: 0.99 } : epoch));
    const best = bestEpoch(early, "valAccuracy")!;
    expect(best.epoch).toBe(5);
    expect(bestEpoch(early, "valLoss")!.epoch).not.toBe(5);
    const drawn = readSvg(await curvesSvg(early, { monitor: "valAccuracy" }));
    expect(textsOf(drawn)).toContain("best epoch (highest validation accuracy)");
    expect(textsOf(drawn)).toContain(`${(100 * best.valAccuracy).toFixed(1)}%`);
    expect(textsOf(drawn)).toContain(best.valLoss.toFixed(3));
    const rings = drawn.filter(
      ({ attributes }) => attributes.fill === colors.background && attributes.stroke === colors.validation,
    );
    const curves = curvesOf(drawn, colors.validation).map(pathPoints);
    expect(rings[1]!.x).toBeCloseTo(curves[0]![best.epoch - 1]!.x, 3);
  });

  it("mark the newest epoch where its model is kept, and call it so", async () => {
    const early = history.map((epoch) => (epoch.epoch === 5 ? { ...epoch, valLoss: 0.1 } : epoch));
    expect(bestEpoch(early, "valLoss")!.epoch).toBe(5);
    // The model of an epoch that has diverged is never saved.
    const diverged = { ...history.at(-1)!, epoch: 13, valLoss: 1e9, valAccuracy: 0 };
    for (const run of [early, [...early, diverged]]) {
      const drawn = readSvg(await curvesSvg(run, { monitor: "valLoss", saveBestOnly: false }));
      expect(textsOf(drawn)).toContain("kept epoch (the newest)");
      expect(textsOf(drawn).join()).not.toContain("best");
      const ring = drawn.filter(
        ({ attributes }) => attributes.fill === colors.background && attributes.stroke === colors.validation,
      )[1]!;
      const newest = pathPoints(curvesOf(drawn, colors.validation)[0]!)[11]!;
      expect(ring.x).toBeCloseTo(newest.x, 3);
      expect(ring.y).toBeCloseTo(newest.y, 3);
    }
  });

  it("write the best values where no curve runs, off the rule that marks the first epoch", async () => {
    const epochs = Array.from({ length: 10 }, (_, i) => i);
    const histories = {
      // What a model that overfits from its second epoch on looks like.
      overfit: epochs.map((i) => ({
        loss: 2.4 * Math.exp(-i / 4),
        valLoss: 2.2 + 0.3 * i,
        accuracy: 0.1 + 0.08 * i,
      })),
      flat: epochs.map((i) => ({
        loss: 2.4 - 0.001 * i,
        valLoss: 2.39 + 0.001 * i,
        accuracy: 0.1 + 0.001 * i,
      })),
      late: epochs.map((i) => ({ loss: 2.4 - 0.2 * i, valLoss: 2.5 - 0.19 * i, accuracy: 0.3 })),
    };
    for (const [name, rows] of Object.entries(histories)) {
      const history = rows.map((row, i) => ({ ...row, epoch: i + 1, valAccuracy: 0.3 - 0.01 * i }));
      const best = bestEpoch(history, "valLoss")!;
      const drawn = readSvg(await curvesSvg(history));
      const lines = [colors.validation, colors.training].flatMap((color) =>
        curvesOf(drawn, color).map(pathPoints),
      );
      expect(lines).toHaveLength(4);
      const texts = [`${(100 * best.valAccuracy).toFixed(1)}%`, best.valLoss.toFixed(3)];
      const values = drawn.filter(
        ({ text, attributes }) => texts.includes(text) && attributes["font-weight"] === "600",
      );
      expect(values.length).toBeGreaterThanOrEqual(2);
      for (const { text, x, y, attributes } of values) {
        const width = textWidth(text);
        const left = x - { start: 0, middle: width / 2, end: width }[attributes["text-anchor"] ?? "start"]!;
        for (const line of lines) {
          const first = line[0]!;
          if (best.epoch === 1 && Math.abs(first.x - left) < 100)
            expect(left, name).toBeGreaterThan(first.x + 2);
          line.slice(1).forEach((end, i) => {
            for (let step = 0; step <= 20; step++) {
              const px = line[i]!.x + ((end.x - line[i]!.x) * step) / 20;
              const py = line[i]!.y + ((end.y - line[i]!.y) * step) / 20;
              const isIn = px > left && px < left + width && py > y - 9 && py < y + 1;
              expect(isIn, `${name}: ${text} on a curve`).toBe(false);
            }
          });
        }
      }
    }
  });

  it("say what they show", async () => {
    const texts = textsOf(readSvg(await curvesSvg(history)));
    for (const text of ["Accuracy", "Loss", "training", "validation", "best epoch (lowest validation loss)"])
      expect(texts).toContain(text);
    expect(texts.filter((text) => text === "epoch")).toHaveLength(2);
  });

  it("take one epoch, as points on the one label of the axis", async () => {
    const svg = await curvesSvg(pretendHistory(1));
    expect(svg).not.toMatch(/NaN|Infinity/);
    const drawn = readSvg(svg);
    const epochs = labelsOf(drawn, /^1$/).filter(({ attributes }) => attributes["text-anchor"] === "middle");
    expect(epochs).toHaveLength(2);
    const points = drawn.filter(
      ({ inside, attributes }) => inside.includes("mark-symbol") && attributes.fill === colors.training,
    );
    expect(points).toHaveLength(2);
    points.forEach(({ x }, panel) => {
      expect(Math.abs(x - epochs[panel]!.x)).toBeLessThan(1);
    });
  });

  it("label each of a few epochs", async () => {
    for (const epochs of [2, 3, 4]) {
      const labels = labelsOf(readSvg(await curvesSvg(pretendHistory(epochs))), /^\d$/)
        .filter(({ attributes }) => attributes["text-anchor"] === "middle")
        .map(({ text }) => text);
      const each = Array.from({ length: epochs }, (_, i) => String(i + 1));
      expect(labels).toEqual([...each, ...each]);
    }
  });

  it("take 200 epochs, as lines without points, and label whole epochs alone", async () => {
    const drawn = readSvg(await curvesSvg(pretendHistory(200)));
    expect(pathPoints(curvesOf(drawn, colors.validation)[0]!)).toHaveLength(200);
    expect(
      drawn.filter(
        ({ inside, attributes }) => inside.includes("mark-symbol") && attributes.fill === colors.training,
      ),
    ).toEqual([]);
    const epochs = labelsOf(drawn, /^/).filter(({ attributes }) => attributes["text-anchor"] === "middle");
    expect(epochs.map(({ text }) => text)).toContain("200");
    for (const { text } of epochs) expect(text).toMatch(/^\d+$/);
  });

  it("leave a gap where a training diverged", async () => {
    const broken = history.map((epoch) =>
      epoch.epoch === 5 ? { ...epoch, loss: Number.NaN, valLoss: Number.NaN } : epoch,
    );
    expect(bestEpoch(broken, "valLoss")).toBe(bestEpoch(history, "valLoss"));
    expect(bestEpoch([{ ...history[0]!, valLoss: Number.NaN }], "valLoss")).toBeUndefined();
    const svg = await curvesSvg(broken);
    expect(svg).not.toMatch(/NaN|Infinity/);
    const [, validationLoss] = curvesOf(readSvg(svg), colors.validation);
    expect(pathPoints(validationLoss!)).toHaveLength(11);
    expect(validationLoss!.attributes.d!.match(/M/g)).toHaveLength(2);
  });

  it("take a history without an epoch, or without a finite loss", async () => {
    const diverged = history.map((epoch) => ({
      ...epoch,
      loss: Number.POSITIVE_INFINITY,
      valLoss: Number.NaN,
    }));
    for (const odd of [[], diverged]) expect(await curvesSvg(odd)).not.toMatch(/NaN|Infinity/);
  });

  it("take constant and extreme values", async () => {
    const flat = { loss: 0, accuracy: 1, valLoss: 0, valAccuracy: 1 };
    for (const values of [
      flat,
      { ...flat, accuracy: 0, valAccuracy: 0 },
      { ...flat, loss: 1e6, valLoss: 1e-9 },
    ]) {
      const svg = await curvesSvg([1, 2, 3].map((epoch) => ({ epoch, ...values }) as EpochMetrics));
      expect(svg).not.toMatch(/NaN|Infinity/);
    }
  });
});

describe("curves of several runs", () => {
  const runs = [
    { name: "conv1d", history: pretendHistory(12, 2) },
    {
      name: `a <b>&"c"`,
      history: pretendHistory(8, 3).map((epoch) => ({ ...epoch, valAccuracy: epoch.valAccuracy / 2 })),
    },
    { name: "toString", history: pretendHistory(10, 4) },
  ].map((run) => ({ ...run, kept: keptEpoch(run.history) }));
  const keptBy = ({ history }: (typeof runs)[number], keeping: Keeping) => keptEpoch(history, keeping);

  it("have the same axes in every panel, and the name of each run as it is", async () => {
    const drawn = readSvg(await compareCurves(runs));
    for (const { name } of runs) expect(textsOf(drawn)).toContain(name);
    const left = drawn.filter(
      ({ inside, text, attributes }) =>
        inside.includes("role-axis-label") && attributes["text-anchor"] === "end" && text !== "",
    );
    const perPanel = left.length / runs.length;
    const texts = left.map(({ text }) => text);
    for (let run = 1; run < runs.length; run++)
      expect(texts.slice(run * perPanel, (run + 1) * perPanel)).toEqual(texts.slice(0, perPanel));
  });

  it("draw each run's own curves, and the others' validation behind them", async () => {
    const drawn = readSvg(await compareCurves(runs));
    const own = curvesOf(drawn, colors.validation).map((curve) => pathPoints(curve).length);
    expect(own).toEqual([12, 12, 8, 8, 10, 10]);
    const behind = curvesOf(drawn, colors.context).map((curve) => pathPoints(curve).length);
    expect(behind).toEqual([8, 10, 8, 10, 12, 10, 12, 10, 12, 8, 12, 8]);
    expect(textsOf(drawn)).toContain("validation of the other runs");
  });

  it("mark each run's best epoch by what it was chosen by", async () => {
    const [first, second] = runs;
    const mixed = [{ ...first!, kept: keptBy(first!, { monitor: "valAccuracy" }) }, second!];
    const drawn = readSvg(await compareCurves(mixed));
    expect(textsOf(drawn)).toContain("best epoch");
    const best = bestEpoch(first!.history, "valAccuracy")!;
    expect(textsOf(drawn)).toContain(best.valLoss.toFixed(3));
    const same = mixed.map((run) => ({ ...run, kept: keptBy(run, { monitor: "valAccuracy" }) }));
    expect(textsOf(readSvg(await compareCurves(same)))).toContain("best epoch (highest validation accuracy)");
  });

  it("say of which runs the newest epoch is marked", async () => {
    const legendOf = async (...saveBestOnly: boolean[]) => {
      const some = runs
        .slice(0, 2)
        .map((run, i) => ({ ...run, kept: keptBy(run, { saveBestOnly: saveBestOnly[i]! }) }));
      return textsOf(readSvg(await compareCurves(some))).find((text) => /epoch \(/.test(text));
    };
    expect(await legendOf(true, true)).toBe("best epoch (lowest validation loss)");
    expect(await legendOf(true, false)).toBe("kept epoch (the best or the newest)");
    expect(await legendOf(false, false)).toBe("kept epoch (the newest)");
  });

  it("show one run without words on others", async () => {
    expect(textsOf(readSvg(await compareCurves(runs.slice(0, 1))))).not.toContain(
      "validation of the other runs",
    );
  });
});
