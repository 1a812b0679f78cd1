import type { Worker } from "node:worker_threads";
import { UserError } from "../../../base/errors.js";
import { startWorker } from "../../../base/workers.js";
import type { ClipSamples, SampleType } from "./clip.js";
import type { PlannedClip } from "./plan.js";

/** What a thread is started with. */
export interface ReaderSetup {
  readonly folder: string;
  /** Hz. */
  readonly sampleRate: number;
  readonly dtype: SampleType;
}

export type ReaderAnswer =
  | ClipSamples
  | { error: { message: string; stack: string | undefined; exitCode: 1 | 2 | undefined } };

/** Clips a task: enough that messages cost nothing, few enough that little memory holds what is read ahead. */
const clipsAtOnce = 32;
/** Tasks that each thread has before it, so that it never waits for the next. */
const tasksAhead = 2;

/**
 * Reads the planned clips in worker threads and gives them in their order, several at a time. What is read ahead is
 * bounded; it is read as fast as it is taken.
 *
 * @throws UserError that names the file that is no sound WAV file
 */
export async function* readInThreads(
  clips: readonly PlannedClip[],
  { workers, ...setup }: ReaderSetup & { workers: number },
): AsyncGenerator<ClipSamples> {
  const tasks = Array.from({ length: Math.ceil(clips.length / clipsAtOnce) }, (_, i) =>
    clips.slice(i * clipsAtOnce, (i + 1) * clipsAtOnce),
  );
  const threads = Array.from({ length: Math.min(workers, tasks.length) }, () => new Thread(setup));
  try {
    let given = 0;
    const answers: Promise<ClipSamples>[] = [];
    for (let taken = 0; taken < tasks.length; taken++) {
      while (given < tasks.length && given - taken < threads.length * tasksAhead) {
        const answer = threads[given % threads.length]!.read(tasks[given]!);
        answer.catch(() => {}); // it is reported when its turn comes, if it does
        answers.push(answer);
        given++;
      }
      yield await answers.shift()!;
    }
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

/** One thread, whose answers come in the order of its tasks. */
class Thread {
  private readonly worker: Worker;
  private readonly waiting: { resolve: (read: ClipSamples) => void; reject: (error: unknown) => void }[] = [];
  private failure: unknown;

  constructor(setup: ReaderSetup) {
    this.worker = startWorker(new URL("./worker.js", import.meta.url), { workerData: setup });
    this.worker.on("message", (answer: ReaderAnswer) => {
      const { resolve, reject } = this.waiting.shift()!;
      if ("error" in answer) reject(asError(answer.error));
      else resolve(answer);
    });
    this.worker.on("error", (error) => this.fail(error));
    this.worker.on("exit", () => this.fail(new Error("a thread that reads clips has ended")));
  }

  read(clips: readonly PlannedClip[]): Promise<ClipSamples> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      this.waiting.push({ resolve, reject });
      this.worker.postMessage(clips);
    });
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
  }
}

function asError({ message, stack, exitCode }: Extract<ReaderAnswer, { error: unknown }>["error"]): Error {
  const cause = Object.assign(new Error(message), { stack });
  return exitCode === undefined ? cause : new UserError(message, { exitCode, cause });
}
