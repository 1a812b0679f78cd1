/** The learning rate of each step, counted from 0. */
export type LearningRateSchedule = (step: number) => number;

/**
 * Returns a schedule: `constant`, or `cosine` from the base rate down to zero, which it would reach at step
 * `totalSteps` (Loshchilov and Hutter, 2017, one cycle). In the first `warmupSteps` the rate rises linearly
 * to the base rate; the cosine begins after them.
 */
export function learningRateSchedule(
  kind: "constant" | "cosine",
  baseRate: number,
  totalSteps: number,
  warmupSteps = 0,
): LearningRateSchedule {
  const rest = Math.max(1, totalSteps - warmupSteps);
  return (step) => {
    if (step < warmupSteps) return (baseRate * (step + 1)) / warmupSteps;
    if (kind === "constant") return baseRate;
    return 0.5 * baseRate * (1 + Math.cos((Math.PI * Math.min(step - warmupSteps, rest)) / rest));
  };
}
