import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.js";
import { magnitude } from "../../src/dsp/complex.js";
import {
  amplitudeToDb,
  dbToAmplitude,
  dbToPower,
  fromDecibels,
  powerToDb,
  toDecibels,
} from "../../src/dsp/decibels.js";
import { goldenItem, hasGolden } from "../helpers/golden.js";
import { expectNear } from "../helpers/near.js";
import { hasPython, runPython } from "../helpers/python.js";

describe.skipIf(!hasGolden)("decibels against the golden arrays", () => {
  test("amplitude_db_refmax_top80, logmel_db_ref1_top80", () => {
    for (let clip = 0; clip < 3; clip++) {
      const amplitudes = magnitude(goldenItem("stft258_hop64_reflect", clip));
      expectNear(
        amplitudeToDb(amplitudes, { reference: "max", topDb: 80 }),
        goldenItem("amplitude_db_refmax_top80", clip).re,
        1e-12,
      );
      expectNear(
        powerToDb(goldenItem("mel_power_512_80_240", clip).re),
        goldenItem("logmel_db_ref1_top80", clip).re,
        1e-12,
      );
    }
  });
});

describe("decibels", () => {
  test("at hand-worked points", () => {
    expectNear(powerToDb([1, 10, 100, 0.001]), [0, 10, 20, -30], 1e-14);
    expectNear(amplitudeToDb([1, 10, 100, 0.1]), [0, 20, 40, -20], 1e-14);
    expectNear(toDecibels([1, 10, 100], 7), [0, 7, 14], 1e-14);
    expectNear(powerToDb([1, 10, 100], { reference: 10 }), [-10, 0, 10], 1e-14);
    expectNear(powerToDb([5, 50, 500], { reference: "max" }), [-20, -10, 0], 1e-14);
  });

  test("the floor is topDb below the largest, and the minimum stands for zero", () => {
    expectNear(powerToDb([0, 1e-9, 1, 1e3], { topDb: 50 }), [-20, -20, 0, 30], 1e-14);
    expectNear(powerToDb([0, 1e-9, 1], { topDb: Number.POSITIVE_INFINITY }), [-100, -90, 0], 1e-14);
    expectNear(amplitudeToDb([0, 1], { topDb: Number.POSITIVE_INFINITY }), [-100, 0], 1e-14);
    expectNear(powerToDb([0, 1], { minimum: 1e-4 }), [-40, 0], 1e-14);
    expectNear(powerToDb([0, 0], { reference: "max" }), [0, 0], 0);
    expect(powerToDb([])).toEqual(new Float64Array());
  });

  test("come back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 1, max: 40, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        (values, factor, reference) => {
          const decibels = toDecibels(values, factor, { reference, topDb: Number.POSITIVE_INFINITY });
          fromDecibels(decibels, factor, reference).forEach((value, i) => {
            expect(Math.abs(value / values[i]! - 1)).toBeLessThan(1e-12);
          });
        },
      ),
    );
    expectNear(dbToPower([20, -10, Number.NEGATIVE_INFINITY], 2), [200, 0.2, 0], 1e-14);
    expectNear(dbToAmplitude([20, -20], 2), [20, 0.2], 1e-14);
  });

  test.each<[string, 1 | 2, () => unknown, RegExp]>([
    ["a negative value", 1, () => powerToDb([1, -2]), /value 1 is -2/],
    ["NaN", 1, () => amplitudeToDb([Number.NaN]), /value 0 is NaN/],
    ["infinity", 1, () => powerToDb([Number.POSITIVE_INFINITY]), /value 0 is Infinity/],
    ["a reference of 0", 2, () => powerToDb([1], { reference: 0 }), /reference.*got 0/],
    ["a minimum of 0", 2, () => powerToDb([1], { minimum: 0 }), /minimum.*got 0/],
    ["a negative topDb", 2, () => powerToDb([1], { topDb: -1 }), /topDb.*got -1/],
    ["a factor of 0", 2, () => toDecibels([1], 0), /factor.*got 0/],
    ["a factor of 0 on the way back", 2, () => fromDecibels([1], 0), /factor.*got 0/],
  ])("%s is an error (exit %i)", (_, exitCode, run, message) => {
    expect(run).toThrow(expect.objectContaining({ exitCode, message: expect.stringMatching(message) }));
  });
});

describe.skipIf(!hasPython("librosa"))("decibels against librosa (Python)", () => {
  test("random references, minima and floors", () => {
    const random = new Random(5, "decibel settings");
    const cases = Array.from({ length: 20 }, () => ({
      values: Array.from({ length: 30 }, () => (random.uniform() < 0.1 ? 0 : 10 ** random.between(-12, 4))),
      reference: random.uniform() < 0.3 ? ("max" as const) : 10 ** random.between(-3, 3),
      minimum: 10 ** random.between(-12, -3),
      topDb: random.between(10, 150),
    }));
    const expected = runPython<{ power: number[]; amplitude: number[] }[]>(
      `
import librosa
output = []
for c in input:
    kw = dict(ref=np.max if c["reference"] == "max" else c["reference"], amin=c["minimum"], top_db=c["topDb"])
    v = np.array(c["values"])
    output.append({"power": librosa.power_to_db(v, **kw), "amplitude": librosa.amplitude_to_db(v, **kw)})
`,
      cases,
    );
    cases.forEach(({ values, ...options }, i) => {
      expectNear(powerToDb(values, options), expected[i]!.power, 1e-12, "power");
      expectNear(amplitudeToDb(values, options), expected[i]!.amplitude, 1e-12, "amplitude");
    });
  });
});
