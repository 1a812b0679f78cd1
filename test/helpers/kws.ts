import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import { writeTones } from "./clips.js";

/** The built command. */
export const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
if (!existsSync(program)) throw new Error(`${program} is missing: run npm run build first`);

// Many processes are started, each of which loads TensorFlow.js: on a busy machine that takes long.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

export interface Result {
  /** Null where a signal ended the process. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Options {
  cwd?: string;
  input?: Uint8Array;
  env?: Record<string, string>;
  /** Sends Ctrl-C once stderr has this text. */
  interruptAt?: string;
  /** Reads nothing of stdout and closes it, as `head` does once it has enough. */
  closeStdout?: boolean;
}

/** Runs the built command. */
export function kws(
  args: readonly string[],
  { cwd, input, env, interruptAt, closeStdout }: Options = {},
): Promise<Result> {
  const { NO_COLOR: _, FORCE_COLOR: __, COLUMNS: ___, ...inherited } = process.env;
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { ...inherited, ...env } });
  let stdout = "";
  let stderr = "";
  let interrupted = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  if (closeStdout) child.stdout.destroy();
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    if (interruptAt === undefined || interrupted || !stderr.includes(interruptAt)) return;
    interrupted = true;
    child.kill("SIGINT");
  });
  child.stdin.on("error", () => {}); // it may end before it has read all
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** Expects that a command did what it was asked for. Returns what it said. */
export async function succeed(args: readonly string[], options: Options = {}): Promise<Result> {
  const result = await kws(args, options);
  expect(result.code, `kws ${args.join(" ")}: ${result.stderr}`).toBe(0);
  return result;
}

/** The same of a command that is given `--json`, and that stdout is one document and nothing else. */
export async function succeedWithJson<T>(args: readonly string[], options: Options = {}): Promise<T> {
  const { stdout } = await succeed([...args, "--json"], options);
  expect(stdout.endsWith("\n")).toBe(true);
  return JSON.parse(stdout) as T;
}

/** Expects nothing on stdout, one line `error: …` that matches on stderr, and the exit code. `--quiet` leaves out all other lines. */
export async function fail(
  args: readonly string[],
  exitCode: 1 | 2,
  message: RegExp,
  options: Options = {},
): Promise<void> {
  const { code, stdout, stderr } = await kws([...args, "--quiet"], options);
  expect(stderr, `kws ${args.join(" ")}`).toMatch(/^error: [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect(code).toBe(exitCode);
  expect(stdout).toBe("");
}

/** Every file below a folder with a digest of its content, to see that nothing was changed or left behind. */
export function contentOf(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    const path = join(folder, name);
    files[name] = statSync(path).isDirectory()
      ? "folder"
      : createHash("sha256").update(readFileSync(path)).digest("hex");
  }
  return files;
}

/** Labels of the data that `writeEasyTones` writes. */
export const easyLabels = ["yes", "no", "up"];

/** A data set that `easyTraining` learns in two short epochs. */
export function writeEasyTones(path: string, options: { seed?: number; rate?: number } = {}): void {
  writeTones(path, { labels: easyLabels, perLabel: 20, rate: 1024, speakers: 10, ...options });
}

/** `--data`, `--epochs` and `--out` aside, the flags of a training that takes seconds and ends with good figures. */
export const easyTraining = [
  ...["--model", "spectrogram", "--width", "0.05", "--labels", easyLabels.join()],
  ...["--learning-rate", "2e-3", "--batch-size", "8", "--val-size", "0.2", "--test-size", "0.2"],
  ...["--backend", "wasm"],
];
