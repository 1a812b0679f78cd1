import { z } from "zod";
import { UserError } from "../base/errors.js";
import { describeIssue } from "../base/json.js";

const figure = z.number({ error: "expected a number" });
// JSON has no NaN: a training that has diverged leaves null.
const loss = figure.nullable().transform((value) => value ?? Number.NaN);

/** One epoch in `history.json`. The accuracies are shares, the losses mean cross-entropies in nats. */
const epochSchema = z.object(
  {
    epoch: figure,
    loss,
    accuracy: figure,
    valLoss: loss,
    valAccuracy: figure,
    learningRate: figure,
    seconds: figure,
  },
  { error: "expected an epoch's figures" },
);
const historySchema = z.array(epochSchema, { error: "expected a list of epochs" });
export type EpochRecord = z.infer<typeof epochSchema>;

/** Records as they come out of a JSON file, checked. */
export function parseHistory(value: unknown, where = "the stored history"): EpochRecord[] {
  const result = historySchema.safeParse(value);
  if (result.success) return result.data;
  throw new UserError(`${where} is damaged: ${describeIssue(result.error, value)}`);
}

/** Whether a value that comes out of a JSON file is a run's history. */
export function isHistory(value: unknown): boolean {
  return historySchema.safeParse(value).success;
}

/** What decides which epoch is the best one. */
export type Monitor = "loss" | "accuracy" | "valLoss" | "valAccuracy";

/**
 * Whether an epoch beats the best value so far of the monitored quantity. One after which the loss has diverged never
 * does, whatever its accuracy.
 */
export function improves(
  monitor: Monitor,
  epoch: Readonly<Record<Monitor, number>>,
  best: number | undefined,
): boolean {
  const value = epoch[monitor];
  if (!Number.isFinite(value) || hasDiverged(epoch.valLoss)) return false;
  if (best === undefined) return true;
  return monitor === "loss" || monitor === "valLoss" ? value < best : value > best;
}

/** The best epoch, the first of equals; undefined where none was of any use. */
export function bestEpoch<T extends Readonly<Record<Monitor, number>>>(
  history: readonly T[],
  monitor: Monitor,
): T | undefined {
  let best: T | undefined;
  for (const epoch of history) if (improves(monitor, epoch, best?.[monitor])) best = epoch;
  return best;
}

/** Which epoch's model a run keeps: by default that of the lowest validation loss. */
export interface Keeping {
  monitor?: Monitor;
  /** False: the newest epoch's model, whatever its figures. */
  saveBestOnly?: boolean;
}

/** The epoch whose model a run keeps, undefined where none was usable, and what it was chosen by. */
export function keptEpoch(
  history: readonly Readonly<Record<Monitor | "epoch", number>>[],
  { monitor = "valLoss", saveBestOnly = true }: Keeping = {},
): { epoch: number | undefined; chosenBy: Monitor | "newest" } {
  if (saveBestOnly) return { epoch: bestEpoch(history, monitor)?.epoch, chosenBy: monitor };
  return { epoch: history.findLast(({ valLoss }) => !hasDiverged(valLoss))?.epoch, chosenBy: "newest" };
}

/** Above this an epoch's mean cross-entropy is a training gone wrong: the right label's probability is e^-20, 2e-9. */
const divergedLoss = 20;

/** Whether a loss (nats) is no number, or so high that nothing is learnt any more. */
export function hasDiverged(loss: number): boolean {
  return !(loss <= divergedLoss);
}
