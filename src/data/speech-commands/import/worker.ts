/** A thread that reads clips for `ClipReaders`: answers each task, in order. */
import { parentPort, workerData } from "node:worker_threads";
import { UserError } from "../../../base/errors.js";
import { readClips } from "./clip.js";
import type { PlannedClip } from "./plan.js";
import type { ReaderAnswer, ReaderSetup } from "./readers.js";

const { folder, sampleRate, dtype } = workerData as ReaderSetup;

let before: Promise<unknown> = Promise.resolve();
parentPort!.on("message", (clips: PlannedClip[]) => {
  before = before.then(() => answer(clips));
});

async function answer(clips: PlannedClip[]): Promise<void> {
  try {
    const read = await readClips(folder, clips, sampleRate, dtype);
    parentPort!.postMessage(read satisfies ReaderAnswer, [read.samples.buffer]);
  } catch (error) {
    const { message, stack } = error as Error;
    const exitCode = error instanceof UserError ? error.exitCode : undefined;
    parentPort!.postMessage({ error: { message, stack, exitCode } } satisfies ReaderAnswer);
  }
}
