import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describeSystemError, UserError } from "../base/errors.js";
import { removeEmptyFolders, writeFileAtomic } from "../base/files.js";
import type { MistakeSound } from "../eval/analysis/mistakes.js";
import { isReport } from "../plot/html.js";

const page = "index.html";
/** The pictures of an evaluation's report, each written as SVG and as PNG. */
export const pictureNames = ["confusion", "top-k", "roc", "det", "reliability", "noise", "speakers"] as const;
/** The files beside the page. */
const figures = [
  "comparison.json",
  "evaluation.json",
  ...pictureNames.flatMap((name) => [`${name}.svg`, `${name}.png`]),
];

/** Writes the sounds of mistakes and removes those of an earlier report. */
export function writeMistakes(folder: string, sounds: readonly MistakeSound[]): void {
  const earlier = existsSync(folder) ? readdirSync(folder) : [];
  for (const name of earlier.filter((name) => /^\d{2}-.+-as-.+\.wav$/.test(name))) rmSync(join(folder, name));
  for (const { file, wav } of sounds) writeFileAtomic(join(folder, file), wav);
  if (sounds.length === 0) removeEmptyFolders(folder, folder);
}

/**
 * Removes the files of an earlier report that this one does not have, so that no figure of another report is read as one
 * of this one. To be called once the page is written.
 */
export function removeOtherFigures(folder: string, written: readonly string[]): void {
  for (const name of figures) if (!written.includes(name)) rmSync(join(folder, name), { force: true });
  if (!written.includes("evaluation.json")) writeMistakes(join(folder, "mistakes"), []);
}

/**
 * Checks that a report may be written into a folder. It may lie beside other files and replace an earlier report, but
 * nothing else.
 *
 * @throws UserError when a file of the same name was not written by keyspot
 */
export function checkReportFolder(folder: string): void {
  const path = join(folder, page);
  if (existsSync(path)) {
    if (isReport(readText(path))) return;
    throw new UserError(`${path} is not a report by keyspot and is left as it is: choose another --report`);
  }
  const taken = figures.find((name) => existsSync(join(folder, name)));
  if (taken !== undefined)
    throw new UserError(
      `${join(folder, taken)} is not part of a report by keyspot (there is no ${page} beside it) and is left as it is: choose another --report`,
    );
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw describeSystemError(error, "read", path) as Error;
  }
}
