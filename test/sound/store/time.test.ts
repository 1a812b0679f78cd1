import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatUtc, parseUtc, sampleAtOrAfter, sampleTime } from "../../../src/sound/store/time.js";

describe("UTC", () => {
  test.each([
    ["2017-08-21T09:02:00Z", 1_503_306_120_000_000_000n],
    ["2017-08-21T11:02:00.25+02:00", 1_503_306_120_250_000_000n],
    ["2017-08-21 09:02", 1_503_306_120_000_000_000n],
    ["1970-01-01", 0n],
    ["1969-12-31T23:59:59.999999999Z", -1n],
  ])("%s", (text, time) => expect(parseUtc(text)).toBe(time));

  test.each([
    "",
    "now",
    "2017-02-29",
    "2017-08-21T24:00",
    "2017-08-21T09:60",
    "2263-01-01",
    "1600-01-01",
    "10s",
  ])("%j is none", (text) => expect(parseUtc(text)).toBeUndefined());

  test("what is formatted is parsed again", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), (time) => {
        expect(parseUtc(formatUtc(time))).toBe(time);
      }),
    );
    expect(formatUtc(1_503_306_120_032_000_000n)).toBe("2017-08-21T09:02:00.032Z");
  });

  test("samples and their times, to the nanosecond", () => {
    expect(sampleTime(5n, 44_100 * 10 ** 6, 44_100)).toBe(5n + 10n ** 15n);
    expect(sampleTime(0n, 1, 3)).toBe(333_333_333n);
    expect(sampleTime(0n, 2, 3)).toBe(666_666_667n);
    const cases = fc.tuple(fc.integer({ min: 1, max: 400_000 }), fc.integer({ min: 0, max: 10 ** 12 }));
    fc.assert(
      fc.property(cases, ([rate, sample]) => {
        const time = sampleTime(7n, sample, rate);
        expect(sampleAtOrAfter(7n, time, rate)).toBe(sample);
        expect(sampleAtOrAfter(7n, time + 1n, rate)).toBe(sample + 1);
      }),
    );
    expect(sampleAtOrAfter(0n, -1_000_000_000n, 100)).toBe(-100);
  });
});
