import { expect, it, vi } from "vitest";

const loaded = vi.hoisted(() => [] as string[]);
for (const name of ["vega", "vega-lite", "@resvg/resvg-js"]) {
  vi.doMock(name, async (original) => {
    loaded.push(name);
    return await original();
  });
}

it("loads the drawing libraries when a picture is drawn, not before", async () => {
  const { curvesSvg } = await import("../../src/plot/curves.js");
  const { svgToPng } = await import("../../src/plot/png.js");
  await Promise.all([
    import("../../src/plot/bars.js"),
    import("../../src/plot/confusion.js"),
    import("../../src/plot/html.js"),
    import("../../src/plot/terminal/index.js"),
  ]);
  expect(loaded).toEqual([]);
  const svg = await curvesSvg([{ epoch: 1, loss: 1, accuracy: 0, valLoss: 1, valAccuracy: 0 }], {
    epoch: 1,
    chosenBy: "valLoss",
  });
  expect(loaded.sort()).toEqual(["vega", "vega-lite"]);
  await svgToPng(svg);
  expect(loaded).toContain("@resvg/resvg-js");
});
