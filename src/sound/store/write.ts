import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { WavReader } from "../../audio/wav/reader.js";
import { UserError } from "../../base/errors.js";
import { startWorker } from "../../base/workers.js";
import { requireInteger } from "../../dsp/checks.js";
import {
  checkRecordingOptions,
  countFrames,
  type RecordingOptions,
  resolveSettings,
  type SpectrogramSettings,
} from "./settings.js";
import type { WorkerAnswer, WorkerSetup, WorkerTask } from "./worker.js";
import { allChunks, countAllChunks, prepareStore } from "./zarr.js";

export interface StoreOptions extends RecordingOptions {
  /** Threads that compute. Default: 2 where the processor has two cores, as long as the memory stays small. */
  workers?: number;
  /** How many chunks are done, of how many. */
  onProgress?: (done: number, total: number) => void;
  /** Raised to stop: chunks under way are written and `StoreInterrupted` is thrown. */
  signal?: AbortSignal;
}

/** What was stored. */
export interface StoredSpectrogram {
  settings: SpectrogramSettings;
  frames: number;
  seconds: number;
  /** Chunks of the spectrogram and its axes, and how many of them were whole already. */
  chunks: number;
  found: number;
  workers: number;
}

export class StoreInterrupted extends Error {
  override name = "StoreInterrupted";
}

/** A thread takes about 60 MB, and the whole process is to stay below 300 MB unless more are asked for. */
const mostWorkers = 2;
/** Bytes that the chunks which workers hold may take. */
const memoryForChunks = 2 ** 26;
/** Of a chunk: its values, what the compressor has of them before and after, and the bytes that are written. */
const copiesOfChunk = 4;

/**
 * Computes the spectrogram of a recording of any length, a WAV, RF64 or Wave64 file, in worker threads, and stores it as Zarr v3: an array
 * `spectrogram` `[time, frequency]` of float32 with `time` (int64, nanoseconds since 1970) and `frequency` (Hz). The values are
 * those of `computeChunk`. A chunk is written in one step, with a checksum; where the store is there already, with the same
 * settings, of the same recording, its whole chunks are kept and the others are written.
 *
 * @throws UserError (exit 2) for options out of their range; (exit 1) for a recording that cannot be read or does not fit the options,
 * and for a store that is of another recording, has other settings, or cannot be written. StoreInterrupted when `signal` was raised
 */
export async function storeSpectrogram(
  recordingPath: string,
  storePath: string,
  options: StoreOptions = {},
): Promise<StoredSpectrogram> {
  const { start = 0n, onProgress, signal } = options;
  checkRecordingOptions(options);
  if (options.workers !== undefined) requireInteger("workers", options.workers);
  const recording = new WavReader(recordingPath);
  let settings: SpectrogramSettings;
  let fingerprint: string;
  try {
    settings = resolveSettings(recording, options);
    fingerprint = recording.fingerprint();
  } finally {
    recording.close();
  }
  const description = { settings, start, fingerprint };
  const isNew = await prepareStore(storePath, description);
  const chunks = countAllChunks(settings);
  const workers = Math.min(chunks, options.workers ?? defaultWorkers(settings));
  let done = 0;
  let found = 0;
  const onAnswer = (written: boolean) => {
    if (!written) found++;
    done++;
    onProgress?.(done, chunks);
  };
  const setup = { recording: recordingPath, store: storePath, description };
  try {
    await runWorkers(setup, allChunks(settings), workers, onAnswer, signal);
  } catch (error) {
    // What the recording lacks it will lack again; a disk that is full may be mended, and the work goes on.
    if (isNew && error instanceof RecordingError) rmSync(storePath, { recursive: true, force: true });
    throw error;
  }
  if (done < chunks)
    throw new StoreInterrupted(
      `stopped: ${done} of ${chunks} chunks are in ${storePath}; the same command goes on from there`,
    );
  return {
    ...{ settings, frames: countFrames(settings), seconds: settings.samples / settings.sampleRate },
    ...{ chunks, found, workers },
  };
}

function defaultWorkers({ chunkFrames, bins }: SpectrogramSettings): number {
  const each = copiesOfChunk * chunkFrames * bins * Float32Array.BYTES_PER_ELEMENT;
  return Math.max(1, Math.min(availableParallelism(), mostWorkers, Math.floor(memoryForChunks / each)));
}

/** A mistake in the recording's samples. */
class RecordingError extends UserError {}

/** Each worker takes one task after the other, until none is left, one fails, or the signal is raised. */
async function runWorkers(
  setup: WorkerSetup,
  tasks: Iterator<WorkerTask>,
  count: number,
  onAnswer: (written: boolean) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  let failure: unknown;
  const work = (worker: Worker) =>
    new Promise<void>((resolve) => {
      const fail = (error: unknown) => {
        failure ??= error ?? new Error("a worker thread failed");
        resolve();
      };
      const giveTask = () => {
        const task = failure === undefined && !signal?.aborted ? tasks.next() : { done: true as const };
        if (task.done) resolve();
        else worker.postMessage(task.value);
      };
      worker.on("error", fail);
      worker.on("exit", (code) => fail(new Error(`a worker thread ended with code ${code}`)));
      worker.on("message", (answer: WorkerAnswer) => {
        if ("error" in answer) return fail(asError(answer.error));
        onAnswer(answer.written);
        giveTask();
      });
      giveTask();
    });
  const threads = Array.from({ length: count }, () =>
    startWorker(new URL("./worker.js", import.meta.url), { workerData: setup }),
  );
  try {
    await Promise.all(threads.map(work));
  } finally {
    for (const thread of threads) thread.removeAllListeners("exit");
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
  if (failure !== undefined) throw failure;
}

function asError({
  message,
  exitCode,
  stack,
  isReading,
}: Extract<WorkerAnswer, { error: unknown }>["error"]) {
  const cause = Object.assign(new Error(message), { stack });
  if (exitCode === undefined) return cause;
  return isReading
    ? new RecordingError(message, { exitCode, cause })
    : new UserError(message, { exitCode, cause });
}
