import fc from "fast-check";
import stringWidth from "string-width";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Output, wrapped } from "../../src/cli/output.js";

describe("wrapped text", () => {
  test("breaks between words alone, the lines behind the first indented", () => {
    expect(wrapped("levels  RMS -74.7 to -13.6 dB (median -25.8, 90 % from -40.4)", 30, 8)).toEqual([
      "levels  RMS -74.7 to -13.6 dB",
      "        (median -25.8, 90 %",
      "        from -40.4)",
    ]);
    expect(wrapped("a\u001b[33m bc\u001b[39m d", 4)).toEqual(["a\u001b[33m bc\u001b[39m", "d"]);
    expect(wrapped("", 10)).toEqual([""]);
    expect(wrapped("any length", Number.POSITIVE_INFINITY)).toEqual(["any length"]);
  });

  test("leaves a figure beside its unit, but breaks before words that begin as one", () => {
    expect(wrapped("at 90 % of 12 dB", 7)).toEqual(["at 90 %", "of", "12 dB"]);
    expect(wrapped("30 second clips", 3)).toEqual(["30", "second", "clips"]);
    expect(wrapped("3 s\u0307 a s", 3)).toEqual(["3 s\u0307", "a s"]);
    expect(wrapped("3 s\u0307 a s", 1)).toEqual(["3", "s\u0307", "a", "s"]);
  });

  test("loses no word, and is wider than the screen only where a single word is", () => {
    const word = fc.oneof(fc.string({ unit: "grapheme", maxLength: 12 }), fc.constant("日本語"));
    // Without figures, no word stays beside a unit.
    const clean = word.map((each) => each.replace(/[\s\d\p{C}]/gu, "") || "x");
    fc.assert(
      fc.property(
        fc.array(clean, { minLength: 1 }),
        fc.integer({ min: 1, max: 50 }),
        fc.nat(5),
        (words, width, indent) => {
          const lines = wrapped(words.join(" "), width, indent);
          expect(lines.flatMap((line) => line.trim().split(" "))).toEqual(words);
          for (const line of lines)
            if (line.trim().includes(" ")) expect(stringWidth(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

describe("the width of results", () => {
  afterEach(() => vi.unstubAllEnvs());
  const widthWith = (columns: string | undefined) => {
    vi.stubEnv("COLUMNS", columns);
    return new Output({}).width;
  };

  // Tests run without a terminal.
  test("is what COLUMNS says where they go to no terminal, and else has no limit", () => {
    expect(process.stdout.isTTY ?? false).toBe(false);
    expect(widthWith("160")).toBe(160);
    for (const none of [undefined, "", "0", "wide", "-3"]) expect(widthWith(none)).toBe(Infinity);
  });
});
