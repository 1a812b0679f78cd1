/**
 * How far each speaker's clips rise above their own noise: the 10 ms frame that 95 % are not louder than, against the one that
 * 20 % are not louder than, in dB; the median of all clips, and of the speakers whose clips rise least.
 *
 *   npx tsx bench/levels.ts D.npz
 */

import { quantile } from "../src/base/numbers.js";
import { SILENCE } from "../src/data/labels.js";
import { loadClips } from "../src/data/load.js";
import { rms } from "../src/dsp/level.js";

const frames = 100;
const clips = await loadClips([process.argv[2]!], { seed: 0 });
const { samples, labels, speakers } = clips;
const wave = new Float32Array(samples.clipLength);
const bySpeaker = new Map<string, number[]>();
for (const [row, label] of labels.entries()) {
  if (label === SILENCE) continue;
  samples.read(row, wave);
  const length = wave.length / frames;
  const levels = Float64Array.from(
    { length: frames },
    (_, i) => 20 * Math.log10(rms(wave.subarray(i * length, (i + 1) * length)) + 1e-6),
  ).sort();
  const speaker = speakers?.[row] ?? "";
  bySpeaker.set(speaker, [...(bySpeaker.get(speaker) ?? []), levels[95]! - levels[20]!]);
}
const median = (values: readonly number[]) =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
console.log(`all clips: ${median([...bySpeaker.values()].flat()).toFixed(1)} dB`);
for (const [speaker, rises] of [...bySpeaker].sort((a, b) => median(a[1]) - median(b[1])).slice(0, 10))
  console.log(`${speaker}: ${median(rises).toFixed(1)} dB (${rises.length} clips)`);
