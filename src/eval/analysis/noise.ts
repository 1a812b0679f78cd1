import type * as tf from "@tensorflow/tfjs";
import { powerLawNoise } from "../../dsp/noise.js";
import { Random } from "../../random.js";
import type { RunConfig } from "../../run.js";
import { classify } from "../classify.js";
import { clipKey, type EvaluationData } from "../data.js";
import { computeMetrics } from "../metrics.js";

/** Signal-to-noise ratios, dB, from a quiet room to a noise that is louder than the voice. */
export const snrsDb: readonly number[] = [20, 15, 10, 5, 0, -5];

const silence = "silence";
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
  /** The data's own `silence` clips that the run has not been trained on, or, where there are none, pink noise. */
  noise: "silence clips" | "pink noise";
  /** How many different clips of noise there are; 0 where each is generated. */
  noiseClips: number;
  seed: number;
  levels: NoiseLevel[];
}

/**
 * Adds noise in place so that the clip's power is `snrDb` above the noise's, both means over the whole clip:
 * `torchaudio.functional.add_noise`. Nothing is clipped, the samples being floats.
 *
 * @param power the clip's, where it is to count as another than it is
 */
export function addNoise(
  wave: Float32Array,
  noise: ArrayLike<number>,
  snrDb: number,
  power = powerOf(wave),
): void {
  const scale = Math.sqrt(power / powerOf(noise) / 10 ** (snrDb / 10));
  for (let i = 0; i < wave.length; i++) wave[i]! += scale * noise[i]!;
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
  data: EvaluationData,
  onProgress?: (done: number, total: number) => void,
): Promise<NoiseFigures> {
  const { clips, rows, truth } = data;
  const noise = new Noise(data, seed);
  const spoken = medianPower(data);
  const levels: NoiseLevel[] = [];
  for (const [place, snrDb] of snrsDb.entries()) {
    const answers = (await classify(model, clips, rows, {
      change: (wave, row) => {
        const power = clips.labels[row] === silence ? spoken : undefined;
        addNoise(wave, noise.of(row), snrDb, power);
      },
      onProgress: (done, total) => onProgress?.(place * total + done, snrsDb.length * total),
    }))!;
    const { accuracy, loss, macroF1, perLabel } = computeMetrics(answers, truth, labels);
    const recall = perLabel.map((label) => (label.support === 0 ? null : label.recall));
    levels.push({ snrDb, accuracy, loss, macroF1, recall });
  }
  return {
    noise: noise.rows.length > 0 ? "silence clips" : "pink noise",
    noiseClips: noise.rows.length,
    seed,
    levels,
  };
}

/** The noise for each clip, drawn by the seed and by which clip it is. */
class Noise {
  /** Clips to take it from. */
  readonly rows: readonly number[];
  private readonly data: EvaluationData;
  private readonly seed: number;

  constructor(data: EvaluationData, seed: number) {
    const { clips, seen } = data;
    this.data = data;
    this.seed = seed;
    this.rows = [...clips.labels.keys()].filter(
      (row) => clips.labels[row] === silence && !seen[row] && powerOf(this.read(row)) >= quietestRms ** 2,
    );
  }

  /** `[clipLength]`; the clips that noise is taken from are turned by a random time, so that few serve for many. */
  of(row: number): ArrayLike<number> {
    const { clips } = this.data;
    const { sampleRate, samples } = clips;
    const random = new Random(this.seed, "noise", clipKey(clips, row));
    if (this.rows.length === 0) {
      // The lowest frequency, for clips of so low a rate that nothing would be left above the usual one.
      const lowestHz = Math.min(40, sampleRate / 8);
      return powerLawNoise({ exponent: 1, length: samples.clipLength, sampleRate, lowestHz }, random);
    }
    const drawn = random.integer(this.rows.length);
    // Not the clip itself, where there is another.
    const chosen = this.rows[drawn] === row ? (drawn + 1) % this.rows.length : drawn;
    const wave = this.read(this.rows[chosen]!);
    const start = random.integer(wave.length);
    return wave.map((_, i) => wave[(i + start) % wave.length]!);
  }

  private read(row: number): Float32Array {
    const { samples } = this.data.clips;
    const wave = new Float32Array(samples.clipLength);
    samples.read(row, wave);
    return wave;
  }
}

function powerOf(wave: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < wave.length; i++) sum += wave[i]! ** 2;
  return sum / wave.length;
}

/** Of the clips with a voice; undefined where there are none. */
function medianPower({ clips, rows }: EvaluationData): number | undefined {
  const wave = new Float32Array(clips.samples.clipLength);
  const powers = [...rows]
    .filter((row) => clips.labels[row] !== silence)
    .map((row) => {
      clips.samples.read(row, wave);
      return powerOf(wave);
    })
    .sort((a, b) => a - b);
  return powers[powers.length >> 1];
}
