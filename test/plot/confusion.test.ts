import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { confusionSvg } from "../../src/plot/confusion.js";
import { colors, darkColors } from "../../src/plot/theme.js";
import { contrast, mixed } from "./contrast.js";
import { boxOf, type Drawn, readSvg, textsOf } from "./read-svg.js";

const labels = ["yes", "no", "silence"];
const confusion = [
  [8, 2, 0],
  [1, 1200, 99],
  [0, 0, 0],
];

function cellsOf(drawn: readonly Drawn[], count: number) {
  return drawn
    .filter(({ inside, attributes }) => inside.includes("mark-rect") && attributes.fill === colors.heat)
    .slice(0, count)
    .map((cell) => ({ ...boxOf(cell), opacity: Number(cell.attributes["fill-opacity"]) }));
}

describe("confusion matrix", () => {
  it("has a cell for every pair, its count in the middle, the true labels as rows", async () => {
    const drawn = readSvg(await confusionSvg(labels, confusion, "spectrogram"));
    const cells = cellsOf(drawn, 9);
    expect(cells).toHaveLength(9);
    const counts = drawn.filter(
      ({ tag, text, inside }) => tag === "text" && inside.includes("layer_1") && /^[\d,]+$/.test(text),
    );
    expect(counts.map(({ text }) => text)).toEqual(["8", "2", "1", "1,200", "99"]);
    const at = (x: number, y: number) =>
      counts.find((count) => Math.abs(count.x - x) < 1 && Math.abs(count.y - y) < 6)?.text;
    cells.forEach(({ x, y, width, height }, index) => {
      const count = confusion[Math.floor(index / 3)]![index % 3]!;
      expect(at(x + width / 2, y + height / 2)).toBe(count === 0 ? undefined : count.toLocaleString("en"));
    });
    const side = cells[0]!.width;
    expect(cells[4]!.x - cells[0]!.x).toBeCloseTo(side, 6);
    expect(cells[4]!.y - cells[0]!.y).toBeCloseTo(side, 6);

    const names = drawn.filter(({ tag, inside }) => tag === "text" && inside.includes("role-axis-label"));
    const rows = names.slice(3);
    expect(names.map(({ text }) => text)).toEqual([...labels, ...labels]);
    rows.forEach(({ y }, i) => {
      expect(Math.abs(y - (cells[3 * i]!.y + side / 2))).toBeLessThan(6);
    });
  });

  it("colours by the share of the true label, none where it has no clips", async () => {
    const cells = cellsOf(readSvg(await confusionSvg(labels, confusion, "")), 9);
    const opacity = cells.map((cell) => cell.opacity);
    expect(opacity[0]).toBeGreaterThan(opacity[1]!);
    expect(opacity[4]).toBeGreaterThan(opacity[5]!);
    // 2 of 10 weighs more than 99 of 1,300.
    expect(opacity[1]).toBeGreaterThan(opacity[5]!);
    expect(opacity[5]).toBeGreaterThan(opacity[3]!);
    expect(opacity.slice(6)).toEqual([0, 0, 0]);
    expect(opacity[2]).toBe(0);
  });

  it("writes each count in the colour that can be read on its cell, on light and on dark", async () => {
    const shares = Array.from({ length: 100 }, (_, i) => i + 1);
    // Every share from 1 to 100 %, each in a row of its own.
    const matrix = shares.map((share, i) =>
      shares.map((_, j) => (j === i ? share : j === (i + 1) % 100 ? 100 - share : 0)),
    );
    const names = shares.map(String);
    const drawn = readSvg(await confusionSvg(names, matrix, ""));
    const cells = cellsOf(drawn, 10_000);
    const counts = drawn.filter(({ tag, inside }) => tag === "text" && inside.includes("layer_1"));
    expect(counts.length).toBeGreaterThan(190);
    for (const { x, y, attributes } of counts) {
      const cell = cells.find(
        (each) => Math.abs(each.x + each.width / 2 - x) < 1 && y > each.y && y < each.y + each.height,
      )!;
      for (const shown of [(color: string) => color, (color: string) => darkColors[color] ?? color]) {
        const behind = mixed(shown(colors.heat), shown(colors.background), cell.opacity);
        expect(contrast(shown(attributes.fill!), behind)).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  it("says what rows, columns and colours are, and how much is right", async () => {
    const texts = textsOf(readSvg(await confusionSvg(labels, confusion, `<run> & "co"`)));
    for (const text of ["true", "predicted", "share of the true label:", "100%", `<run> & "co"`])
      expect(texts).toContain(text);
    expect(texts).toContain("92.2% of 1,310 clips right");
  });

  it("keeps every label and count readable from 2 to 40 labels", async () => {
    for (const size of [2, 12, 40]) {
      const many = Array.from({ length: size }, (_, i) => `label-${i}`);
      const matrix = many.map((_, i) => many.map((__, j) => (i === j ? 1234 : 7)));
      const drawn = readSvg(await confusionSvg(many, matrix, "many"));
      const names = drawn.filter(({ tag, inside }) => tag === "text" && inside.includes("role-axis-label"));
      expect(names.map(({ text }) => text)).toEqual([...many, ...many]);
      const [first] = cellsOf(drawn, size * size);
      const counts = drawn.filter(({ text }) => text === "1,234");
      expect(counts).toHaveLength(size);
      // Five characters of at least 10 px type, each at least a quarter of that wide, and room beside.
      expect(Number.parseFloat(counts[0]!.attributes["font-size"]!)).toBeGreaterThanOrEqual(10);
      expect(first!.width).toBeGreaterThan(25);
    }
  });

  it("shows any label as it is, and stays well-formed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "binary", maxLength: 12 }), { minLength: 2, maxLength: 4 }),
        async (names) => {
          const matrix = names.map(() => names.map(() => 1));
          const texts = textsOf(readSvg(await confusionSvg(names, matrix, names[0]!)));
          expect(texts).toContain("predicted");
        },
      ),
      { numRuns: 5 },
    );
    const odd = [
      `"];alert(1)//`,
      "</text><script>",
      "a",
      "a",
      "",
      "日本語",
      "toString",
      "__proto__",
      "\u2028",
      "\u0000\u001b[1m",
      "\ud800",
    ];
    const drawn = readSvg(
      await confusionSvg(
        odd,
        odd.map(() => odd.map(() => 1)),
        "valueOf",
      ),
    );
    expect(drawn.some(({ tag }) => tag === "script")).toBe(false);
    for (const name of [...odd.slice(0, 8), "valueOf"])
      if (name !== "") expect(textsOf(drawn)).toContain(name);
  });
});
