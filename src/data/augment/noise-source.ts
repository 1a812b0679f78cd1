import { UserError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { rms } from "../../dsp/level.js";
import { powerLawNoise } from "../../dsp/noise.js";
import { type Clips, clipKey } from "../clips.js";
import { SILENCE } from "../labels.js";
import type { SampleStore } from "../sample-store.js";
import { mixAtSnr, type NoiseClips, turnedNoise } from "./effects.js";
import { readNoiseFolder } from "./noise.js";

const pink = "pink";
/** Below 60 dB under full scale a clip's noise is mostly the rounding to 16 bits. */
const quietestRms = 0.001;

/** Noise to evaluate a model in. */
export interface NoiseSource {
  /** `silence`, `pink`, or the folder that the noise was read from. */
  name: string;
  /** Without them, each clip gets pink noise of its own. */
  clips?: NoiseClips;
}

/**
 * Chooses the noise to evaluate a model in.
 *
 * @param data.seen by row of the clips: 1 where the model was trained on it
 * @param from `silence`: the data's `silence` clips that the model was not trained on; `pink`: generated noise whose power
 *   density falls as 1/f; else a folder of WAV files. By default `silence` if there are such clips, else `pink`.
 * @throws UserError when there is no noise
 */
export async function chooseNoise(
  { clips, seen }: { clips: Clips; seen: ArrayLike<number> },
  from: string | undefined,
): Promise<NoiseSource> {
  if (from === pink) return { name: pink };
  if (from === undefined || from === SILENCE) {
    const rows = [...clips.labels.keys()].filter((row) => clips.labels[row] === SILENCE && !seen[row]);
    const noise = audible(clips.samples, rows);
    if (noise.rows.length > 0) return { name: SILENCE, clips: noise };
    if (from === undefined) return { name: pink };
    throw new UserError(
      `the data has no ${SILENCE} clips to take noise from, except near-silent ones and those that the run was trained on: expected ${pink} or a folder of WAV files`,
    );
  }
  const { samples, rows } = await readNoiseFolder(from, clips.sampleRate);
  const noise = audible(samples, [...rows]);
  if (noise.rows.length > 0) return { name: from, clips: noise };
  throw new UserError(
    `${from}: expected recordings of noise, found none louder than -60 dB relative to full scale`,
  );
}

function audible(samples: SampleStore, rows: readonly number[]): NoiseClips {
  const wave = new Float32Array(samples.clipLength);
  const loud = rows.filter((row) => {
    samples.read(row, wave);
    return rms(wave) >= quietestRms;
  });
  return { samples, rows: Int32Array.from(loud) };
}

/**
 * Returns a function that adds the source's noise to a clip in place, by its row. A clip gets the same noise at every
 * ratio: it is drawn by the seed and by the clip's content. A `silence` clip has no voice to compare with: its noise is
 * as loud as for a clip of the median level of the others.
 *
 * @param rows the rows to add noise to
 */
export function noiseMixer(
  clips: Clips,
  rows: Int32Array,
  source: NoiseSource,
  seed: number,
): (wave: Float32Array, row: number, snrDb: number) => void {
  const voice = medianRms(clips, rows);
  return (wave, row, snrDb) => {
    const signal = clips.labels[row] === SILENCE ? voice : undefined;
    mixAtSnr(wave, noiseForClip(clips, row, source, seed), snrDb, signal);
  };
}

/** Draws the noise for a clip, `[clipLength]`, by the seed and the clip's content. */
export function noiseForClip(
  clips: Clips,
  row: number,
  { clips: noise }: NoiseSource,
  seed: number,
): Float32Array {
  const random = new Random(seed, "noise", clipKey(clips, row));
  const { samples, sampleRate } = clips;
  if (noise === undefined) {
    // At a low rate nothing would be left above the usual lowest frequency.
    const lowestHz = Math.min(40, sampleRate / 8);
    const { clipLength } = samples;
    return Float32Array.from(
      powerLawNoise({ exponent: 1, length: clipLength, sampleRate, lowestHz }, random),
    );
  }
  const drawn = random.integer(noise.rows.length);
  // Not the clip itself, if there is another.
  const isItself = noise.samples === samples && noise.rows[drawn] === row;
  const chosen = isItself ? (drawn + 1) % noise.rows.length : drawn;
  return turnedNoise(noise.samples, noise.rows[chosen]!, random);
}

/** The median level of the clips with a voice; undefined if there are none. */
function medianRms(clips: Clips, rows: Int32Array): number | undefined {
  const wave = new Float32Array(clips.samples.clipLength);
  const levels = Float64Array.from(
    rows.filter((row) => clips.labels[row] !== SILENCE),
    (row) => {
      clips.samples.read(row, wave);
      return rms(wave);
    },
  ).sort();
  return levels[levels.length >> 1];
}
