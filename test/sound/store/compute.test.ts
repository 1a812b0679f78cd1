import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.js";
import { windowNames } from "../../../src/dsp/windows.js";
import { levelSpectrogram } from "../../../src/sound/spectrogram/levels.js";
import { countFrames } from "../../../src/sound/spectrogram/power.js";
import { computeChunk } from "../../../src/sound/store/compute.js";
import { resolveStoreSettings } from "../../../src/sound/store/settings.js";
import { crc32c } from "../../../src/sound/store/zarr/crc32c.js";

/** A recording in memory that says which samples it was asked for. */
function inMemory(samples: Float32Array, sampleRate = 8000) {
  const reads: [number, number][] = [];
  return {
    ...{ sampleRate, channels: 1, length: samples.length, path: "x.wav", reads },
    read(from: number, to: number) {
      expect(from >= 0 && to <= samples.length && from < to, `${from} to ${to}`).toBe(true);
      reads.push([from, to]);
      return samples.subarray(from, to);
    },
  };
}

function noise(length: number): Float32Array {
  const random = new Random(1, "noise");
  return Float32Array.from({ length }, () => random.between(-1, 1));
}

describe("chunks", () => {
  const options = fc.record({
    length: fc.integer({ min: 1, max: 5000 }),
    nFft: fc.integer({ min: 2, max: 300 }),
    hop: fc.integer({ min: 10, max: 400 }),
    window: fc.constantFrom(...windowNames),
    chunkSeconds: fc.double({ min: 0.001, max: 0.7, noNaN: true }),
  });

  test("together are the one-shot spectrogram, to the last bit, whatever their length", () => {
    fc.assert(
      fc.property(options, ({ length, ...given }) => {
        const samples = noise(length);
        const recording = inMemory(samples);
        const settings = resolveStoreSettings(recording, { ...given, log: true });
        const whole = levelSpectrogram(samples, 8000, given);
        expect(countFrames(settings)).toBe(whole.count);
        const expected = [...whole.blocks()].flatMap(({ values }) => Array.from(Float32Array.from(values)));
        const size = settings.chunkFrames * settings.bins;
        for (let i = 0; i * size < expected.length; i++) {
          const chunk = Array.from(computeChunk(recording, settings, i));
          expect(chunk).toEqual(expected.slice(i * size, (i + 1) * size));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("a band, and power in place of dB", () => {
    const samples = noise(4000);
    const recording = inMemory(samples);
    const band = { nFft: 256, minFrequency: 1000, maxFrequency: 2000 };
    const settings = resolveStoreSettings(recording, band);
    const values = computeChunk(recording, settings, 0);
    const expected = [...levelSpectrogram(samples, 8000, { ...band, hop: 128 }).blocks()].flatMap(
      ({ values }) => [...values],
    );
    expect(values.length).toBe(expected.length);
    for (const [i, value] of values.entries()) expect(10 * Math.log10(value)).toBeCloseTo(expected[i]!, 4);
  });

  test("silence is -200 dB, not minus infinity; as power it is 0", () => {
    const recording = inMemory(new Float32Array(3000));
    const log = computeChunk(recording, resolveStoreSettings(recording, { log: true }), 0);
    expect(new Set(log)).toEqual(new Set([-200]));
    expect(new Set(computeChunk(recording, resolveStoreSettings(recording, {}), 0))).toEqual(new Set([0]));
  });

  test("one in the middle needs no other samples than its own", () => {
    const recording = inMemory(noise(80_000));
    const settings = resolveStoreSettings(recording, { nFft: 256, hop: 100, chunkSeconds: 1 });
    computeChunk(recording, settings, 5);
    const first = 5 * 80 * 100;
    expect(recording.reads[0]![0]).toBe(first - 128);
    expect(recording.reads.at(-1)![1]).toBe(first + 79 * 100 + 128);
  });

  test("are --chunk rounded to whole hops", () => {
    const recording = inMemory(noise(10), 16_000);
    const frames = (chunkSeconds: number) =>
      resolveStoreSettings(recording, { nFft: 1024, hop: 512, chunkSeconds }).chunkFrames;
    expect([10, 1, 0.0001].map(frames)).toEqual([313, 31, 1]);
  });
});

describe("wrong settings", () => {
  const recording = inMemory(noise(100));
  test.each([
    [{ hop: 0 }, 2, /hop must be a whole number of at least 1, got 0/],
    [{ nFft: 256, winLength: 257 }, 2, /winLength 257, nFft 256/],
    [{ chunkSeconds: 0 }, 2, /chunk must be a number above 0/],
    [{ chunkSeconds: Number.NaN }, 2, /chunk must be a number above 0/],
    [{ minFrequency: 200, maxFrequency: 100 }, 2, /maxFrequency must be above/],
    [{ maxFrequency: 4001 }, 1, /x.wav: frequencies up to 4000 Hz were expected.*4001/],
    [{ minFrequency: 1, maxFrequency: 2 }, 1, /x.wav: no bin/],
    [{ channel: 1 }, 1, /x.wav has no channel 1, but channel 0/],
    [{ hop: 1, chunkSeconds: 100 }, 1, /values, at most 8388608 were expected: take one of 2 s or less/],
  ] as const)("%j", (options, exitCode, message) => {
    let error: unknown;
    try {
      resolveStoreSettings(recording, options);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ exitCode, message: expect.stringMatching(message) });
  });
});

test("the checksum's check value (RFC 3720 and the catalogue of CRCs)", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
});
