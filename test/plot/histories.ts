import { Random } from "../../src/base/random.js";
import type { EpochMetrics } from "../../src/plot/curves.js";

/** A training that learns, then overfits, with some noise. */
export function pretendHistory(epochs: number, seed = 1): EpochMetrics[] {
  const random = new Random(seed, "pretend history");
  return Array.from({ length: epochs }, (_, index) => {
    const done = (index + 1) / epochs;
    const learned = 1 - Math.exp(-3 * done);
    return {
      epoch: index + 1,
      loss: 2.4 * (1 - learned) + 0.05 * random.uniform(),
      accuracy: 0.1 + 0.85 * learned + 0.01 * random.uniform(),
      valLoss: 2.4 * (1 - learned) + 0.5 + 0.3 * Math.max(0, done - 0.6) + 0.05 * random.uniform(),
      valAccuracy: 0.1 + 0.7 * learned + 0.02 * random.uniform(),
    };
  });
}
