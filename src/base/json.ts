import { readFileSync } from "node:fs";
import { z } from "zod";
import { describeSystemError, UserError } from "./errors.js";

/**
 * Reads a JSON file of any content.
 *
 * @throws UserError when the file cannot be read or is not valid JSON
 */
export function readJsonFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Describes the first problem of a value that a schema refused, in one line: where in the value, what was
 * expected, what was found.
 *
 * @param schema given for values that people type: then an unknown key's message lists the known ones
 */
export function describeIssue({ issues }: z.ZodError, value: unknown, schema?: z.ZodType): string {
  const issue = issues[0]!;
  const path = [...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = schema === undefined ? "" : `; expected ${knownKeys(schema, path).join(", ")}`;
    return `${[...path, issue.keys[0]].join(".")} is not known to this version${known}`;
  }
  const found = path.reduce(
    (inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );
  const expected = issue.message.replace(/^Invalid input: (expected .*), received .*$/, "$1"); // zod's wording
  return `${path.length > 0 ? `${path.join(".")}: ` : ""}${expected}, found ${inWords(found)}`;
}

/** The keys of the object at a path of a schema. */
function knownKeys(schema: unknown, path: readonly PropertyKey[]): string[] {
  if (schema instanceof z.ZodOptional) return knownKeys(schema.unwrap(), path);
  if (schema instanceof z.ZodPipe) return knownKeys(schema.out, path); // from `preprocess`
  if (!(schema instanceof z.ZodObject)) return [];
  const [key, ...rest] = path;
  return key === undefined ? Object.keys(schema.shape) : knownKeys(schema.shape[String(key)], rest);
}

/** A value as an error message shows it: JSON of at most 80 characters, or `nothing`. */
export function inWords(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "number" ? String(value) : JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
