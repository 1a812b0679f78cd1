import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import type { Clips } from "../../src/data/clips.js";
import { SampleStore } from "../../src/data/sample-store.js";
import { medianMsPerClip } from "../../src/eval/timing.js";

/** A model that takes note of being asked, and with what. */
function noted(name: string, asked: string[]) {
  return {
    apply: (input: unknown) => {
      const wave = input as tf.Tensor2D;
      asked.push(`${name} [${wave.shape}]`);
      return wave.mul(2);
    },
  };
}

function clips(count: number, clipLength: number): Clips {
  const samples = SampleStore.of(clipLength, [new Float32Array(count * clipLength)]);
  const labels = Array.from({ length: count }, () => "yes");
  return { sampleRate: clipLength, samples, labels, rows: Int32Array.from(labels.keys()), sources: [] };
}

test("models take turns, each on single clips of its own data, so that none is first and cold", async () => {
  await startBackend("cpu", "short");
  const asked: string[] = [];
  const tensors = tf.memory().numTensors;
  const times = await medianMsPerClip([
    { model: noted("a", asked), clips: clips(3, 8), rows: Int32Array.of(0, 2) },
    { model: noted("b", asked), clips: clips(1, 16), rows: Int32Array.of(0) },
  ]);
  expect(times).toHaveLength(2);
  for (const time of times) expect(time).toBeGreaterThan(0);
  expect(asked.length).toBeGreaterThan(20); // rounds that warm up, and more that count
  asked.forEach((name, i) => {
    expect(name).toBe(i % 2 === 0 ? "a [1,8]" : "b [1,16]");
  });
  expect(tf.memory().numTensors).toBe(tensors);
});
