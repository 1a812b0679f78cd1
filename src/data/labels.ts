import { UserError, usageError } from "../base/errors.js";

/** The label of clips without speech. */
export const SILENCE = "silence";
/** The label of clips of other words. */
export const UNKNOWN = "unknown";

/** Whether a label is that of a word: neither `unknown` nor `silence`. */
export function isWord(label: string): boolean {
  return label !== UNKNOWN && label !== SILENCE;
}

/** The labels of the course's file, in the order of the models' outputs. */
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

/** How the course's file spells two of its labels. */
const MISSPELT: Readonly<Record<string, string>> = { unknow: UNKNOWN, slience: SILENCE };

/** The label that is meant: the course's misspellings mended, anything else as it is. */
export function mendLabel(label: string): string {
  return Object.hasOwn(MISSPELT, label) ? MISSPELT[label]! : label;
}

/**
 * The labels a model for this data tells apart, in the order of its outputs: the chosen ones; else the twelve of the
 * course, all of them, where the data has no other label, so that models of different parts of it fit together; else
 * the data's own, sorted.
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
