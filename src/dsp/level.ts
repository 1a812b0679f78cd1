/** Computes the root mean square. */
export function rms(samples: ArrayLike<number>): number {
  let power = 0;
  for (let i = 0; i < samples.length; i++) power += samples[i]! * samples[i]!;
  return Math.sqrt(power / samples.length);
}

/** Multiplies samples by a factor, in place. */
export function scale(samples: Float32Array, factor: number): void {
  for (let i = 0; i < samples.length; i++) samples[i]! *= factor;
}

/** Converts decibels to a factor of amplitude. */
export function gainFromDecibels(decibels: number): number {
  return 10 ** (decibels / 20);
}
