import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { confusionSpec } from "../../src/plot/confusion.js";
import {
  terminalCurves as drawCurves,
  terminalConfusion,
  terminalTable,
} from "../../src/plot/terminal/index.js";
import { type Keeping, keptEpoch } from "../../src/run/history.js";
import { pretendHistory } from "./histories.js";

const esc = "\u001b";
const plain = { width: 80, color: false };
const terminalCurves = (
  history: Parameters<typeof drawCurves>[0],
  { width, color, ...keeping }: { width: number; color: boolean } & Keeping,
) => drawCurves(history, { width, color, kept: keptEpoch(history, keeping) });

/** What every output keeps to: the width, and colours only where they are asked for around the same text. */
function expectOnScreen(draw: (options: { width: number; color: boolean }) => string, width: number) {
  const uncolored = draw({ width, color: false });
  expect(uncolored).not.toContain(esc);
  for (const line of uncolored.split("\n")) expect(stringWidth(line)).toBeLessThanOrEqual(width);
  expect(stripVTControlCharacters(draw({ width, color: true }))).toBe(uncolored);
  return uncolored;
}

describe("curves", () => {
  const braille = /[\u2801-\u28ff]/;

  it("fit any screen from the narrowest on, with and without colour", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 220 }),
        fc.integer({ min: 1, max: 250 }),
        fc.nat(100),
        (width, epochs, seed) => {
          const history = pretendHistory(epochs, seed);
          const text = expectOnScreen((options) => terminalCurves(history, options), width);
          expect(text.split("\n").length).toBeLessThan(32);
        },
      ),
    );
  });

  it("stand below one another on a narrow screen and side by side on a wide one", () => {
    const history = pretendHistory(12);
    const narrow = terminalCurves(history, { width: 40, color: false }).split("\n");
    const wide = terminalCurves(history, { width: 120, color: false }).split("\n");
    expect(narrow.length).toBeGreaterThan(1.9 * wide.length);
    expect(wide[0]).toMatch(/^accuracy .* loss /);
    expect(Math.max(...wide.map((line) => stringWidth(line)))).toBeGreaterThan(110);
    for (const word of ["accuracy", "loss", "validation", "training", "epoch"])
      expect(narrow.join("\n")).toContain(word);
  });

  it("rise and fall as the values do, the marked epoch being the best", () => {
    const history = [0.1, 0.5, 0.9].map((value, index) => ({
      epoch: index + 1,
      accuracy: value,
      valAccuracy: value,
      loss: 1 - value,
      valLoss: 1 - value,
    }));
    const [accuracy, loss] = terminalCurves(history, { width: 40, color: false }).split("\n\n") as [
      string,
      string,
    ];
    expect(accuracy).toContain("90.0% at the best epoch, 3");
    const flat = history.map((epoch) => ({ ...epoch, valAccuracy: 1 - epoch.valAccuracy }));
    expect(terminalCurves(flat, { width: 40, color: false, monitor: "valAccuracy" })).toContain(
      "90.0% at the best epoch, 1",
    );
    const newest = terminalCurves(flat, { width: 40, color: false, saveBestOnly: false });
    expect(newest).toContain("10.0% at the kept epoch, 3");
    expect(newest).not.toContain("best");

    const rowOf = (chart: string, column: number) => {
      const rows = chart.split("\n").filter((line) => /[┤│]/.test(line));
      return rows.findIndex((row) => braille.test(row[column] ?? "") || row[column] === "◆");
    };
    // Chart columns begin behind the labels, two to the left of the last column is near the end.
    expect(rowOf(accuracy, 7)).toBeGreaterThan(rowOf(accuracy, 22));
    expect(rowOf(accuracy, 22)).toBeGreaterThan(rowOf(accuracy, 38));
    expect(rowOf(loss, 7)).toBeLessThan(rowOf(loss, 22));
    expect(rowOf(loss, 22)).toBeLessThan(rowOf(loss, 38));
    const marked = accuracy
      .split("\n")
      .filter((line) => line.includes("┤") || line.includes("│"))
      .find((line) => line.includes("◆"));
    expect(marked!.indexOf("◆")).toBe(39);
  });

  it("tell training from validation without colour: dotted and solid", () => {
    const level = (valAccuracy: number, accuracy: number) =>
      Array.from({ length: 10 }, (_, index) => ({
        epoch: index + 1,
        loss: 1,
        valLoss: 1,
        accuracy,
        valAccuracy,
      }));
    const rows = (text: string) =>
      text
        .split("\n\n")[0]!
        .split("\n")
        .filter((line) => braille.test(line) && /[┤│]/.test(line));
    const [training, validation] = rows(terminalCurves(level(0.3, 0.9), { width: 60, color: false }));
    expect(training!.slice(6)).toMatch(/^([\u2801-\u28ff] )+[\u2801-\u28ff]?$/);
    expect(validation!.slice(6)).toMatch(/^◆[\u2801-\u28ff]+$/);
  });

  it("take a usual screen where there is none to fill", () => {
    const history = pretendHistory(12);
    const endless = terminalCurves(history, { width: Number.POSITIVE_INFINITY, color: false });
    expect(endless).toBe(terminalCurves(history, plain));
  });

  it("leave out what is not finite", () => {
    const history = pretendHistory(12);
    const broken = history.map((epoch) => (epoch.epoch === 5 ? { ...epoch, loss: Number.NaN } : epoch));
    expect(terminalCurves(broken, plain).split("\n")[0]).toBe(terminalCurves(history, plain).split("\n")[0]);
    expect(terminalCurves(broken, plain)).not.toContain("NaN");
  });

  it("name the marked epoch whole on a screen of 80 columns", () => {
    const history = pretendHistory(140).map((epoch) => ({ ...epoch, valAccuracy: 1 }));
    const [heading] = terminalCurves(history, { ...plain, saveBestOnly: false }).split("\n");
    expect(heading).toMatch(
      /^accuracy {2}◆ 100\.0% at kept epoch, 140 {2,}loss {2}◆ \S+ at the kept epoch, 140$/,
    );
  });

  it("show the last epoch's number and nothing for an empty history", () => {
    expect(terminalCurves(pretendHistory(13), { width: 40, color: false })).toMatch(/epoch 1 .* 13$/);
    expect(terminalCurves([], plain)).toBe("");
  });
});

