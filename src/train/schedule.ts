/** The learning rate of each update, counted from 0. */
export type LearningRateSchedule = (step: number) => number;

/** `constant`, or `cosine` from the base rate down to zero at the last step (Loshchilov and Hutter, 2017, one cycle). */
export function learningRateSchedule(
  kind: "constant" | "cosine",
  baseRate: number,
  totalSteps: number,
): LearningRateSchedule {
  if (kind === "constant") return () => baseRate;
  return (step) => 0.5 * baseRate * (1 + Math.cos((Math.PI * Math.min(step, totalSteps)) / totalSteps));
}
