import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.js";
import type { SpectrogramBatch } from "../../../src/sound/factory/batches.js";
import { SpectrogramFactory } from "../../../src/sound/factory/factory.js";
import { arrayItem, type RealArray } from "../../../src/sound/factory/real-array.js";
import { wavFile } from "../../helpers/wav.js";

const folder = mkdtempSync(join(tmpdir(), "batches-"));
beforeAll(async () => {
  tf.enableProdMode(); // without it TensorFlow.js prints a banner
  await tf.setBackend("cpu");
});
afterAll(() => rmSync(folder, { recursive: true }));

const factory = new SpectrogramFactory({ sampleRate: 8000, stft: { nFft: 16, hop: 4 } });
const random = new Random(1, "batches test");
const waves = Array.from({ length: 7 }, () => Float32Array.from({ length: 40 }, () => random.between(-1, 1)));
const paths = waves.map((wave, i) => {
  const path = join(folder, `${i}.wav`);
  writeFileSync(path, wavFile([wave], { codec: "float32" }));
  return path;
});
const expected = waves.map((wave) => factory.forward(wave).data);

async function take<T>(generator: AsyncGenerator<T>, count = Number.POSITIVE_INFINITY): Promise<T[]> {
  const taken: T[] = [];
  if (count === 0) return taken;
  for await (const item of generator) if (taken.push(item) >= count) break;
  return taken;
}
const itemsOf = (batch: RealArray) =>
  Array.from({ length: batch.shape[0]! }, (_, i) => arrayItem(batch, i).data);
const indicesOf = (batches: SpectrogramBatch[]) => batches.map(({ indices }) => [...indices]);

/** The same recordings in the three forms that batches are made from. */
const forms = {
  array: () => factory.dataset(waves),
  samples: async () => waves,
  files: async () => paths,
};

