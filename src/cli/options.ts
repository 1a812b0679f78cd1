import { Command, Option } from "commander";
import { usageError } from "../errors.js";
import { Output } from "./output.js";

/** The flags that every command takes. */
export interface CommonFlags {
  json?: boolean;
  quiet?: boolean;
  color?: boolean;
  debug?: boolean;
}

/** A command with the flags that every command takes, and an example at the end of its help. */
export function command(name: string, description: string, ...examples: readonly string[]): Command {
  const heading = examples.length > 1 ? "Examples" : "Example";
  return new Command(name)
    .description(description)
    .option("--json", "print one JSON document and nothing else on stdout")
    .option("--quiet", "no progress and no remarks")
    .option("--no-color", "no colours (so does the environment variable NO_COLOR)")
    .option("--debug", "a stack trace with an error")
    .addHelpText("after", `\n${heading}:\n${examples.map((example) => `  $ ${example}`).join("\n")}`);
}

export function outputFor(flags: CommonFlags): Output {
  return new Output(flags);
}

/** A number where the text is one; otherwise the text, for the check of the settings to complain about. */
export function numberOrText(text: string): number | string {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? text : value;
}

/** `a,b, c` → `["a", "b", "c"]`. */
export function commaList(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

/** For an option that may be given again and again. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** A whole number from `least` on, for flags that are no settings. */
export function wholeNumber(flag: string, least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || text.trim() === "") {
      throw usageError(
        `${flag}: expected a whole number of at least ${least}, found ${JSON.stringify(text)}`,
      );
    }
    return value;
  };
}

export function numberAbove(flag: string, bound: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value > bound) || !Number.isFinite(value) || text.trim() === "") {
      throw usageError(`${flag}: expected a number above ${bound}, found ${JSON.stringify(text)}`);
    }
    return value;
  };
}

export const backendOption = () =>
  new Option("--backend <name>", "what computes: the fastest that works here, or the one named")
    .choices(["auto", "tensorflow", "webgpu", "wasm", "cpu"])
    .default("auto");

export const partOption = () =>
  new Option("--part <part>", "which part of the data (default: test, or all of other data)").choices([
    "test",
    "val",
    "train",
    "all",
  ]);
