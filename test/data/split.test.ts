import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import type { Clips, Part, Split } from "../../src/data/clips.js";
import { readNpz } from "../../src/data/formats/npz.js";
import { SampleStore } from "../../src/data/sample-store.js";
import { defaultSplitKind, officialPart, type SplitKind, splitClips } from "../../src/data/split.js";
import { apportion, stratifiedSample } from "../../src/data/stratify.js";

const subset = fileURLToPath(new URL("../../../shared/data/speech_commands_8k_subset.npz", import.meta.url));
const PARTS: readonly Part[] = ["train", "val", "test"];

function clipsOf(labels: string[], speakers?: string[], officialParts?: Part[]): Clips {
  return {
    sampleRate: 1,
    samples: SampleStore.of(1, [new Int16Array(labels.length)]),
    labels,
    ...(speakers && { speakers }),
    ...(officialParts && { officialParts }),
    rows: Int32Array.from(labels.keys()),
    sources: [],
  };
}

/** `perSpeaker` clips of each label by each of `count` speakers. */
function spoken(count: number, labels = ["yes", "no", "up"], perSpeaker = 1): Clips {
  const rows = Array.from({ length: count }, (_, i) => `s${i}`).flatMap((speaker) =>
    labels.flatMap((label) => Array.from({ length: perSpeaker }, () => [speaker, label] as const)),
  );
  return clipsOf(
    rows.map(([, label]) => label),
    rows.map(([speaker]) => speaker),
  );
}

