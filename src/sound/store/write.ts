import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { WavReader } from "../../audio/wav/reader.js";
import { UserError } from "../../base/errors.js";
import { runInThreads } from "../../base/workers.js";
import { countFrames } from "../spectrogram/power.js";
import {
  checkStoreOptions,
  resolveStoreSettings,
  type StoreOptions,
  type StoreSettings,
} from "./settings.js";
import type { WorkerSetup, WorkerTask } from "./worker.js";
import { prepareStore } from "./zarr/format.js";
import { allChunks, countAllChunks } from "./zarr/layout.js";

/** Summary of a store that was written. */
export interface StoreSummary {
  settings: StoreSettings;
  frames: number;
  seconds: number;
  /** Number of chunks of the spectrogram and its axes. */
  chunks: number;
  /** Number of chunks that existed already. */
  found: number;
  workers: number;
}

export class StoreInterrupted extends Error {
  override name = "StoreInterrupted";
}

/** Default limit of threads. Each takes about 60 MB, and the whole process stays below 300 MB. */
const mostWorkers = 2;
/** Memory for the chunks that all workers hold, bytes. */
const memoryForChunks = 2 ** 26;
/** Copies that a worker holds: the values, the compressor's input and output, and the bytes to be written. */
const copiesOfChunk = 4;

/**
 * Stores the spectrogram of a recording of any length (a WAV, RF64 or Wave64 file) as Zarr v3. The store
 * holds `spectrogram` `[time, frequency]` (float32), `time` (int64, nanoseconds since 1970) and `frequency`
 * (Hz). The values are those of `computeChunk`. Worker threads compute the chunks; each is written in one
 * step, with a checksum. If the store exists with the same settings and of the same recording, its whole
 * chunks are kept and the others are written.
 *
 * @throws UserError (exit 2) for options out of their range; (exit 1) for a recording that cannot be read or
 * does not fit the options, and for a store of another recording, with other settings, or that cannot be
 * written
 * @throws StoreInterrupted when `signal` was aborted
 */
export async function storeSpectrogram(
  recordingPath: string,
  storePath: string,
  options: StoreOptions = {},
): Promise<StoreSummary> {
  const { start = 0n, onProgress, signal } = options;
  checkStoreOptions(options);
  const recording = new WavReader(recordingPath);
  let settings: StoreSettings;
  let fingerprint: string;
  try {
    settings = resolveStoreSettings(recording, options);
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
      `stopped: ${done} of ${chunks} chunks are in ${storePath}; the same command continues from there`,
    );
  return {
    ...{ settings, frames: countFrames(settings), seconds: settings.samples / settings.sampleRate },
    ...{ chunks, found, workers },
  };
}

function defaultWorkers({ chunkFrames, bins }: StoreSettings): number {
  const each = copiesOfChunk * chunkFrames * bins * Float32Array.BYTES_PER_ELEMENT;
  return Math.max(1, Math.min(availableParallelism(), mostWorkers, Math.floor(memoryForChunks / each)));
}

/** Yields tasks until the signal is aborted. */
function* untilAborted(tasks: Iterable<WorkerTask>, signal: AbortSignal | undefined) {
  for (const task of tasks) {
    if (signal?.aborted) return;
    yield task;
  }
}
