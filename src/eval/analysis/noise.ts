import type * as tf from "@tensorflow/tfjs";
import { UserError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { mixAtSnr, type NoiseClips, turnedNoise } from "../../data/augment/effects.js";
import { readNoiseFolder } from "../../data/augment/noise.js";
import type { Clips } from "../../data/clips.js";
import type { SampleStore } from "../../data/sample-store.js";
import { rms } from "../../dsp/level.js";
import { powerLawNoise } from "../../dsp/noise.js";
import type { RunConfig } from "../../run/folder.js";
import { checkLogits, classify } from "../../run/logits.js";
import { clipKey, type EvaluationData } from "../data.js";
import { computeMetrics } from "../metrics.js";

/** Signal-to-noise ratios, dB, from a quiet room to a noise that is louder than the voice. */
export const snrsDb: readonly number[] = [20, 15, 10, 5, 0, -5];

const silence = "silence";
const pink = "pink";
/** Below 60 dB under full scale a clip's noise is mostly the rounding to 16 bits. */
const quietestRms = 0.001;

export interface NoiseLevel {
  snrDb: number;
  accuracy: number;
  loss: number;
  macroF1: number;
  /** By label; null where there are no clips of it. */
  recall: (number | null)[];
}

export interface NoiseFigures {
  /** `silence`, `pink`, or the folder that the noise was read from. */
  source: string;
  /** How many different seconds of noise there are; null where each clip gets its own. */
  seconds: number | null;
  seed: number;
  levels: NoiseLevel[];
}

/** What noise is added; where there are no clips of it, each clip gets pink noise of its own. */
export interface NoiseSource {
  name: string;
  clips?: NoiseClips;
}

/**
 * @param from `silence`: the data's `silence` clips that the run was not trained on; `pink`: generated, its power density
 * falling as 1/f; else a folder with WAV files. By default `silence` where there are such clips, else `pink`.
 * @throws UserError where it has no noise
 */
export async function chooseNoise(
  { clips, seen }: EvaluationData,
  from: string | undefined,
): Promise<NoiseSource> {
  if (from === pink) return { name: pink };
  if (from === undefined || from === silence) {
    const rows = [...clips.labels.keys()].filter((row) => clips.labels[row] === silence && !seen[row]);
    const noise = audible(clips.samples, rows);
    if (noise.rows.length > 0) return { name: silence, clips: noise };
    if (from === undefined) return { name: pink };
    throw new UserError(
      `the data has no ${silence} clips to take noise from, but for near-silent ones and those that the run was trained on: expected ${pink} or a folder with WAV files`,
    );
  }
  const { samples, rows } = await readNoiseFolder(from, clips.sampleRate);
  const noise = audible(samples, [...rows]);
  if (noise.rows.length > 0) return { name: from, clips: noise };
  throw new UserError(
    `${from}: expected recordings of noise, found nothing louder than -60 dB of full scale`,
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
 * A run's figures on the same clips with noise added at each signal-to-noise ratio. A clip gets the same noise at every
 * ratio and, by its content, from every run of that seed. A `silence` clip has no voice to compare with: its noise is
 * as loud as that of the middlemost of the other clips.
 *
 * @param onProgress of all ratios together
 */
export async function figuresInNoise(
  model: tf.LayersModel,
  { labels, seed }: RunConfig,
  { clips, rows, truth }: EvaluationData,
  source: NoiseSource,
  onProgress?: (done: number, total: number) => void,
): Promise<NoiseFigures> {
  const voice = medianRms(clips, rows);
  const levels: NoiseLevel[] = [];
  for (const [place, snrDb] of snrsDb.entries()) {
    const answers = (await classify(model, clips, rows, {
      change: (wave, row) => {
        const signal = clips.labels[row] === silence ? voice : undefined;
        mixAtSnr(wave, noiseFor(clips, row, source, seed), snrDb, signal);
      },
      onProgress: (done, total) => onProgress?.(place * total + done, snrsDb.length * total),
    }))!;
    checkLogits(answers.logits, () => `a clip with noise at ${snrDb} dB`);
    const { accuracy, loss, macroF1, perLabel } = computeMetrics(answers, truth, labels);
    const recall = perLabel.map((label) => (label.support === 0 ? null : label.recall));
    levels.push({ snrDb, accuracy, loss, macroF1, recall });
  }
  return { source: source.name, seconds: source.clips?.rows.length ?? null, seed, levels };
}

/** The noise for a clip, `[clipLength]`, drawn by the seed and by which clip it is. */
export function noiseFor(
  clips: Clips,
  row: number,
  { clips: noise }: NoiseSource,
  seed: number,
): Float32Array {
  const random = new Random(seed, "noise", clipKey(clips, row));
  const { samples, sampleRate } = clips;
  if (noise === undefined) {
    // For clips of so low a rate that nothing would be left above the usual lowest frequency.
    const lowestHz = Math.min(40, sampleRate / 8);
    const { clipLength } = samples;
    return Float32Array.from(
      powerLawNoise({ exponent: 1, length: clipLength, sampleRate, lowestHz }, random),
    );
  }
  const drawn = random.integer(noise.rows.length);
  // Not the clip itself, where there is another.
  const isItself = noise.samples === samples && noise.rows[drawn] === row;
  const chosen = isItself ? (drawn + 1) % noise.rows.length : drawn;
  return turnedNoise(noise.samples, noise.rows[chosen]!, random);
}

/** Of the clips with a voice; undefined where there are none. */
function medianRms(clips: Clips, rows: Int32Array): number | undefined {
  const wave = new Float32Array(clips.samples.clipLength);
  const levels = Float64Array.from(
    rows.filter((row) => clips.labels[row] !== silence),
    (row) => {
      clips.samples.read(row, wave);
      return rms(wave);
    },
  ).sort();
  return levels[levels.length >> 1];
}
