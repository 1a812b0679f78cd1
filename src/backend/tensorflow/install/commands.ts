import { execFile } from "node:child_process";
import { UserError } from "../../../base/errors.js";

export interface Finished {
  /** Undefined when the program could not be started, or ended by a signal. */
  code: number | undefined;
  signal: string | undefined;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, without a shell. Rejects only when `signal` stops it. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; signal?: AbortSignal | undefined } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 1 << 26, ...options }, (error, stdout, stderr) => {
      if (options.signal?.aborted) return reject(options.signal.reason);
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : undefined;
      resolve({ code, signal: error?.signal ?? undefined, stdout, stderr });
    });
  });
}

/** The first of several programs that takes these arguments, and the first line of what it answers. */
export async function firstThatAnswers(
  programs: readonly (string | undefined)[],
  args: readonly string[],
): Promise<{ program: string; answer: string } | undefined> {
  for (const program of programs) {
    if (program === undefined || program === "") continue;
    const { code, stdout } = await run(program, args);
    if (code === 0) return { program, answer: stdout.split("\n")[0] ?? "" };
  }
  return undefined;
}

/** An error with the most telling line of what a program printed; all of it is the error's cause. */
export function failure(what: string, { code, signal, stderr }: Finished): UserError {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  const telling =
    lines.findLast((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? `ended with ${signal ?? code}`;
  return new UserError(`${what}: ${telling.trim()}`, { cause: new Error(stderr) });
}
