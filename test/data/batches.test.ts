import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { encodeWav } from "../../src/audio/wav/decode.js";
import { Random } from "../../src/base/random.js";
import { Augmenter } from "../../src/data/augment/augmenter.js";
import { noiseFor, readNoiseFolder } from "../../src/data/augment/noise.js";
import type { AugmentSettings } from "../../src/data/augment/settings.js";
import { type Batch, TrainingBatches, type TrainingBatchesOptions } from "../../src/data/batches/batches.js";
import { PrefetchedBatches } from "../../src/data/batches/prefetch.js";
import type { Clips } from "../../src/data/clips.js";
import { SampleStoreBuilder } from "../../src/data/sample-store.js";
import { tone } from "../helpers/clips.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-batches-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rate = 800;
const names = ["yes", "no", "silence"];
const count = 30;

function makeClips(): Clips {
  const builder = new SampleStoreBuilder(rate);
  for (let i = 0; i < count; i++) builder.append(tone(i % 3, rate, new Random(i, "clip")));
  const labels = Array.from({ length: count }, (_, i) => names[i % 3]!);
  return {
    sampleRate: rate,
    samples: builder.finish("test"),
    labels,
    rows: Int32Array.from(labels.keys()),
    sources: [],
  };
}

const clips = makeClips();
const rows = Int32Array.from({ length: 22 }, (_, i) => i);
const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
const everything: AugmentSettings = {
  speed: 0.1,
  timeShiftMs: 100,
  reverb: { probability: 0.5, rt60Ms: [100, 300], directDb: [0, 10] },
  noise: { probability: 0.8, snrDb: [5, 20] },
  gainDb: 6,
  mixup: { probability: 0.5, alpha: 0.4 },
};
const noise = { samples: clips.samples, rows: Int32Array.of(2, 5, 8) };
const options = (more: Partial<TrainingBatchesOptions> = {}): TrainingBatchesOptions => ({
  ...{ clips, rows, labels, batchSize: 8, seed: 42, augment: everything, noise },
  ...more,
});

describe("Augmenter", () => {
  const changed = (settings: AugmentSettings, epoch = 1, index = 0, seed = 42) => {
    const wave = tone(1, rate, new Random(1));
    new Augmenter(settings, noise).apply(wave, rate, seed, epoch, index);
    return wave;
  };

  test("without strengths changes nothing; strengths of 0 neither", () => {
    expect(changed({})).toEqual(tone(1, rate, new Random(1)));
    expect(changed({ speed: 0, timeShiftMs: 0, gainDb: 0 })).toEqual(changed({}));
  });

  test("follows from seed, epoch and place", () => {
    expect(changed(everything)).toEqual(changed(everything));
    for (const other of [changed(everything, 2), changed(everything, 1, 1), changed(everything, 1, 0, 43)]) {
      expect(other).not.toEqual(changed(everything));
    }
  });

  test("a step that is added leaves the others' choices as they were", () => {
    const shifted = changed({ timeShiftMs: 100 });
    const louder = changed({ timeShiftMs: 100, gainDb: 6 });
    const factor = louder.find((x) => x !== 0)! / shifted.find((x) => x !== 0)!;
    expect(factor).not.toBe(1);
    louder.forEach((x, i) => {
      expect(x).toBeCloseTo(factor * shifted[i]!, 5);
    });
  });

  test("no step is left out", () => {
    const { mixup: _, ...steps } = everything;
    const whole = changed({ ...steps, reverb: { ...everything.reverb!, probability: 1 } });
    for (const name of Object.keys(steps)) {
      const rest = { ...steps, reverb: { ...everything.reverb!, probability: 1 }, [name]: undefined };
      expect(changed(rest as AugmentSettings), name).not.toEqual(whole);
    }
  });
});

describe("noiseFor", () => {
  const wanted = { noise: { probability: 1, snrDb: [0, 10] } } as AugmentSettings;

  test("takes the clips of silence among the given rows, and no others", async () => {
    const found = await noiseFor(wanted, clips, Int32Array.of(0, 1, 2, 8, 9));
    expect([...found!.rows]).toEqual([2, 8]);
    expect(found!.samples).toBe(clips.samples);
    expect(await noiseFor(wanted, clips, Int32Array.of(0, 1))).toBeUndefined();
    expect(await noiseFor({ gainDb: 3 }, clips, rows)).toBeUndefined();
  });

  test("or reads a folder of WAVs, with those within it, cut into seconds", async () => {
    const path = join(folder, "noise");
    mkdirSync(join(path, "street"), { recursive: true });
    const long = Float32Array.from({ length: 8000 * 2.5 }, (_, i) => Math.sin(i / 9) / 2);
    writeFileSync(join(path, "a.wav"), encodeWav(long, 8000));
    writeFileSync(join(path, "street", "b.WAV"), encodeWav(long.subarray(0, 3000), 8000));
    writeFileSync(join(path, "._a.wav"), "no sound");
    writeFileSync(join(path, "notes.txt"), "no sound");
    const found = await noiseFor(
      { noise: { ...wanted.noise!, folder: path } },
      { ...clips, sampleRate: 8000 },
      rows,
    );
    expect(found!.samples.count).toBe(3);
    expect([...found!.rows]).toEqual([0, 1, 2]);
    const wave = new Float32Array(8000);
    found!.samples.read(1, wave);
    for (let i = 0; i < 8000; i++) expect(wave[i]).toBeCloseTo(long[8000 + i]!, 4);
    found!.samples.read(2, wave);
    for (let i = 0; i < 8000; i++) expect(wave[i]).toBeCloseTo(long[i % 3000]!, 4);
  });

  test("a folder that is missing, or has none, is an error that names it", async () => {
    await expect(readNoiseFolder(join(folder, "absent"), 8000)).rejects.toThrow(/absent: no such file/);
    const empty = join(folder, "empty");
    mkdirSync(empty);
    await expect(readNoiseFolder(empty, 8000)).rejects.toThrow(/empty has no WAV file/);
  });
});

