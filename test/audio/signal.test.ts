import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSignal, formatComplex, parseComplex, rounded } from "../../src/audio/signal.js";
import { wavFile } from "../helpers/wav.js";

describe("complex numbers as text", () => {
  test.each<[string, number, number]>([
    ["3", 3, 0],
    ["-2.5e-3", -0.0025, 0],
    ["+.5", 0.5, 0],
    ["1.", 1, 0],
    ["2i", 0, 2],
    ["i", 0, 1],
    ["-i", 0, -1],
    ["-2+2i", -2, 2],
    ["3-i", 3, -1],
    [" 0.3 - 0.9i ", 0.3, -0.9],
    ["1e3-2e-3j", 1000, -0.002],
  ])("%s", (text, re, im) => {
    expect(parseComplex(text)).toEqual({ re, im });
  });

  test.each([
    "",
    " ",
    "-",
    "+",
    "abc",
    "1 2",
    "1+2",
    "2ii",
    "i2",
    "1+-2i",
    "--1",
    "1.5.2",
    "1e",
    "1-",
    "0x10",
    "NaN",
    "Infinity",
    "1e999",
    "1,5",
  ])("%j is none", (text) => {
    expect(parseComplex(text)).toBeUndefined();
  });

  test("what is printed is read again", () => {
    const part = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(part, part, (re, im) => {
        const value = parseComplex(formatComplex(re, im, 10))!;
        expect(Math.abs(value.re - re)).toBeLessThan(1e-9);
        expect(Math.abs(value.im - im)).toBeLessThan(1e-9);
      }),
    );
  });

  test.each<[number, number, number, string]>([
    [-2, 2, 6, "-2+2i"],
    [-2, -2, 6, "-2-2i"],
    [0, -1, 6, "-1i"],
    [10, 1e-12, 6, "10"],
    [-0, -1e-17, 6, "0"],
    [0.30901699437, -0.9510565163, 6, "0.309017-0.951057i"],
    [100, 1200, 6, "100+1200i"],
  ])("%d and %d with %i decimals is %s", (re, im, decimals, text) => {
    expect(formatComplex(re, im, decimals)).toBe(text);
  });

  test("zeros are cut behind the point, not before it", () => {
    expect([1000, 0.5, 0.1 + 0.2, -1e-9, 1e21].map((value) => rounded(value, 6))).toEqual([
      ...["1000", "0.5", "0.3", "0", "1e+21"],
    ]);
  });
});

describe("signals in files", () => {
  const read = (text: string) => decodeSignal(Buffer.from(text), "x.csv");

  test.each([
    ["a number a line", "1\n-2+2i\n3"],
    ["Windows line ends and an empty line behind", "1\r\n-2+2i\r\n3\r\n\r\n"],
    ["an index before", "0,1\n1,-2+2i\n2,3\n"],
    ["names of the columns", "index,value\n0,1\n1,-2+2i\n2,3\n"],
    ["a name that could be a number", "i\n1\n-2+2i\n3\n"],
    ["names one of which could be a number", "t,i\n0,1\n1,-2+2i\n2,3\n"],
    ["a name, and a mark of the byte order", "\ufeffvalue\n1\n-2+2i\n3\n"],
  ])("%s", (_, text) => {
    const { re, im } = read(text);
    expect([...re]).toEqual([1, -2, 3]);
    expect([...im]).toEqual([0, 2, 0]);
  });

  test("a WAV is the mean of its channels, with its rate", () => {
    const channels = [
      [0, 0.5, -0.5],
      [0.5, 0.5, 0.5],
    ];
    const { re, im, sampleRate, notes } = decodeSignal(wavFile(channels, { sampleRate: 11025 }), "x.wav");
    expect([...re]).toEqual([0.25, 0.5, 0]);
    expect([...im]).toEqual([0, 0, 0]);
    expect(sampleRate).toBe(11025);
    expect(notes).toEqual(["mixed 2 channels"]);
  });

  test.each<[string, string, RegExp]>([
    ["NaN", "1\nNaN\n", /x.csv line 2: expected a number.*found "NaN"/],
    ["NaN in the first line", "nan\n1\n", /line 1/],
    ["infinity", "value\n-inf\n", /line 2.*"-inf"/],
    ["a word", "1\n2\nthree\n", /line 3.*"three"/],
    ["three columns", "1,2,3\n", /line 1.*"1,2,3"/],
    ["a name alone", "value\n", /x.csv: .*found no number/],
    ["nothing", "", /found no number/],
    ["a WAV cut off", "RIFF", /x.csv is not a WAV file/],
  ])("%s is an error that says where", (_, text, message) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ exitCode: 1, message: expect.stringMatching(message) }),
    );
  });
});
