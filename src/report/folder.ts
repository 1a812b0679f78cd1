import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describeSystemError, UserError } from "../base/errors.js";
import { writeMistakes } from "../eval/analysis/mistakes.js";
import { isReport } from "../plot/html.js";

const page = "index.html";
/** The pictures of an evaluation's report, each written as SVG and as PNG. */
export const pictureNames = ["confusion", "top-k", "roc", "det", "reliability", "noise", "speakers"] as const;
/** What stands beside the page. */
const figures = [
  "comparison.json",
  "evaluation.json",
  ...pictureNames.flatMap((name) => [`${name}.svg`, `${name}.png`]),
];

/**
 * Takes away what an earlier report left that this one has not: who reads its figures must not find another's. Its page must be
 * written by then.
 */
export function removeOtherFigures(folder: string, written: readonly string[]): void {
  for (const name of figures) if (!written.includes(name)) rmSync(join(folder, name), { force: true });
  if (!written.includes("evaluation.json")) writeMistakes(join(folder, "mistakes"), []);
}

/**
 * Says whether a report may be written into a folder: beside other files, and in the place of an earlier report, but of
 * nothing else.
 *
 * @throws UserError where a file of the same name is somebody else's
 */
export function checkReportFolder(folder: string): void {
  const path = join(folder, page);
  if (existsSync(path)) {
    if (isReport(readText(path))) return;
    throw new UserError(`${path} is no report by keyspot and is left as it is: choose another --report`);
  }
  const taken = figures.find((name) => existsSync(join(folder, name)));
  if (taken !== undefined)
    throw new UserError(
      `${join(folder, taken)} belongs to no report by keyspot (there is no ${page} beside it) and is left as it is: choose another --report`,
    );
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw describeSystemError(error, "read", path) as Error;
  }
}