describe("TrainingBatches", () => {
  const plain = new TrainingBatches(options({ augment: {} }));

  test("an epoch has every row once, in an order of its own; the last batch is the rest", () => {
    const seen = [1, 2].map((epoch) => {
      // For its label each row has itself.
      const batches = new TrainingBatches(
        options({ augment: {}, labels: Int32Array.from({ length: count }, (_, i) => i) }),
      );
      expect(batches.count).toBe(3);
      const read = [0, 1, 2].map((number) => batches.read(epoch, number));
      expect(read.map(({ size }) => size)).toEqual([8, 8, 6]);
      return read.flatMap((batch) => [...batch.labels]);
    });
    for (const order of seen) expect([...order].sort((a, b) => a - b)).toEqual([...rows]);
    expect(seen[0]).not.toEqual(seen[1]);
  });

  test("without augmentation the clips are as they are", () => {
    const { waves, labels: truth, mix } = plain.read(1, 0);
    expect(mix).toBeUndefined();
    const wave = new Float32Array(rate);
    const known = new Set(
      [...rows].map((row) => {
        clips.samples.read(row, wave);
        return `${labels[row]} ${wave.join()}`;
      }),
    );
    truth.forEach((label, i) => {
      expect(known.has(`${label} ${waves.subarray(i * rate, (i + 1) * rate).join()}`)).toBe(true);
    });
  });

  test("any batch can be made again on its own", () => {
    const first = new TrainingBatches(options());
    for (const [epoch, number] of [
      [1, 0],
      [1, 1],
      [2, 2],
    ] as const)
      first.read(epoch, number);
    expect(new TrainingBatches(options()).read(2, 1)).toEqual(first.read(2, 1));
  });

  test("mixup tells the other label and the share", () => {
    const { labels: own, mix, size } = new TrainingBatches(options()).read(1, 0);
    expect(mix!.shares).toHaveLength(size);
    expect([...mix!.labels].sort()).toEqual([...own].sort());
    expect(mix!.shares.some((share) => share < 1)).toBe(true);
  });
});

describe("PrefetchedBatches", () => {
  async function reads(batchOptions: TrainingBatchesOptions, places: readonly (readonly [number, number])[]) {
    const batches = new PrefetchedBatches(batchOptions);
    const read: Batch[] = [];
    try {
      for (const [epoch, number] of places) read.push(await batches.read(epoch, number));
    } finally {
      await batches.close();
    }
    expect(batches.waitedSeconds).toBeGreaterThan(0); // for the first at least
    return read;
  }
  const here = (batchOptions: TrainingBatchesOptions, places: readonly (readonly [number, number])[]) => {
    const batches = new TrainingBatches(batchOptions);
    return places.map(([epoch, number]) => batches.read(epoch, number));
  };
  const epochs = [1, 2, 3].flatMap((epoch) => [0, 1, 2].map((number) => [epoch, number] as const));

  test("gives the batches that are made without it, bit for bit, epoch after epoch", async () => {
    expect(await reads(options(), epochs)).toEqual(here(options(), epochs));
  });

  test("from any place on, and at places out of order", async () => {
    expect(await reads(options(), epochs.slice(4))).toEqual(here(options(), epochs.slice(4)));
    const jumps = [
      [5, 2],
      [1, 0],
      [1, 0],
      [9, 1],
      [9, 0],
    ] as const;
    expect(await reads(options(), jumps)).toEqual(here(options(), jumps));
  });

  test("with noise from elsewhere, and without augmentation", async () => {
    const elsewhere = {
      ...noise,
      samples: makeClips().samples.select(Int32Array.of(1, 4, 7, 8, 9, 10, 11, 12, 13)),
    };
    for (const other of [options({ noise: elsewhere }), options({ augment: {}, noise: undefined })]) {
      expect(await reads(other, epochs)).toEqual(here(other, epochs));
    }
    expect(here(options({ noise: elsewhere }), epochs)).not.toEqual(here(options(), epochs));
  });

  test("the thread shares the samples that were read, it has no copy of them", () => {
    for (const { buffer } of clips.samples.parts.chunks) expect(buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test("what goes wrong in the thread is thrown where the batch is read", async () => {
    const bad = options({ rows: Int32Array.of(3, 99), augment: {} });
    await expect(reads(bad, [[1, 0]])).rejects.toThrow(/expected a row from 0 to 29, found 99/);
  });

  test("a read that is under way when it is closed fails, and does not wait forever", async () => {
    const batches = new PrefetchedBatches(options());
    const read = batches.read(1, 0);
    const failed = expect(read).rejects.toThrow(/makes batches ended unexpectedly/);
    await batches.close();
    await failed;
  });
});
