import { WavReader } from "../../audio/wav/reader.js";
import { UserError } from "../../base/errors.js";
import { threadProgram } from "../../base/workers.js";
import { computeChunk } from "./compute.js";
import { StoreArray } from "./zarr/array.js";
import type { ArrayName, StoreDescription } from "./zarr/layout.js";

/** What each thread receives when it starts. */
export interface WorkerSetup {
  recording: string;
  store: string;
  description: StoreDescription;
}

/** One chunk to compute and write. */
export interface WorkerTask {
  array: ArrayName;
  index: number;
}

/** An error in the recording's samples rather than in the store. Threads pass errors on by name. */
class RecordingError extends UserError {
  override name = "RecordingError";
}

/**
 * Computes and writes chunks; a chunk that is already whole is kept. Returns whether the chunk was written.
 */
export default threadProgram(({ recording: path, store, description }: WorkerSetup) => {
  const recording = new WavReader(path);
  const arrays: Record<ArrayName, StoreArray> = {
    spectrogram: new StoreArray(store, "spectrogram", description),
    time: new StoreArray(store, "time", description),
    frequency: new StoreArray(store, "frequency", description),
  };
  const spectrogram = (index: number) => {
    try {
      return computeChunk(recording, description.settings, index);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new RecordingError(error.message, { exitCode: error.exitCode, cause: error });
    }
  };
  return async ({ array, index }: WorkerTask): Promise<boolean> => {
    if (await arrays[array].isWhole(index)) return false;
    await arrays[array].write(
      index,
      array === "spectrogram" ? spectrogram(index) : arrays[array].axisValues(index),
    );
    return true;
  };
});