describe("table", () => {
  const headers = ["run", "input", "accuracy", "parameters"];
  const rows = [
    ["checkpoints/compare/conv1d", "waveform", "9.20 %", "34,681,708"],
    ["checkpoints/compare/spectrogram", "spectrogram", "83.40 %", "–"],
  ];

  it("aligns figures to the right and words to the left", () => {
    expect(terminalTable(headers, rows, plain)).toBe(
      [
        "run                              input        accuracy  parameters",
        "───────────────────────────────  ───────────  ────────  ──────────",
        "checkpoints/compare/conv1d       waveform       9.20 %  34,681,708",
        "checkpoints/compare/spectrogram  spectrogram   83.40 %           –",
      ].join("\n"),
    );
  });

  it("shortens words in their middle, changes rows and columns, then becomes lists as the screen narrows", () => {
    expect(terminalTable(headers, rows, { width: 56, color: false }).split("\n")[3]).toMatch(
      /^checkpoin\S*…\S*rogram +spectrogram +83\.40 %/,
    );
    const turned = terminalTable(headers, rows, { width: 40, color: false }).split("\n");
    expect(turned[0]).toMatch(/^run +\S+conv1d +\S+rogram$/);
    expect(turned.slice(2).map((line) => line.split(" ")[0])).toEqual(headers.slice(1));
    const lists = terminalTable(headers, rows, { width: 30, color: false }).split("\n");
    expect(lists).toContain("  accuracy    83.40 %");
    expect(lists).toContain("checkpoints/com…re/spectrogram");
  });

  it("shortens no two words to the same", () => {
    const names = ["gabor-resnet", "gabor-sb-resnet"];
    const models = names.map((name) => [name, "waveform", "99,628", "11.8 M"]);
    const narrow = terminalTable(["model", "input", "parameters", "multiply-adds"], models, {
      width: 47,
      color: false,
    });
    for (const name of names) expect(narrow).toContain(name);
  });

  it("fits any screen, whatever the cells, and never cuts a figure that the screen has room for", () => {
    const cell = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 40 }),
      fc.constantFrom(
        "日本語のキーワード",
        "👩‍👩‍👧‍👦 family",
        `${esc}[31mred${esc}[0m`,
        "two\nlines",
        "a\tb",
      ),
      fc.integer().map(String),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }).chain((columns) =>
          fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), {
            minLength: 1,
            maxLength: 6,
          }),
        ),
        fc.integer({ min: 2, max: 120 }),
        (lines, width) => {
          const [first, ...others] = lines as [string[], ...string[][]];
          expectOnScreen((options) => terminalTable(first, others, options), width);
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 20, max: 60 }),
        (figures, width) => {
          const text = terminalTable(
            ["name", ...figures.map((_, i) => `column ${i}`)],
            [["a long name of a run", ...figures.map(String)]],
            { width, color: false },
          );
          for (const figure of figures) expect(text).toContain(String(figure));
        },
      ),
    );
  });

  it("cuts nothing where the width has no limit", () => {
    const long = "x".repeat(300);
    const endless = terminalTable(["a", "b"], [[long, "1"]], {
      width: Number.POSITIVE_INFINITY,
      color: false,
    });
    expect(endless.split("\n")[2]).toBe(`${long}  1`);
  });

  it("takes no rows", () => {
    expect(terminalTable(["a", "b"], [], plain)).toBe("a  b\n─  ─");
  });
});

