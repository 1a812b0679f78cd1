import { type ChildProcess, type ForkOptions, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";
import type { Transferable } from "tinypool";
import { UserError } from "./errors.js";

// Programs of threads and processes are named as they are once compiled (`./x-worker.js`). Where the sources
// themselves run, as in tests, tsx compiles the program on the way.
const fromSources = import.meta.url.endsWith(".ts");
const sourceOf = (program: URL) => program.href.replace(/\.js$/, ".ts");

/** A URL that a worker thread can import. Node does not pass `--import` on to worker threads, so tsx is registered there. */
function threadProgramUrl(program: URL): URL {
  if (!fromSources) return program;
  const code = `
import { register } from ${JSON.stringify(import.meta.resolve("tsx/esm/api"))};
register();
export default (await import(${JSON.stringify(sourceOf(program))})).default;`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

/** Starts one worker thread. */
export function startWorker(program: URL, options: WorkerOptions): Worker {
  return new Worker(threadProgramUrl(program), options);
}

/** Starts a Node process, which is killed when this one exits. */
export function startProcess(program: URL, args: readonly string[], options: ForkOptions): ChildProcess {
  const path = fileURLToPath(fromSources ? sourceOf(program) : program);
  const child = fork(path, args, { ...options, execArgv: fromSources ? ["--import", "tsx/esm"] : [] });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return child;
}

/** The result of a task, or its error in a form that can be passed between threads. */
type Outcome<Result> =
  | { result: Result }
  | { error: { name: string; message: string; stack: string | undefined; exitCode: 1 | 2 | undefined } };

/** Tasks given to each thread: the one it works on and the next, so that it never waits. */
const tasksPerThread = 2;

/**
 * Runs tasks in worker threads and yields their results in the order of the tasks. Tasks are taken only as fast
 * as results are, so that the results in memory are few. Before it ends, early or not, the tasks under way are finished.
 *
 * @param program its default export is a `threadProgram`
 * @param options.setup passed to each thread once
 * @throws what the first failing task threw; a UserError keeps its name and exit code
 */
export async function* runInThreads<Task, Result>(
  program: URL,
  tasks: Iterable<Task>,
  { threads, setup }: { threads: number; setup: unknown },
): AsyncGenerator<Result> {
  const { Tinypool } = await import("tinypool");
  const filename = threadProgramUrl(program).href;
  const pool = new Tinypool({ filename, minThreads: threads, maxThreads: threads, workerData: setup });
  let crash: unknown;
  const fail = (error: unknown) => {
    crash ??= error;
    pool.destroy().catch(() => {}); // ends the tasks that would wait for ever
  };
  pool.on("error", fail);
  for (const thread of pool.threads) {
    thread.on("error", fail);
    thread.on("exit", (code) => fail(new Error(`a worker thread ended with code ${code}`)));
  }
  const iterator = tasks[Symbol.iterator]();
  const given: Promise<Outcome<Result>>[] = [];
  try {
    for (;;) {
      while (given.length < threads * tasksPerThread) {
        const { done, value } = iterator.next();
        if (done) break;
        const outcome: Promise<Outcome<Result>> = pool.run(value);
        outcome.catch(() => {}); // reported when its turn comes, if it does
        given.push(outcome);
      }
      if (given.length === 0) return;
      const outcome = await given.shift()!;
      if ("error" in outcome) throw revived(outcome.error);
      yield outcome.result;
    }
  } catch (error) {
    throw crash ?? error;
  } finally {
    await Promise.allSettled(given);
    if (crash === undefined) await pool.destroy();
  }
}

/**
 * The program of a thread of `runInThreads`, to be its module's default export.
 *
 * @param start called once in each thread, with the setup; returns the function that carries out a task
 * @param buffersOf the result's memory that is handed over rather than copied; default: none
 */
export function threadProgram<Setup, Task, Result>(
  start: (setup: Setup) => (task: Task) => Result | Promise<Result>,
  buffersOf: (result: Result) => ArrayBuffer[] = () => [],
): (task: Task) => Promise<unknown> {
  let run: ((task: Task) => Result | Promise<Result>) | undefined;
  return async (task) => {
    const { Tinypool } = await import("tinypool");
    try {
      run ??= start(Tinypool.workerData);
      const result = await run(task);
      const outcome: Outcome<Result> = { result };
      return Tinypool.move({
        [Tinypool.transferableSymbol]: buffersOf(result),
        [Tinypool.valueSymbol]: outcome,
      } as unknown as Transferable);
    } catch (error) {
      const { name, message, stack } = error as Error;
      const exitCode = error instanceof UserError ? error.exitCode : undefined;
      return { error: { name, message, stack, exitCode } } satisfies Outcome<Result>;
    }
  };
}

function revived({ name, message, stack, exitCode }: Extract<Outcome<unknown>, { error: unknown }>["error"]) {
  const error = Object.assign(new Error(message), { name, stack });
  return exitCode === undefined
    ? error
    : Object.assign(new UserError(message, { exitCode, cause: error }), { name });
}
