import { Resvg } from "@resvg/resvg-js";
import { describe, expect, it } from "vitest";
import { svgToPng } from "../../src/plot/png.js";
import { textWidth } from "../../src/plot/text-width.js";
import { fontFamily } from "../../src/plot/theme.js";

const svg = (text: string, attributes = "") =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40" font-family="${fontFamily}"><rect width="200" height="40" fill="#fff"/><text x="10" y="25" font-size="14" ${attributes}>${text}</text></svg>`;

function sizeOf(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

describe("PNG", () => {
  it("has a PNG's signature and the size that was asked for", async () => {
    const double = await svgToPng(svg("keyword"));
    expect([...double.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    expect(sizeOf(double)).toEqual({ width: 400, height: 80 });
    expect(sizeOf(await svgToPng(svg("keyword"), { scale: 1 }))).toEqual({ width: 200, height: 40 });
    expect(sizeOf(await svgToPng(svg("keyword"), { width: 500 }))).toEqual({ width: 500, height: 100 });
  });

  it("draws the text: other pixels than without a font, and than of another text", async () => {
    const drawn = await svgToPng(svg("keyword"), { scale: 1 });
    const fontless = new Resvg(svg("keyword"), { font: { loadSystemFonts: false } }).render().asPng();
    const blank = new Resvg(svg(""), { font: { loadSystemFonts: false } }).render().asPng();
    expect(fontless).toEqual(blank);
    expect(Buffer.from(drawn)).not.toEqual(fontless);
    expect(await svgToPng(svg("keyword"), { scale: 1 })).toEqual(drawn);
    expect(await svgToPng(svg("kexword"), { scale: 1 })).not.toEqual(drawn);
  });

  it("has a bold face of its own", async () => {
    expect(await svgToPng(svg("keyword", 'font-weight="600"'))).not.toEqual(await svgToPng(svg("keyword")));
  });

  it("fails on what is no SVG", async () => {
    await expect(svgToPng("<svg")).rejects.toThrow();
  });
});

describe("text width", () => {
  const fontFiles = ["@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf"].map(
    (file) => new URL(import.meta.resolve(file)).pathname,
  );

  /** The advance width of a text as resvg sets it: what it adds between two letters. */
  function drawnWidth(text: string): number {
    const width = (content: string) => {
      const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="200"><text xml:space="preserve" x="10" y="120" font-family="Inter" font-size="100" style="font-kerning:none">${content}</text></svg>`;
      return new Resvg(picture, {
        font: { loadSystemFonts: false, fontFiles, defaultFontFamily: "Inter" },
      }).getBBox()!.width;
    };
    const escaped = text.replace("&", "&amp;").replace("<", "&lt;");
    return width(`n${escaped}n`) - width("nn");
  }

  it("is that of the font, for every printable ASCII character", () => {
    for (let code = 0x20; code < 0x7f; code++) {
      const character = String.fromCharCode(code);
      expect(Math.abs(textWidth(character, 100) - drawnWidth(character)), character).toBeLessThan(1);
    }
  });

  it("is near that of the font for other letters of Latin, Greek and Cyrillic", () => {
    for (const text of ["größe", "señor", "λόγος", "слово"]) {
      expect(textWidth(text, 100) / drawnWidth(text), text).toBeGreaterThan(0.85);
      expect(textWidth(text, 100) / drawnWidth(text), text).toBeLessThan(1.2);
    }
  });
});
