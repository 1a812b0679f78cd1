import type { Random } from "../random.js";

/** Changes a clip `[samples]` in place. Everything random in it comes from `random`. */
export type Augmentation = (wave: Float32Array, sampleRate: number, random: Random) => void;

/** The named recipes of `--augment`. */
export const augmentations: Readonly<Record<"none" | "standard", readonly Augmentation[]>> = {
  none: [],
  standard: [timeShift(100)],
};

/** Moves the clip earlier or later by up to `maxMs`, uniformly; zeros come in where it left. */
export function timeShift(maxMs: number): Augmentation {
  return (wave, sampleRate, random) => {
    const most = Math.min(wave.length, Math.round((maxMs / 1000) * sampleRate));
    const shift = random.integer(2 * most + 1) - most;
    if (shift > 0) {
      wave.copyWithin(shift, 0);
      wave.fill(0, 0, shift);
    } else if (shift < 0) {
      wave.copyWithin(0, -shift);
      wave.fill(0, wave.length + shift);
    }
  };
}
