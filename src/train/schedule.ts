/** The learning rate of each update, counted from 0. */
export type LearningRateSchedule = (step: number) => number;

/**
 * `constant`, or `cosine` from the base rate down to zero, which would be the step behind the last one (Loshchilov and Hutter, 2017, one cycle). The
 * first `warmupSteps` rise to the base rate in a straight line; the cosine begins behind them.
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
