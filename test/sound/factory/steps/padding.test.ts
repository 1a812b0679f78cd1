import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../../../../src/base/errors.js";
import {
  checkPadding,
  type PaddingFunction,
  type PaddingName,
  padChannels,
  paddingNames,
} from "../../../../src/sound/factory/steps/padding.js";
import { hasPython, runPython } from "../../../helpers/python.js";

const padOne = (samples: number[], length: number, policy?: PaddingName) =>
  Array.from(
    padChannels([Float32Array.from(samples)], { length, ...(policy !== undefined && { policy }) })[0]!,
  );

describe("padding policies by hand", () => {
  const shorter = { rpad: [1, 2, 0, 0, 0], lpad: [0, 0, 0, 1, 2], center: [0, 1, 2, 0, 0] };
  const longer = { rcut: [1, 2], lcut: [4, 5], center: [2, 3] };

  test("are all nine combinations", () => {
    const all = Object.keys(shorter).flatMap((pad) => Object.keys(longer).map((cut) => `${pad}-${cut}`));
    expect([...paddingNames].sort()).toEqual(all.sort());
  });

  test.each(paddingNames)("%s", (policy) => {
    const [pad, cut] = policy.split("-") as [keyof typeof shorter, keyof typeof longer];
    expect(padOne([1, 2], 5, policy)).toEqual(shorter[pad]);
    expect(padOne([1, 2, 3, 4, 5], 2, policy)).toEqual(longer[cut]);
    expect(padOne([1, 2, 3], 3, policy)).toEqual([1, 2, 3]);
  });

  test("without a name it is rpad-rcut", () => {
    expect(padOne([1, 2], 5)).toEqual(shorter.rpad);
    expect(padOne([1, 2, 3, 4, 5], 2)).toEqual(longer.rcut);
  });
});

test("a policy only adds zeros at the ends or takes samples away there, equal parts up to one for center", () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }));
  fc.assert(
    fc.property(fc.constantFrom(...paddingNames), sizes, (policy, [count, length]) => {
      const samples = Array.from({ length: count }, (_, i) => i + 1);
      const result = padOne(samples, length, policy);
      const kept = result.filter((value) => value !== 0);
      expect(result.length).toBe(length);
      expect(kept.length).toBe(Math.min(count, length));
      expect(kept).toEqual(samples.slice(kept[0]! - 1, kept[0]! - 1 + kept.length));
      expect(result.slice(result.indexOf(kept[0]!)).slice(0, kept.length)).toEqual(kept);
      const atFront = count < length ? result.indexOf(1) : kept[0]! - 1;
      const atBack = Math.abs(length - count) - atFront;
      const way = policy.split("-")[count < length ? 0 : 1]!;
      if (way === "center") expect([0, 1]).toContain(atBack - atFront);
      else expect(way.startsWith("l") ? atBack : atFront).toBe(0);
    }),
  );
});

describe.skipIf(!hasPython("librosa"))("against librosa (Python)", () => {
  test("rpad-rcut is fix_length, center-… is pad_center", () => {
    const samples = [0.5, -1, 0.25, 1, 0.125, -0.5, 0.75];
    const output = runPython<{ fixed: number[][]; centred: number[][] }>(
      `
import librosa
x = np.array(input["samples"])
output = {
  "fixed": [librosa.util.fix_length(x, size=n) for n in range(1, 15)],
  "centred": [librosa.util.pad_center(x, size=n) for n in range(7, 15)],
}
`,
      { samples },
    );
    output.fixed.forEach((expected, i) => {
      expect(padOne(samples, i + 1, "rpad-rcut")).toEqual(expected);
    });
    output.centred.forEach((expected, i) => {
      expect(padOne(samples, i + 7, "center-rcut")).toEqual(expected);
    });
  });
});

describe("a function of one's own", () => {
  const wave = [Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)];

  test("gets all channels, so that they stay in step", () => {
    const repeat: PaddingFunction = (channels, length) =>
      channels.map((samples) => Float32Array.from({ length }, (_, i) => samples[i % samples.length]!));
    expect(padChannels(wave, { length: 5, policy: repeat })).toEqual([
      Float32Array.of(1, 2, 3, 1, 2),
      Float32Array.of(4, 5, 6, 4, 5),
    ]);
  });

  test.each<[string, PaddingFunction, RegExp]>([
    [
      "too few channels",
      (channels) => channels.slice(1),
      /keep must return as many channels as it gets, expected 2, got 1$/,
    ],
    [
      "too few samples",
      (channels) => channels,
      /keep must return a Float32Array of 5 samples for each channel, channel 0 is one of 3$/,
    ],
    ["other arrays", () => [[1], [2]] as never, /channel 0 is of type Array$/],
    ["nothing", () => undefined as never, /expected 2, got undefined$/],
  ])("that returns %s is an error", (_, policy, message) => {
    Object.defineProperty(policy, "name", { value: "keep" });
    expect(() => padChannels(wave, { length: 5, policy })).toThrow(message);
  });
});

test.each([0, -1, 1.5, Number.NaN])("a length of %s is an error", (length) => {
  expect(() => checkPadding({ length })).toThrow(/^padding.length must be a whole number of at least 1/);
});

test("an unknown policy is an error that names the known ones", () => {
  const wrong = () => checkPadding({ length: 1, policy: "rpad" as never });
  expect(wrong).toThrow(UserError);
  expect(wrong).toThrow(/padding.policy must be one of rpad-rcut, .*center-center, got rpad$/);
});