describe.each(["array", "samples", "files"] as const)("from %s", (form) => {
  test("a pass has every recording once, in order; the last batch may be smaller", async () => {
    const batches = await take(factory.batches(await forms[form](), { batchSize: 3 }));
    expect(batches.map(({ shape }) => shape)).toEqual([3, 3, 1].map((size) => [size, 2, 9, 11]));
    expect(indicesOf(batches)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(batches.flatMap(itemsOf)).toEqual(expected);
    expect(batches.map(({ samples }) => [...samples!])).toEqual([[40, 40, 40], [40, 40, 40], [40]]);
  });

  test("endless ones begin again behind the last batch", async () => {
    const batches = await take(factory.batches(await forms[form](), { batchSize: 4, endless: true }), 5);
    expect(indicesOf(batches)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6],
      [0, 1, 2, 3],
      [4, 5, 6],
      [0, 1, 2, 3],
    ]);
    expect(batches.slice(2, 4).flatMap(itemsOf)).toEqual(expected);
  });

  test("shuffled, each pass has an order of its own, which the seed decides", async () => {
    const options = { batchSize: 3, endless: true, shuffleSeed: 5 };
    const batches = await take(factory.batches(await forms[form](), options), 9);
    for (const { indices, ...batch } of batches)
      expect(itemsOf(batch)).toEqual(Array.from(indices, (index) => expected[index]));
    const orders = [0, 3, 6].map((from) => indicesOf(batches.slice(from, from + 3)).flat());
    for (const order of orders) expect(order.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(new Set(orders.map(String)).size).toBe(3);
    const again = await take(factory.batches(await forms[form](), options), 9);
    expect(again).toEqual(batches);
    const other = await take(factory.batches(await forms[form](), { ...options, shuffleSeed: 6 }), 9);
    expect(indicesOf(other)).not.toEqual(indicesOf(batches));
  });

  test("as tensors, which are the caller's", async () => {
    const before = tf.memory().numTensors;
    const tensors = await take(factory.tensors(await forms[form](), { batchSize: 4 }));
    expect(tensors.map(({ shape }) => shape)).toEqual([4, 3].map((size) => [size, 2, 9, 11]));
    expect(tf.memory().numTensors).toBe(before + 2);
    const values = await Promise.all(tensors.map((tensor) => tensor.data()));
    expect(values.flatMap((all) => [...all])).toEqual(expected.flatMap((data) => [...data]));
    tf.dispose(tensors);
    // One that is left early keeps nothing either.
    for await (const tensor of factory.tensors(await forms[form](), { batchSize: 1, endless: true })) {
      tensor.dispose();
      break;
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

test("any number of recordings in batches of any size comes once a pass", async () => {
  const all = await factory.dataset(waves);
  const size = all.data.length / 7;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 9 }),
      fc.option(fc.nat(), { nil: undefined }),
      async (count, batchSize, seed) => {
        const array = { data: all.data.subarray(0, count * size), shape: [count, ...all.shape.slice(1)] };
        const options = { batchSize, ...(seed !== undefined && { shuffleSeed: seed }) };
        const batches = await take(factory.batches(array, options));
        expect(batches.length).toBe(Math.ceil(count / batchSize));
        for (const { indices, ...batch } of batches) {
          expect(indices.length).toBe(batch.shape[0]);
          expect(itemsOf(batch)).toEqual(Array.from(indices, (index) => expected[index]));
        }
        expect(indicesOf(batches).flat().toSorted()).toEqual(Array.from({ length: count }, (_, i) => i));
      },
    ),
  );
});

test("files are read when their batch is asked for, not before", async () => {
  const late = join(folder, "late.wav");
  const batches = factory.batches([paths[0]!, late, join(folder, "never.wav")], { batchSize: 1 });
  expect(itemsOf((await batches.next()).value as RealArray)).toEqual([expected[0]]);
  writeFileSync(late, wavFile([waves[3]!], { codec: "float32" }));
  expect(itemsOf((await batches.next()).value as RealArray)).toEqual([expected[3]]);
  await expect(batches.next()).rejects.toThrow(/^cannot read .*never.wav: no such file/);
});

test("endless batches read changed files anew", async () => {
  const path = join(folder, "changing.wav");
  writeFileSync(path, wavFile([waves[0]!], { codec: "float32" }));
  const batches = factory.batches([path], { batchSize: 1, endless: true });
  await batches.next();
  writeFileSync(path, wavFile([waves[1]!], { codec: "float32" }));
  expect(itemsOf((await batches.next()).value as RealArray)).toEqual([expected[1]]);
});

test("a batch is the caller's: to change it changes neither the array nor the next pass", async () => {
  const dataset = await factory.dataset(waves);
  const batches = factory.batches(dataset, { batchSize: 7, endless: true });
  const first = (await batches.next()).value as SpectrogramBatch;
  first.data.fill(0);
  first.indices.fill(0);
  const second = (await batches.next()).value as SpectrogramBatch;
  expect(itemsOf(second)).toEqual(expected);
  expect([...second.indices]).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("recordings of several lengths, one a batch", async () => {
  const sounds = [waves[0]!.subarray(0, 20), waves[1]!];
  const batches = await take(factory.batches(sounds, { batchSize: 1 }));
  expect(batches.map(({ shape }) => shape.at(-1))).toEqual([6, 11]);
  await expect(take(factory.batches(sounds, { batchSize: 2 }))).rejects.toThrow(/examples of one shape/);
});

test.each([
  [{ batchSize: 0 }, /^batchSize must be a whole number of at least 1, got 0/],
  [{ batchSize: Number.NaN }, /^batchSize must be .* got NaN/],
  [{ batchSize: 1, shuffleSeed: -1 }, /^shuffleSeed must be a whole number of at least 0, got -1/],
])("%o is an error at once", (options, message) => {
  expect(() => factory.batches(waves, options)).toThrow(message);
});

test("nothing to make batches of is an error, not an endless wait", () => {
  expect(() => factory.batches([], { batchSize: 1, endless: true })).toThrow(
    /at least one recording, got none$/,
  );
  const one = factory.forward(waves[0]!);
  expect(() => factory.batches(one, { batchSize: 1 })).toThrow(
    "what batches are made of must have the shape [examples, arrays, bins, frames], got [2, 9, 11]",
  );
});
