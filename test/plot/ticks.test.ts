import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { epochAxis, niceAxis } from "../../src/plot/ticks.js";

describe("nice axis", () => {
  it("ends at round ticks around the values", () => {
    expect(niceAxis(0, 2.4, 5)).toEqual({ domain: [0, 2.5], ticks: [0, 0.5, 1, 1.5, 2, 2.5] });
    expect(niceAxis(0.21, 0.94, 5)).toEqual({ domain: [0.2, 1], ticks: [0.2, 0.4, 0.6, 0.8, 1] });
    expect(niceAxis(0, 0.3, 3)).toEqual({ domain: [0, 0.3], ticks: [0, 0.1, 0.2, 0.3] });
    expect(niceAxis(0.5, 0.5, 5, 0.01)).toEqual({ domain: [0.5, 0.51], ticks: [0.5, 0.51] });
    expect(niceAxis(0, 0, 5)).toEqual({ domain: [0, 1], ticks: [0, 1] });
  });

  it("holds any values in few ticks", () => {
    const size = fc
      .double({ min: -1e9, max: 1e9, noNaN: true })
      .filter((value) => value === 0 || Math.abs(value) > 1e-6);
    fc.assert(
      fc.property(size, size, fc.integer({ min: 2, max: 10 }), (a, b, count) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        // Twelve digits are kept: closer values than that are the same.
        fc.pre(high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)));
        const { domain, ticks } = niceAxis(low, high, count);
        const slack = 1e-6 * (high - low);
        expect(domain[0]).toBeLessThanOrEqual(low + slack);
        expect(domain[1]).toBeGreaterThanOrEqual(high - slack);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(count + 2);
      }),
    );
  });
});

describe("epoch axis", () => {
  it("has whole epochs of the history alone, whatever their number", () => {
    expect(epochAxis(1, 12, 8)).toEqual({ domain: [1, 12], ticks: [1, 2, 4, 6, 8, 10, 12] });
    expect(epochAxis(1, 1, 8)).toEqual({ domain: [0, 2], ticks: [1] });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e6 }),
        fc.integer({ min: 1, max: 1e6 }),
        fc.integer({ min: 1, max: 10 }),
        (first, more, count) => {
          const { domain, ticks } = epochAxis(first, first + more, count);
          expect(domain).toEqual([first, first + more]);
          expect(ticks.length).toBeGreaterThan(0);
          expect(ticks.length).toBeLessThanOrEqual(count + 2);
          ticks.forEach((tick, index) => {
            expect(Number.isInteger(tick)).toBe(true);
            expect(tick).toBeGreaterThanOrEqual(first);
            expect(tick).toBeLessThanOrEqual(first + more);
            if (index > 0) expect(tick).toBeGreaterThan(ticks[index - 1]!);
          });
        },
      ),
    );
  });
});
