import { Random } from "../../base/random.js";
import {
  type Augmentation,
  addNoise,
  changeSpeed,
  gain,
  type NoiseClips,
  reverberation,
  timeShift,
} from "./effects.js";
import type { AugmentSettings } from "./settings.js";

/** Augments clips with the given strengths. The same seed, epoch and index always give the same changes. */
export class Augmenter {
  private readonly steps: readonly { name: string; apply: Augmentation }[];

  /** @param noise if absent, no noise is mixed in */
  constructor(settings: AugmentSettings, noise?: NoiseClips) {
    const { speed, timeShiftMs, reverb, noise: strengths, gainDb } = settings;
    // In the order in which sound is affected: the speaker, the room, background noise, the microphone.
    const steps: { name: string; apply: Augmentation | undefined }[] = [
      { name: "speed", apply: speed ? changeSpeed(speed) : undefined },
      { name: "timeShift", apply: timeShiftMs ? timeShift(timeShiftMs) : undefined },
      { name: "reverb", apply: reverb && reverberation(reverb) },
      { name: "noise", apply: strengths && noise && addNoise(strengths, noise) },
      { name: "gain", apply: gainDb ? gain(gainDb) : undefined },
    ];
    this.steps = steps.flatMap(({ name, apply }) => (apply === undefined ? [] : [{ name, apply }]));
  }

  /**
   * Changes a clip in place.
   *
   * @param index the clip's place in the epoch's order
   */
  apply(wave: Float32Array, sampleRate: number, seed: number, epoch: number, index: number): void {
    // Each step has its own random stream, so that adding or removing one does not change the others.
    for (const { name, apply } of this.steps) {
      apply(wave, sampleRate, new Random(seed, "augment", name, epoch, index));
    }
  }
}
