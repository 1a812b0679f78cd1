import { UserError, usageError } from "../base/errors.js";

/** The label of clips without speech. */
export const SILENCE = "silence";
/** The label of clips of other words. */
export const UNKNOWN = "unknown";

/** Whether a label is that of a word: neither `unknown` nor `silence`. */
export function isWord(label: string): boolean {
  return label !== UNKNOWN && label !== SILENCE;
}

/** The labels of the course's data, in the order of its models' outputs. */
export const COURSE_LABELS: readonly string[] = [
  "yes",
  "no",
  "up",
  "down",
  "left",
  "right",
  "on",
  "off",
  "stop",
  "go",
  UNKNOWN,
  SILENCE,
];

/** Two labels that the course's file misspells. */
const MISSPELT: Readonly<Record<string, string>> = { unknow: UNKNOWN, slience: SILENCE };

/** Corrects the course's misspellings; other labels are returned unchanged. */
export function mendLabel(label: string): string {
  return Object.hasOwn(MISSPELT, label) ? MISSPELT[label]! : label;
}

/**
 * Returns the labels of a model for these data, in the order of its outputs: the chosen ones if given; all twelve of the
 * course if the data have no others, so that models of different subsets have the same outputs; else the data's labels,
 * sorted.
 *
 * @throws UserError for a chosen label that is empty, given twice (exit 2), or missing in the data (exit 1)
 */
export function resolveLabels(dataLabels: Iterable<string>, chosen?: readonly string[]): string[] {
  const present = new Set(dataLabels);
  if (chosen !== undefined) return checkChosen(chosen.map(mendLabel), present);
  if ([...present].every((label) => COURSE_LABELS.includes(label))) return [...COURSE_LABELS];
  return [...present].sort();
}

function checkChosen(chosen: string[], present: ReadonlySet<string>): string[] {
  const twice = chosen.find((label, i) => chosen.indexOf(label) !== i);
  if (twice !== undefined) throw usageError(`the label "${twice}" is asked for twice`);
  if (chosen.length === 0 || chosen.includes("")) throw usageError("an empty label is asked for");
  const lacking = chosen.filter((label) => !present.has(label));
  if (lacking.length > 0) {
    throw new UserError(
      `the data has no clip labelled ${lacking.join(", ")}; its labels are ${[...present].sort().join(", ")}`,
    );
  }
  return chosen;
}
