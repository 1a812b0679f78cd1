import { expect, it } from "vitest";
import { holdsBackNoOthers } from "../../scripts/words.js";
import type { Clips } from "../../src/data/clips.js";
import { SampleStore } from "../../src/data/sample-store.js";
import { splitClips } from "../../src/data/split.js";

const usual = { valSize: 0.1, testSize: 0.1 };
const fewer = { valSize: 0.04, testSize: 0.1 };

/** A clip of each of two words by each of a hundred speakers, and a third word that every fifth of them says. */
function clips(): Clips {
  const said = Array.from({ length: 100 }, (_, i) =>
    ["yes", "no", ...(i % 5 === 0 ? ["rare"] : [])].map((label) => ({ label, speaker: `s${i}` })),
  ).flat();
  return {
    sampleRate: 1,
    samples: SampleStore.of(1, [new Int16Array(said.length)]),
    labels: said.map(({ label }) => label),
    speakers: said.map(({ speaker }) => speaker),
    rows: Int32Array.from(said.keys()),
    sources: [],
  };
}

it("tells seeds with which a split of other shares tests speakers whom the usual one trains with", () => {
  const all = clips();
  const heldBack = (shares: typeof usual, seed: number, parts: readonly ("val" | "test")[]) => {
    const split = splitClips(all, { kind: "speaker", ...shares, seed });
    return new Set(parts.flatMap((part) => Array.from(split[part], (row) => all.speakers![row]!)));
  };
  const seeds = Array.from({ length: 30 }, (_, i) => i);
  const clean = seeds.filter((seed) => holdsBackNoOthers(all, fewer, usual, seed));
  const byDefinition = seeds.filter((seed) => {
    const usualTest = heldBack(usual, seed, ["test"]);
    const kept = heldBack(usual, seed, ["val", "test"]);
    const few = heldBack(fewer, seed, ["test"]);
    return (
      [...few].every((speaker) => usualTest.has(speaker)) &&
      [...heldBack(fewer, seed, ["val"])].every((speaker) => kept.has(speaker))
    );
  });
  expect(clean).toEqual(byDefinition);
  expect(clean.length).toBeGreaterThan(0);
  expect(clean.length).toBeLessThan(seeds.length);
});