describe("confusion matrix", () => {
  const labels = ["yes", "no", "unknown"];
  const confusion = [
    [8, 2, 0],
    [1, 1200, 99],
    [0, 0, 0],
  ];

  it("has a row a true label and a column a predicted one", () => {
    expect(terminalConfusion(labels, confusion, plain)).toBe(
      [
        "true label a row, predicted a column",
        "            yes      no unknown",
        "yes           8       2       ·",
        "no            1    1200      99",
        "unknown       ·       ·       ·",
      ].join("\n"),
    );
  });

  it("cuts no name of the course's labels on a screen of 80 columns", () => {
    const course = "yes,no,up,down,left,right,on,off,stop,go,unknown,silence".split(",");
    const matrix = course.map((_, i) => course.map((__, j) => (i === j ? 1234 : 7)));
    for (const width of [80, 200]) {
      const [, header, first] = terminalConfusion(course, matrix, { width, color: false }).split("\n");
      expect(header!.trim().split(/ +/)).toEqual(course);
      expect(header!.length).toBe(first!.length); // each name above its column's end
    }
  });

  it("takes more cells than a call takes arguments", () => {
    const many = Array.from({ length: 400 }, (_, i) => `word${i}`);
    const matrix = many.map((_, i) => many.map((__, j) => (i === j ? 7 : 0)));
    expect(terminalConfusion(many, matrix, { width: 80, color: false })).not.toBe("");
    expect(confusionSpec(many, matrix, "")).toHaveProperty("vconcat");
  });

  it("has a place for every label where the width has no limit", () => {
    const many = Array.from({ length: 40 }, (_, i) => `word-${i}`);
    const matrix = many.map((_, i) => many.map((__, j) => 1000 * i + j));
    const lines = terminalConfusion(many, matrix, { width: Number.POSITIVE_INFINITY, color: false }).split(
      "\n",
    );
    expect(lines[1]!.trim().split(/ +/)).toEqual(many);
    expect(lines).toHaveLength(42);
  });

  it("writes its column names letter below letter where they do not fit beside one another", () => {
    const lines = terminalConfusion(
      labels,
      confusion.map((row) => row.map((count) => count % 10)),
      { width: 16, color: false },
    ).split("\n");
    expect(lines.slice(-4).map((line) => line.trimEnd())).toEqual([
      "        s o n",
      "yes     8 2 ·",
      "no      1 · 9",
      "unknown · · ·",
    ]);
    expect(lines.slice(1, 8).map((line) => line.slice(12).trim())).toEqual([..."unknown"]);
  });

  it("lists the most frequent confusions on a screen too narrow", () => {
    const lines = terminalConfusion(labels, confusion, { width: 20, color: false }).split("\n");
    expect(lines[0]).toMatch(/^most/);
    const counts = lines.filter((line) => line.includes("clips")).map((line) => line.trim().split(/\s+/)[1]);
    expect(counts).toEqual(["99", "2", "1"]);
    expect(lines.join("\n")).toMatch(/7\.6%/);
    expect(lines.join("\n")).not.toMatch(/1200/);
    expect(
      terminalConfusion(
        labels,
        confusion.map((row, i) => row.map((_, j) => (i === j ? 123456789 : 0))),
        { width: 20, color: false },
      ),
    ).toBe("no confusions");
  });

  it("fits any screen for any labels", () => {
    const name = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 20 }),
      fc.constantFrom("はい", "stop", `${esc}[2J`),
    );
    fc.assert(
      fc.property(
        fc.array(name, { minLength: 2, maxLength: 40 }),
        fc.nat(2000),
        fc.integer({ min: 2, max: 220 }),
        (names, most, width) => {
          const matrix = names.map((_, i) => names.map((__, j) => (i * 7919 + j * 104729) % (most + 1)));
          expectOnScreen((options) => terminalConfusion(names, matrix, options), width);
        },
      ),
    );
  });
});
