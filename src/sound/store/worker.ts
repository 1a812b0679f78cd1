import { parentPort, workerData } from "node:worker_threads";
import { WavReader } from "../../audio/wav/reader.js";
import { UserError } from "../../base/errors.js";
import { computeChunk } from "./compute.js";
import { type ArrayName, StoreArray, type StoreDescription } from "./zarr.js";

/** What a worker thread is started with. */
export interface WorkerSetup {
  recording: string;
  store: string;
  description: StoreDescription;
}

/** One chunk to see to. */
export interface WorkerTask {
  array: ArrayName;
  index: number;
}

/** What came of it. */
export type WorkerAnswer =
  | { written: boolean }
  | {
      error: { message: string; exitCode: 1 | 2 | undefined; stack: string | undefined; isReading: boolean };
    };

const { recording: path, store, description } = workerData as WorkerSetup;
const recording = new WavReader(path);
const arrays: Record<ArrayName, StoreArray> = {
  spectrogram: new StoreArray(store, "spectrogram", description),
  time: new StoreArray(store, "time", description),
  frequency: new StoreArray(store, "frequency", description),
};

/** Whether the work is at the recording, not at the store. */
let isReading = false;

async function writeChunk({ array, index }: WorkerTask): Promise<boolean> {
  if (await arrays[array].isWhole(index)) return false;
  isReading = true;
  const values =
    array === "spectrogram"
      ? computeChunk(recording, description.settings, index)
      : arrays[array].axisValues(index);
  isReading = false;
  await arrays[array].write(index, values);
  return true;
}

parentPort!.on("message", async (task: WorkerTask) => {
  let answer: WorkerAnswer;
  try {
    answer = { written: await writeChunk(task) };
  } catch (error) {
    const { message, stack } = error as Error;
    const exitCode = error instanceof UserError ? error.exitCode : undefined;
    answer = { error: { message, exitCode, stack, isReading } };
  }
  parentPort!.postMessage(answer);
});
