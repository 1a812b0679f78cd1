import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { WavReader } from "../../audio/wav/reader.js";
import { UserError } from "../../base/errors.js";
import { runInThreads } from "../../base/workers.js";
import { requireInteger } from "../../dsp/checks.js";
import {
  checkRecordingOptions,
  countFrames,
  type RecordingOptions,
  resolveSettings,
  type SpectrogramSettings,
} from "./settings.js";
import type { WorkerSetup, WorkerTask } from "./worker.js";
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
  const setup: WorkerSetup = { recording: recordingPath, store: storePath, description };
  const tasks = untilAborted(allChunks(settings), signal);
  try {
    for await (const isWritten of runInThreads<WorkerTask, boolean>(
      new URL("./worker.js", import.meta.url),
      tasks,
      { threads: workers, setup },
    )) {
      if (!isWritten) found++;
      done++;
      onProgress?.(done, chunks);
    }
  } catch (error) {
    // A bad recording fails again; a full disk can be freed, and the same command continues.
    if (isNew && error instanceof UserError && error.name === "RecordingError")
      rmSync(storePath, { recursive: true, force: true });
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

/** The chunks, until the signal is raised. */
function* untilAborted(tasks: Iterable<WorkerTask>, signal: AbortSignal | undefined) {
  for (const task of tasks) {
    if (signal?.aborted) return;
    yield task;
  }
}
