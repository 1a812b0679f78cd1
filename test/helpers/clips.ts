import { Random } from "../../src/base/random.js";
import { COURSE_LABELS } from "../../src/data/labels.js";
import { sampleRows, textColumn, writeNpz } from "./npz.js";

/** Tones with noise, a pitch for each label: a task that small models learn in a few steps. */
export function tone(label: number, rate: number, random: Random): Float32Array {
  const frequency = (label + 1) * (rate / 32);
  const phase = random.between(0, 2 * Math.PI);
  return Float32Array.from({ length: rate }, (_, i) =>
    Math.fround(0.4 * Math.sin((2 * Math.PI * frequency * i) / rate + phase) + 0.05 * random.normal()),
  );
}

/** Writes a data set of such clips: `perLabel` clips of each label, by `speakers` speakers in turn. */
export function writeTones(
  path: string,
  options: {
    labels?: readonly string[];
    perLabel?: number;
    rate?: number;
    speakers?: number;
    seed?: number;
  } = {},
): void {
  const { labels = COURSE_LABELS.slice(0, 3), perLabel = 20, rate = 256, speakers = 10, seed = 1 } = options;
  const random = new Random(seed, "tones");
  const rows: Float32Array[] = [];
  const names: string[] = [];
  const voices: string[] = [];
  for (let i = 0; i < perLabel; i++) {
    labels.forEach((label, k) => {
      rows.push(tone(k, rate, random));
      names.push(label);
      voices.push(`speaker${i % speakers}`);
    });
  }
  writeNpz(path, {
    wav_vals: sampleRows(rows),
    label_vals: textColumn(names),
    ...(speakers > 0 && { speaker_vals: textColumn(voices) }),
  });
}