const split = (
  clips: Clips,
  kind: SplitKind,
  options: { valSize?: number; testSize?: number; seed?: number } = {},
) => splitClips(clips, { kind, valSize: 0.1, testSize: 0.1, seed: 42, ...options });
function splitIfPossible(
  clips: Clips,
  kind: SplitKind,
  options: Parameters<typeof split>[2],
): Split | undefined {
  try {
    return split(clips, kind, options);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
const labelsIn = (clips: Clips, rows: Int32Array) => new Set(Array.from(rows, (row) => clips.labels[row]!));
const speakersIn = (clips: Clips, rows: Int32Array) =>
  new Set(Array.from(rows, (row) => clips.speakers![row]!));

const manyClips = fc
  .array(
    fc.record({
      label: fc.constantFrom("yes", "no", "up", "down"),
      speaker: fc.integer({ min: 0, max: 40 }).map((n) => `speaker ${n}`),
    }),
    { minLength: 60, maxLength: 200, size: "max" },
  )
  .map((rows) =>
    clipsOf(
      rows.map((row) => row.label),
      rows.map((row) => row.speaker),
    ),
  );
const sizes = fc.record({
  valSize: fc.double({ min: 0.05, max: 0.4, noNaN: true }),
  testSize: fc.double({ min: 0.05, max: 0.4, noNaN: true }),
  seed: fc.nat(),
});

describe("splitClips, whatever the clips", () => {
  const kinds: SplitKind[] = ["speaker", "random", "official", "course"];

  it.each(kinds)("%s: disjoint, complete, ascending, deterministic, at least two labels a part", (kind) => {
    let splits = 0;
    fc.assert(
      fc.property(manyClips, sizes, (clips, options) => {
        const parts = splitIfPossible(clips, kind, options);
        if (parts === undefined) return;
        splits++;
        const disjoint = kind === "course" ? [parts.train, parts.test] : [parts.train, parts.val, parts.test];
        const all = disjoint.flatMap((rows) => Array.from(rows));
        expect(all.sort((a, b) => a - b)).toEqual([...clips.labels.keys()]);
        for (const part of PARTS) {
          expect(parts[part]).toEqual(parts[part].slice().sort());
          expect(labelsIn(clips, parts[part]).size).toBeGreaterThanOrEqual(2);
        }
        expect(split(clips, kind, options)).toEqual(parts);
      }),
    );
    expect(splits).toBeGreaterThan(10);
  });

  it("speaker: nobody speaks in two parts, and the order of the rows changes nothing", () => {
    let splits = 0;
    fc.assert(
      fc.property(manyClips, sizes, (clips, options) => {
        const parts = splitIfPossible(clips, "speaker", options);
        if (parts === undefined) return;
        splits++;
        const voices = PARTS.map((part) => speakersIn(clips, parts[part]));
        const count = voices.reduce((sum, names) => sum + names.size, 0);
        expect(count).toBe(new Set(clips.speakers).size);
        expect(voices[2]!.size).toBe(Math.max(1, Math.round(options.testSize * count)));
        expect(voices[1]!.size).toBe(Math.max(1, Math.round(options.valSize * count)));

        const reversed = clipsOf(clips.labels.toReversed(), clips.speakers!.toReversed());
        const again = split(reversed, "speaker", options);
        PARTS.forEach((part, i) => {
          expect(speakersIn(reversed, again[part])).toEqual(voices[i]);
        });
      }),
    );
    expect(splits).toBeGreaterThan(10);
  });

  it("random: every label keeps its share to within a clip", () => {
    fc.assert(
      fc.property(manyClips, sizes, (clips, options) => {
        const parts = splitIfPossible(clips, "random", options);
        if (parts === undefined) return;
        for (const label of new Set(clips.labels)) {
          const count = (rows: Iterable<number>) =>
            [...rows].filter((row) => clips.labels[row] === label).length;
          const total = count(clips.labels.keys());
          const testShare = parts.test.length / clips.labels.length;
          expect(Math.abs(count(parts.test) - testShare * total)).toBeLessThan(1);
        }
      }),
    );
  });
});

describe("splitClips", () => {
  it("follows the seed", () => {
    const clips = spoken(40);
    for (const kind of ["speaker", "random", "course"] as const) {
      expect(split(clips, kind, { seed: 1 }).test).not.toEqual(split(clips, kind, { seed: 2 }).test);
    }
  });

  it("speaker: looks for speakers that leave every label in every part", () => {
    // Of 30 speakers three say "rare": a shuffle puts one into each part once in about seventeen times.
    const labels: string[] = [];
    const speakers: string[] = [];
    for (let i = 0; i < 30; i++) {
      labels.push("yes", "no", ...(i % 10 === 0 ? ["rare"] : []));
      speakers.push(`s${i}`, `s${i}`, ...(i % 10 === 0 ? [`s${i}`] : []));
    }
    const clips = clipsOf(labels, speakers);
    for (let seed = 0; seed < 5; seed++) {
      const parts = split(clips, "speaker", { seed });
      for (const part of PARTS) expect(labelsIn(clips, parts[part])).toContain("rare");
    }
  });

  it("course: nine tenths to train, and the tenth for validation and test is the same", () => {
    const parts = split(spoken(100), "course", { valSize: 0.3, testSize: 0.3 });
    expect(parts.train).toHaveLength(270);
    expect(parts.test).toHaveLength(30);
    expect(parts.val).toEqual(parts.test);
  });

  it("official: takes the data set's own lists where there are any", () => {
    const parts: Part[] = ["test", "train", "val", "train", "val", "test"];
    const clips = clipsOf(["a", "a", "a", "b", "b", "b"], undefined, parts);
    expect(split(clips, "official")).toEqual({
      train: Int32Array.of(1, 3),
      val: Int32Array.of(2, 4),
      test: Int32Array.of(0, 5),
    });
  });

  it("is by speaker where there are speakers, unless told otherwise", () => {
    expect(defaultSplitKind(spoken(2))).toBe("speaker");
    expect(defaultSplitKind(clipsOf(["a"]))).toBe("random");
  });

  it.each<[what: string, clips: Clips, kind: SplitKind, message: RegExp]>([
    ["no speakers", clipsOf(["a", "b"]), "speaker", /--split speaker: expected a speaker for every clip/],
    ["no lists", clipsOf(["a", "b"]), "official", /--split official: expected a speaker for every clip/],
    [
      "lists that name nothing here",
      {
        ...clipsOf(["a", "b"], undefined, ["train", "train"]),
        officialNotes: ["2 of 2 lines of v.txt name no file here", "1 of 1 lines of t.txt name no file here"],
      },
      "official",
      /validation part of the official split has no clip \(.*\); 2 of 2 lines of v\.txt name no file here; 1 of 1 lines of t\.txt name no file here; use more data/,
    ],
    ["one label", clipsOf(["a", "a", "a"]), "random", /expected data with at least 2 labels, found 1$/],
    [
      "two speakers",
      spoken(2),
      "speaker",
      /training part of the speaker split has no clip \(clips: training 0, validation 3, test 3\); use .*--split random/,
    ],
    [
      "a label a speaker",
      clipsOf(["a", "b", "c", "d"], ["a", "b", "c", "d"]),
      "speaker",
      /validation part of the speaker split has only clips labelled "[abcd]"/,
    ],
    [
      "four clips",
      clipsOf(["a", "a", "b", "b"]),
      "random",
      /training part of the random split has only clips labelled "b"/,
    ],
    [
      "four clips",
      clipsOf(["a", "a", "b", "b"]),
      "course",
      /validation part of the course split has only clips/,
    ],
  ])("says what is wrong with %s", (_, clips, kind, message) => {
    expect(() => split(clips, kind)).toThrow(
      expect.objectContaining({ exitCode: 1, message: expect.stringMatching(message) }),
    );
  });

  it.each([
    [0, 0.1],
    [0.1, 0],
    [0.5, 0.5],
    [-0.1, 0.1],
    [Number.NaN, 0.1],
  ])("calls shares of %d and %d wrong usage", (valSize, testSize) => {
    expect(() => split(spoken(20), "random", { valSize, testSize })).toThrow(
      expect.objectContaining({ exitCode: 2 }),
    );
  });
});

describe("officialPart", () => {
  // SHA-1 modulo 2^27 by Python's hashlib, and the percentage that the data set's README makes of it.
  it.each<[string, Part]>([
    ["0a7c2a8d", "train"], // 56.8
    ["893705bb", "test"], // 12.6
    ["9a69672b", "test"], // 10.5
    ["587f3271", "test"], // 19.8
    ["5fe4a278", "train"], // 36.7
    ["1942abd7", "val"], // 0.05
    ["3bdf05d3", "val"], // 9.9
  ])("%s → %s", (speaker, part) => {
    expect(officialPart(speaker)).toBe(part);
  });
});

describe.skipIf(!existsSync(subset))("splitClips of real speech (../shared/data)", () => {
  it("keeps every label in every part and every voice in one", async () => {
    const clips = await readNpz(subset);
    for (let seed = 0; seed < 20; seed++) {
      const parts = split(clips, "speaker", { seed });
      for (const part of PARTS) {
        expect(labelsIn(clips, parts[part]).size).toBe(12);
        expect(parts[part].length / 3952).toBeGreaterThan(0.05);
      }
    }
  });

  it("finds the official test set again by the hash of its speakers", async () => {
    // Its README: 3484 clips are from the official test set of v0.02, 291 of them noise with made-up speakers.
    const clips = await readNpz(subset);
    const { test } = split(clips, "official");
    const spokenTest = [...test].filter((row) => !clips.speakers![row]!.startsWith("bg_"));
    expect(spokenTest.length).toBeGreaterThanOrEqual(3484 - 291);
  });
});

describe("apportion", () => {
  it("adds up, and is nowhere a whole one off", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (counts, share) => {
          const sum = counts.reduce((a, b) => a + b);
          const total = Math.round(share * sum);
          const shares = apportion(counts, total);
          expect(shares.reduce((a, b) => a + b)).toBe(total);
          shares.forEach((n, i) => {
            expect(Math.abs(n - (counts[i]! * total) / sum)).toBeLessThan(1);
            expect(n).toBeLessThanOrEqual(counts[i]!);
          });
        },
      ),
    );
  });
});

describe("stratifiedSample", () => {
  const labels = [...Array(90).fill("common"), ...Array(9).fill("some"), "rare"];
  const countsOf = (rows: Int32Array) =>
    ["common", "some", "rare"].map((label) => [...rows].filter((row) => labels[row] === label).length);

  it("keeps the labels' shares, and one of each where there is room", () => {
    expect(countsOf(stratifiedSample(labels, 50, 1))).toEqual([45, 4, 1]);
    expect(countsOf(stratifiedSample(labels, 10, 1))).toEqual([8, 1, 1]);
    expect(countsOf(stratifiedSample(labels, 3, 1))).toEqual([1, 1, 1]);
    expect(countsOf(stratifiedSample(labels, 2, 1))).toEqual([2, 0, 0]);
  });

  it("draws each row once, by the seed", () => {
    const rows = stratifiedSample(labels, 50, 1);
    expect(new Set(rows).size).toBe(50);
    expect(rows).toEqual(rows.slice().sort());
    expect(stratifiedSample(labels, 50, 1)).toEqual(rows);
    expect(stratifiedSample(labels, 50, 2)).not.toEqual(rows);
  });
});
