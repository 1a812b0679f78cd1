import { describe, expect, it } from "vitest";
import { accuracyBars, perLabelBars } from "../../src/plot/bars.js";
import { runColors } from "../../src/plot/theme.js";
import { axisScale, boxOf, type Drawn, readSvg, textsOf } from "./read-svg.js";

const barsOf = (drawn: readonly Drawn[], run: number) =>
  drawn
    .filter(
      ({ tag, inside, attributes }) =>
        tag === "path" && inside.includes("mark-rect") && attributes.fill === runColors[run],
    )
    .map(boxOf);
const axisLabels = (drawn: readonly Drawn[], anchor: string) =>
  drawn.filter(
    ({ tag, inside, attributes }) =>
      tag === "text" && inside.includes("role-axis-label") && attributes["text-anchor"] === anchor,
  );

describe("bars per label", () => {
  const labels = ["yes", "no", "unknown"];
  const runs = [
    { name: "conv1d", values: [0.25, 0.5, Number.NaN] },
    { name: "<spectrogram>", values: [1, 0.8, 0.6] },
  ];

  it("are as long as their values, beside their label, run below run", async () => {
    const drawn = readSvg(await perLabelBars(labels, runs));
    const scale = axisScale(axisLabels(drawn, "middle"), "x", Number);
    const names = axisLabels(drawn, "end");
    expect(names.map(({ text }) => text)).toEqual(labels);
    const first = barsOf(drawn, 0);
    const second = barsOf(drawn, 1);
    expect(first).toHaveLength(2); // no bar for what is not known
    expect(second).toHaveLength(3);
    first.forEach(({ x, width }, label) => {
      expect(Math.abs(x + width - scale(runs[0]!.values[label]!))).toBeLessThan(1);
    });
    second.forEach(({ x, y, width, height }, label) => {
      expect(Math.abs(x + width - scale(runs[1]!.values[label]!))).toBeLessThan(1);
      expect(Math.abs(y - names[label]!.y)).toBeLessThan(height + 2);
      const other = first[label];
      if (other !== undefined) expect(other.y + other.height).toBeLessThanOrEqual(y);
    });
  });

  it("name the runs and the measure", async () => {
    const texts = textsOf(readSvg(await perLabelBars(labels, runs, "recall")));
    for (const text of ["conv1d", "<spectrogram>", "recall", "recall of each label"])
      expect(texts).toContain(text);
  });

  it("need no legend for one run, and take more runs than there are colours", async () => {
    expect(textsOf(readSvg(await perLabelBars(labels, runs.slice(0, 1))))).not.toContain("conv1d");
    const many = Array.from({ length: 11 }, (_, run) => ({ name: `run ${run}`, values: [0.1, 0.2, 0.3] }));
    const drawn = readSvg(await perLabelBars(labels, many));
    for (const { name } of many) expect(textsOf(drawn)).toContain(name);
    expect(drawn.filter(({ inside, tag }) => tag === "path" && inside.includes("mark-rect"))).toHaveLength(
      33,
    );
  });
});

describe("accuracy bars", () => {
  const runs = [
    { name: "conv1d", accuracy: 0.4, ci95: [0.35, 0.46] as const },
    { name: "spectrogram", accuracy: 0.834, ci95: [0.81, 0.86] as const },
  ];

  it("show accuracy, interval and baseline where the axis says", async () => {
    const drawn = readSvg(await accuracyBars(runs, 0.1));
    const scale = axisScale(axisLabels(drawn, "middle"), "x", (text) => Number.parseFloat(text) / 100);
    const vertical = (line: Drawn) => line.attributes.x2 === "0";
    const rules = drawn.filter(
      ({ tag, inside, attributes }) =>
        tag === "line" && inside.includes("mark-rule role-mark") && attributes["stroke-width"] !== "3.6",
    );
    const intervals = rules.filter((rule) => !vertical(rule));
    runs.forEach(({ accuracy, ci95: [low, high] }, run) => {
      const [bar] = barsOf(drawn, run);
      expect(Math.abs(bar!.x + bar!.width - scale(accuracy))).toBeLessThan(1);
      const interval = intervals[run]!;
      const ends = [interval.x, interval.x + Number(interval.attributes.x2)];
      expect(Math.abs(ends[0]! - scale(low))).toBeLessThan(1);
      expect(Math.abs(ends[1]! - scale(high))).toBeLessThan(1);
      expect(Math.abs(interval.y - (bar!.y + bar!.height / 2))).toBeLessThan(1);
    });
    const baseline = rules.filter(vertical);
    expect(baseline).toHaveLength(1);
    expect(Math.abs(baseline[0]!.x - scale(0.1))).toBeLessThan(1);
  });

  it("say the figures", async () => {
    const texts = textsOf(readSvg(await accuracyBars(runs, 0.1)));
    for (const text of [
      "40.0%",
      "35.0 – 46.0",
      "83.4%",
      "81.0 – 86.0",
      "always the most frequent label: 10.0%",
      "conv1d",
    ])
      expect(texts).toContain(text);
  });
});
