import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Command, Option } from "commander";
import { backendChoices } from "../backend/names.js";
import { describeSystemError, UserError, usageError } from "../base/errors.js";
import { readConfigFile } from "../run/settings.js";
import { addExamples } from "./help.js";
import { Output } from "./output.js";

/** The flags that every command takes. */
export interface CommonFlags {
  json?: boolean;
  quiet?: boolean;
  color?: boolean;
  config?: string;
  debug?: boolean;
}

/** A command with the flags that every command takes, and an example at the end of its help. */
export function command(name: string, description: string, ...examples: readonly string[]): Command {
  const made = new Command(name)
    .description(description)
    .option("--json", "print one JSON document and nothing else on stdout")
    .option("--quiet", "no progress and no remarks")
    .option("--no-color", "no colours (so does the environment variable NO_COLOR)")
    .option(
      "--config <file>",
      "flags from a JSON file, or a shipped recipe such as transfer; flags given override it",
    )
    .option("--debug", "a stack trace with an error");
  return addExamples(made, examples);
}

export function outputFor(flags: CommonFlags): Output {
  return new Output(flags);
}

const required = new WeakSet<Option>();

/** An option that a command cannot do without. (Commander's own look for theirs before the config file is read.) */
export function requiredOption(
  flags: string,
  description: string,
  parse?: (text: string) => unknown,
): Option {
  const option = new Option(flags, description);
  if (parse !== undefined) option.argParser(parse);
  required.add(option);
  return option;
}

/** What can be said of a command's flags before any file is read. */
const flagChecks = new WeakMap<Command, (command: Command) => void | Promise<void>>();

/** Has a command's flags checked before the file that --config names is read. */
export function checkFlagsFirst(command: Command, check: (command: Command) => void | Promise<void>): void {
  flagChecks.set(command, check);
}

/** What comes before every command's work: its flags are checked, those of the config file added, and checked too. */
export async function prepareFlags(command: Command): Promise<void> {
  checkNotEmpty(command);
  await flagChecks.get(command)?.(command);
  applyConfigFile(command);
  checkNotEmpty(command);
  const missing = command.options.find(
    (option) => required.has(option) && command.getOptionValue(option.attributeName()) === undefined,
  );
  if (missing !== undefined) throw usageError(`required option '${missing.flags}' not specified`);
}

/** An empty text is a mistake everywhere: most often a variable of the shell that is not set. */
function checkNotEmpty(command: Command): void {
  const isEmpty = (value: unknown) => value === "" || (Array.isArray(value) && value.includes(""));
  const refuse = (what: string) => usageError(`${what}: expected a value, found ""`);
  command.registeredArguments.forEach((argument, i) => {
    if (isEmpty(command.processedArgs[i])) throw refuse(`<${argument.name()}>`);
  });
  for (const option of command.options)
    if (isEmpty(command.getOptionValue(option.attributeName()))) throw refuse(option.flags);
}

/**
 * Gives the options that no flag gave what the file says that --config names. Flags and file go through the same checks.
 *
 * @throws UserError for a file that cannot be read; wrong usage for an unknown key or a value that will not do
 */
function applyConfigFile(command: Command): void {
  const { config: path } = command.opts<CommonFlags>();
  if (path === undefined) return;
  const options = new Map(command.options.map((option) => [option.attributeName(), option]));
  for (const key of ["config", "debug"]) options.delete(key);
  for (const [key, value] of Object.entries(readConfigFile(path, [...options.keys()]))) {
    if (command.getOptionValueSource(key) === "cli") continue;
    const option = options.get(key)!;
    command.setOptionValueWithSource(key, optionValue(option, value, path), "config");
  }
}

