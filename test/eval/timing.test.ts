import { expect, test } from "vitest";
import type { Clips } from "../../src/data/clips.js";
import { SampleStore } from "../../src/data/sample-store.js";
import { medianMsPerClip } from "../../src/eval/timing.js";

/** A model that notes each forward pass. */
function noted(name: string, passes: string[]) {
  return {
    forward: async (waves: Float32Array, size: number) => {
      passes.push(`${name} [${size},${waves.length}]`);
      return new Float32Array(2);
    },
  };
}

function clips(count: number, clipLength: number): Clips {
  const samples = SampleStore.of(clipLength, [new Float32Array(count * clipLength)]);
  const labels = Array.from({ length: count }, () => "yes");
  return { sampleRate: clipLength, samples, labels, rows: Int32Array.from(labels.keys()), sources: [] };
}

test("models take turns, each on single clips of its own data, so that none is first and cold", async () => {
  const passes: string[] = [];
  const times = await medianMsPerClip([
    { recognizer: noted("a", passes), clips: clips(3, 8), rows: Int32Array.of(0, 2) },
    { recognizer: noted("b", passes), clips: clips(1, 16), rows: Int32Array.of(0) },
  ]);
  expect(times).toHaveLength(2);
  for (const time of times) expect(time).toBeGreaterThan(0);
  expect(passes.length).toBeGreaterThan(20); // rounds that warm up, and more that count
  passes.forEach((pass, i) => {
    expect(pass).toBe(i % 2 === 0 ? "a [1,8]" : "b [1,16]");
  });
});
