import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../base/errors.js";

/**
 * Models and recipes that ship with the package. They are found by name from any working folder, in a checkout and
 * in an installed package.
 */
const modelsFolder = fileURLToPath(new URL("../../pretrained", import.meta.url));
const recipesFolder = fileURLToPath(new URL("../../recipes", import.meta.url));

/**
 * Returns the folder of a run.
 *
 * @param run a folder, or else the name of a model that ships
 * @throws UserError where it is neither
 */
export function resolveRun(run: string): string {
  if (existsSync(run)) return run;
  if (isShippedName(run)) return join(modelsFolder, run);
  throw new UserError(
    `${run}: expected a run folder or the name of a shipped model (${readdirSync(modelsFolder).join(", ")}), found neither`,
  );
}

/**
 * Returns the file of a `--config`.
 *
 * @param config a file, or else the name of a recipe that ships
 * @throws UserError where it is neither
 */
export function resolveRecipe(config: string): string {
  if (existsSync(config) && !statSync(config).isDirectory()) return config;
  const names = readdirSync(recipesFolder)
    .map((file) => basename(file, ".json"))
    .sort();
  if (names.includes(config)) return join(recipesFolder, `${config}.json`);
  throw new UserError(
    `--config: expected a file or the name of a shipped recipe (${names.join(", ")}), found ${config}`,
  );
}

/** The path by which to store a run so that it holds in any working folder: absolute, or a shipped model's name. */
export function storedRunPath(run: string): string {
  return isAbsolute(run) || isShippedName(run) ? run : resolve(run);
}

/** Whether a folder is a shipped model, or within one: nothing is ever written there. */
export function isShipped(path: string): boolean {
  let place = resolve(path);
  while (!existsSync(place) && place !== dirname(place)) place = dirname(place);
  if (!existsSync(place)) return false; // a drive that is missing
  const [first = ""] = relative(realpathSync(modelsFolder), realpathSync(place)).split(/[/\\]/);
  return first !== "" && first !== ".." && !isAbsolute(first);
}

function isShippedName(run: string): boolean {
  return !existsSync(run) && readdirSync(modelsFolder).includes(run);
}
