import type { Clips } from "../data/clips.js";
import type { Recognizer } from "../recognizer/recognizer.js";

/** Rounds that are not counted: in them kernels are compiled and memory is taken. */
const warmUpRounds = 5;
const rounds = 11;

export interface TimedModel {
  recognizer: Pick<Recognizer, "forward">;
  clips: Clips;
  /** Rows of `clips` to time it on. */
  rows: Int32Array;
}

/**
 * Measures the median time that each model takes for one clip alone, in ms, front end included. All models are warmed up
 * first and then take turns, so that a busy moment of the machine does not fall on one of them alone.
 */
export async function medianMsPerClip(models: readonly TimedModel[]): Promise<number[]> {
  const times = models.map((): number[] => []);
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const [i, { recognizer, clips, rows }] of models.entries()) {
      const wave = new Float32Array(clips.samples.clipLength);
      clips.samples.read(rows[(round + warmUpRounds) % rows.length]!, wave);
      const start = performance.now();
      await recognizer.forward(wave, 1);
      if (round >= 0) times[i]!.push(performance.now() - start);
    }
  }
  return times.map((each) => each.sort((a, b) => a - b)[(rounds - 1) / 2]!);
}