function optionValue(option: Option, value: unknown, path: string): unknown {
  const { long, parseArg, argChoices } = option;
  const wrong = (expected: string) =>
    usageError(`${long} in ${path}: expected ${expected}, found ${JSON.stringify(value)}`);
  const isText = (each: unknown) => typeof each === "string" || typeof each === "number";
  if (!option.required) {
    if (typeof value !== "boolean") throw wrong("true or false");
    return value;
  }
  if (parseArg === collect || parseArg === commaList) {
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (!list.every(isText)) throw wrong("a list of text");
    return Array.isArray(value) ? value.map(String) : parseArg(String(value), undefined);
  }
  if (parseArg === recipeOrStrengths && typeof value === "object") return value;
  if (parseArg === choiceOrText && typeof value === "boolean") return value;
  if (!isText(value)) throw wrong("text or a number");
  if (argChoices !== undefined && !argChoices.includes(String(value)))
    throw wrong(`one of ${argChoices.join(", ")}`);
  try {
    return parseArg === undefined ? value : parseArg(String(value), undefined);
  } catch (error) {
    if (error instanceof UserError) throw usageError(`${error.message} in ${path}`);
    throw error;
  }
}

/** Finds out before long work that what it makes can be written, as far as can be told beforehand. */
export function checkWritable(kind: "file" | "folder", path: string): void {
  let place = resolve(path);
  if (existsSync(place) && statSync(place).isDirectory() !== (kind === "folder")) {
    throw new UserError(
      `cannot write ${path}: expected a ${kind}, found a ${kind === "file" ? "folder" : "file"}`,
    );
  }
  while (!existsSync(place) && place !== dirname(place)) place = dirname(place); // a drive may be missing
  try {
    if (resolve(path) !== place && !statSync(place).isDirectory())
      throw new UserError(`cannot write ${path}: ${place} is a file`);
    accessSync(place, constants.W_OK);
  } catch (error) {
    throw describeSystemError(error, "write", path);
  }
}

/** Data sets are told from folders and sounds by their name. */
export function checkNpzName(out: string): void {
  if (!out.toLowerCase().endsWith(".npz")) throw usageError(`--out: expected a .npz file, found ${out}`);
}

/** A number where the text is one; otherwise the text, for the check of the settings to complain about. */
export function numberOrText(text: string): number | string {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? text : value;
}

/** `true` or `false`; anything else as it is, for the settings' own check to judge. */
export function choiceOrText(text: string): boolean | string {
  return text === "true" || (text === "false" ? false : text);
}

/** `a,b, c` → `["a", "b", "c"]`. */
export function commaList(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

/** What --augment takes: a name, or an object in JSON; in a config file, an object. */
export function recipeOrStrengths(text: string): unknown {
  if (!text.trimStart().startsWith("{")) return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageError(
      `--augment: expected a name or an object in JSON, found ${text}: ${(error as Error).message}`,
    );
  }
}

/** For an option that may be given again and again. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** Numbers that are taken or made at once: memory has an end, and so has a text. */
export const mostNumbers = 2 ** 24;

/** A whole number from `least` to `most`, for flags that are no settings. */
export function wholeNumber(flag: string, least: number, most?: number): (text: string) => number {
  return (text) => {
    const value = numberOrText(text);
    const fits = typeof value === "number" && Number.isSafeInteger(value) && value >= least;
    if (fits && value <= (most ?? value)) return value;
    const range = most === undefined ? `of at least ${least}` : `from ${least} to ${most}`;
    throw usageError(
      `${flag}: expected a whole number ${fits ? range : `of at least ${least}`}, found ${JSON.stringify(text)}`,
    );
  };
}

export function numberAbove(flag: string, bound: number): (text: string) => number {
  return (text) => {
    const value = numberOrText(text);
    if (typeof value === "number" && value > bound && Number.isFinite(value)) return value;
    throw usageError(`${flag}: expected a number above ${bound}, found ${JSON.stringify(text)}`);
  };
}

export const backendOption = () =>
  new Option("--backend <name>", "what computes: the fastest that works here, or the one named")
    .choices([...backendChoices])
    .default("auto");

export const partOption = () =>
  new Option("--part <part>", "which part of the data (default: test, or all of other data)").choices([
    "test",
    "val",
    "train",
    "all",
  ]);
