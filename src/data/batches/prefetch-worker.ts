/** The thread of `PrefetchedBatches`, which makes batches in the order of the requests. */
import { workerData } from "node:worker_threads";
import { type BatchReply, type BatchRequest, batchesOf, type PrefetchTask } from "./prefetch.js";

const task = workerData as PrefetchTask;
const batches = batchesOf(task);
task.port.on("message", ({ epoch, number }: BatchRequest) => {
  let reply: BatchReply;
  try {
    reply = { epoch, number, batch: batches.read(epoch, number) };
  } catch (error) {
    reply = { epoch, number, error };
  }
  const transfer = "batch" in reply ? [reply.batch.waves.buffer as ArrayBuffer] : [];
  task.port.postMessage(reply, transfer);
});
