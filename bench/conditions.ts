/**
 * A run's accuracy on recordings unlike its data: each clip of the run's test part turned into a recording (another level,
 * rate, length, channels, a pause in front, noise) and then predicted as `kws predict` would.
 *
 *   npx tsx bench/conditions.ts RUN [--data D.npz] [--part test] [--limit 500]
 */
import { parseArgs } from "node:util";
import type { Audio } from "../src/audio/clip.js";
import { Random } from "../src/base/random.js";
import { loadClips } from "../src/data/load.js";
import { resample } from "../src/dsp/resample.js";
import { loadRecognizer } from "../src/recognizer/open.js";
import { chooseRunDataset } from "../src/run/dataset.js";
import { RunFolder } from "../src/run/folder.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", multiple: true },
    part: { type: "string", default: "test" },
    limit: { type: "string", default: "500" },
  },
});
const run = new RunFolder(positionals[0]!);
const config = run.readConfig();
const { sampleRate, clipLength } = config;
const recognizer = await loadRecognizer(run, { backend: "wasm" });
const clips = await loadClips(options.data ?? config.data, { seed: config.seed, sampleRate });
const { split, clips: chosen } = chooseRunDataset(clips, config);
const rows = split[options.part as keyof typeof split].slice(0, Number(options.limit));

type Change = (samples: Float32Array, random: Random) => Audio;
const mono =
  (change: (samples: Float32Array, random: Random) => Float32Array): Change =>
  (samples, random) => ({ sampleRate, channels: [change(samples, random)] });
const byDecibels = (decibels: number) =>
  mono((samples) => samples.map((value) => Math.max(-1, Math.min(1, value * 10 ** (decibels / 20)))));
const atRate =
  (rate: number): Change =>
  (samples) => ({ sampleRate: rate, channels: [resample(samples, sampleRate, rate)] });
const power = (samples: Float32Array) =>
  samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
const withNoise = (decibels: number) =>
  mono((samples, random) => {
    const level = Math.sqrt(power(samples) / 10 ** (decibels / 10));
    return samples.map((value) => value + level * random.normal());
  });
const padded = (before: number, after: number) =>
  mono((samples, random) => {
    const whole = Float32Array.from(
      { length: Math.round((before + 1 + after) * sampleRate) },
      () => 1e-4 * random.normal(),
    );
    whole.set(samples, Math.round(before * sampleRate));
    return whole;
  });

const conditions: Record<string, Change> = {
  "as it is": mono((samples) => samples),
  "20 dB quieter": byDecibels(-20),
  "10 dB quieter": byDecibels(-10),
  "10 dB louder, clipped": byDecibels(10),
  "at 16 kHz": atRate(16_000),
  "at 44.1 kHz": atRate(44_100),
  "0.7 s of silence in front": padded(0.7, 0),
  "0.7 s of silence in front, 1.5 s behind": padded(0.7, 1.5),
  "two channels, one silent": (samples) => ({
    sampleRate,
    channels: [samples, new Float32Array(samples.length)],
  }),
  "white noise, SNR 20 dB": withNoise(20),
  "white noise, SNR 10 dB": withNoise(10),
  "white noise, SNR 0 dB": withNoise(0),
};

console.log(`${run.path}: ${rows.length} clips of its ${options.part} part`);
for (const [name, change] of Object.entries(conditions)) {
  let right = 0;
  for (const row of rows) {
    const wave = new Float32Array(clipLength);
    chosen.samples.read(row, wave);
    const { prediction } = await recognizer.predictAudio(change(wave, new Random(1, "conditions", row)));
    if (prediction.label === chosen.labels[row]) right++;
  }
  console.log(`${name.padEnd(42)} ${((100 * right) / rows.length).toFixed(1)} %`);
}
