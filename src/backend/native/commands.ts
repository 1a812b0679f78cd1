import { execFile } from "node:child_process";
import { UserError } from "../../errors.js";

export interface Finished {
  /** Undefined when the program could not be started. */
  code: number | undefined;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, without a shell. Rejects only when `signal` stops it. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; signal?: AbortSignal | undefined } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 1 << 26, ...options }, (error, stdout, stderr) => {
      if (options.signal?.aborted) return reject(options.signal.reason);
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : undefined;
      resolve({ code, stdout, stderr });
    });
  });
}

/** The first of several programs that answers a question with success, and its answer. */
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

/** An error that ends in what the program said last: the line that tells most, as compilers and pip end with it. */
export function failure(what: string, finished: Finished): UserError {
  const lines = finished.stderr.split("\n").filter((line) => line.trim() !== "");
  const telling =
    lines.find((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? `exit code ${finished.code}`;
  return new UserError(`${what}: ${telling.trim()}`, { cause: new Error(finished.stderr) });
}
