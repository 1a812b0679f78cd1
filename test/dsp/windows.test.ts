import { describe, expect, test } from "vitest";
import { createWindow, hannPeriodic, type Window, windowNames } from "../../src/dsp/windows.js";
import { expectNear } from "../helpers/near.js";
import { hasPython, runPython } from "../helpers/python.js";

describe("windows", () => {
  test("follow their formulas at hand-worked points", () => {
    expectNear(createWindow("hann", 4), [0, 0.5, 1, 0.5], 1e-15);
    expectNear(createWindow("hann", 5, "symmetric"), [0, 0.5, 1, 0.5, 0], 1e-15);
    expectNear(createWindow("hamming", 4), [0.08, 0.54, 1, 0.54], 1e-15);
    expectNear(createWindow("blackman", 4), [0, 0.34, 1, 0.34], 1e-15);
    expectNear(createWindow({ name: "tukey", alpha: 0.5 }, 8), [0, 0.5, 1, 1, 1, 1, 1, 0.5], 1e-15);
    expectNear(createWindow("rectangular", 3), [1, 1, 1], 0);
  });

  test("the periodic form is the symmetric one of a point more, without its last", () => {
    for (const name of windowNames)
      for (const length of [2, 7, 64])
        expectNear(
          createWindow(name, length),
          createWindow(name, length + 1, "symmetric").subarray(0, length),
          1e-15,
        );
  });

  test("Tukey's runs from rectangular to Hann", () => {
    expectNear(createWindow({ name: "tukey", alpha: 0 }, 9), createWindow("rectangular", 9), 0);
    expectNear(createWindow({ name: "tukey", alpha: 1 }, 9), createWindow("hann", 9), 1e-15);
  });

  test("a window of one point is 1, own values are taken as they are", () => {
    for (const name of windowNames)
      for (const form of ["periodic", "symmetric"] as const)
        expect([...createWindow(name, 1, form)]).toEqual([1]);
    expect([...createWindow([3, 1, 2], 3)]).toEqual([3, 1, 2]);
  });

  test("writing to one leaves the next as it should be", () => {
    hannPeriodic(8).fill(7);
    expectNear(hannPeriodic(8), createWindow("hann", 9, "symmetric").subarray(0, 8), 1e-15);
  });

  test.each<[string, () => unknown, RegExp]>([
    ["no length", () => createWindow("hann", 0), /window length.*at least 1, got 0/],
    ["a broken length", () => createWindow("hann", 2.5), /whole number.*got 2.5/],
    ["an unknown name", () => createWindow("kaiser" as Window, 8), /one of hann, hamming.*got kaiser/],
    ["an alpha above 1", () => createWindow({ name: "tukey", alpha: 1.5 }, 8), /\[0, 1\], got 1.5/],
    ["an alpha that is no number", () => createWindow({ name: "tukey", alpha: Number.NaN }, 8), /got NaN/],
    ["own values of another length", () => createWindow([1, 2], 3), /3 values was expected, got 2/],
    ["own values that are not finite", () => createWindow([1, Number.NaN], 2), /value 1 is NaN/],
  ])("%s is wrong usage", (_, make, message) => {
    expect(make).toThrow(expect.objectContaining({ exitCode: 2, message: expect.stringMatching(message) }));
  });
});

describe.skipIf(!hasPython("scipy.signal"))("windows against SciPy (Python)", () => {
  test("every name, form, even and odd length", () => {
    const cases = windowNames.flatMap((name) =>
      [1, 2, 3, 10, 257].flatMap((length) =>
        (name === "tukey" ? [0, 0.1, 0.25, 0.5, 1] : [0]).flatMap((alpha) =>
          (["periodic", "symmetric"] as const).map((form) => ({ name, length, alpha, form })),
        ),
      ),
    );
    const expected = runPython<number[][]>(
      `
from scipy.signal import get_window
output = [get_window(("tukey", c["alpha"]) if c["name"] == "tukey" else
                     {"rectangular": "boxcar"}.get(c["name"], c["name"]), c["length"], c["form"] == "periodic") for c in input]
`,
      cases,
    );
    cases.forEach(({ name, length, alpha, form }, i) => {
      const window = name === "tukey" ? { name, alpha } : name;
      expectNear(
        createWindow(window, length, form),
        expected[i]!,
        1e-14,
        `${name} ${alpha} ${length} ${form}`,
      );
    });
  });
});
