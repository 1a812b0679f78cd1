import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from "node:worker_threads";
import { startWorker } from "../../base/workers.js";
import { SampleStore, type SampleStoreParts } from "../sample-store.js";
import { type Batch, type BatchSource, TrainingBatches, type TrainingBatchesOptions } from "./batches.js";

/** Number of batches made ahead, which bridges a slow batch or a pause for validation. */
const ahead = 4;

/** The options of `TrainingBatches` in a form that can be passed between threads. */
export interface PrefetchTask extends Omit<TrainingBatchesOptions, "clips" | "noise"> {
  samples: SampleStoreParts;
  sampleRate: number;
  /** `parts` is absent if the noise is among the clips themselves. */
  noise?: { parts?: SampleStoreParts; rows: Int32Array };
  port: MessagePort;
}

export interface BatchRequest {
  epoch: number;
  number: number;
}
export type BatchReply = BatchRequest & ({ batch: Batch } | { error: unknown });

/**
 * Makes the batches of `TrainingBatches` ahead in a worker thread, bit for bit the same. It must be closed.
 *
 * This is a single thread with a port of its own rather than a pool: batches are needed in order, and must be received
 * without a turn of the event loop (see `receive`).
 */
export class PrefetchedBatches implements BatchSource {
  readonly count: number;
  /** Seconds that `read` waited for batches. */
  waitedSeconds = 0;
  private readonly worker: Worker;
  private readonly port: MessagePort;
  /** By place, counted through all epochs: requested batches, and those received but not yet read. */
  private readonly asked = new Set<number>();
  private readonly ready = new Map<number, BatchReply>();
  private ended: { error: unknown } | undefined;
  private wake: () => void = () => {};

  constructor(options: TrainingBatchesOptions) {
    this.count = Math.ceil(options.rows.length / options.batchSize);
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const { clips, noise, ...rest } = options;
    const task: PrefetchTask = {
      ...rest,
      samples: clips.samples.parts,
      sampleRate: clips.sampleRate,
      ...(noise && {
        noise: { rows: noise.rows, ...(noise.samples !== clips.samples && { parts: noise.samples.parts }) },
      }),
      port: port2,
    };
    this.worker = startWorker(new URL("./prefetch-worker.js", import.meta.url), {
      workerData: task,
      transferList: [port2],
    });
    this.port.on("message", (reply: BatchReply) => this.take(reply));
    this.worker.on("error", (error) => this.end(error));
    this.worker.on("exit", () => this.end(new Error("the thread that makes batches ended unexpectedly")));
  }

  async read(epoch: number, number: number): Promise<Batch> {
    const wanted = this.place({ epoch, number });
    this.ask(wanted);
    this.receive();
    if (!this.ready.has(wanted)) {
      const start = performance.now();
      while (!this.ready.has(wanted)) {
        if (this.ended !== undefined) throw this.ended.error;
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
      this.waitedSeconds += (performance.now() - start) / 1000;
    }
    const reply = this.ready.get(wanted)!;
    this.ready.delete(wanted);
    this.asked.delete(wanted);
    if ("error" in reply) throw reply.error;
    return reply.batch;
  }

  async close(): Promise<void> {
    this.port.close();
    await this.worker.terminate();
  }

  private place({ epoch, number }: BatchRequest): number {
    return (epoch - 1) * this.count + number;
  }

  private ask(wanted: number): void {
    for (let place = wanted; place <= wanted + ahead; place++) {
      if (this.asked.has(place)) continue;
      this.asked.add(place);
      const request: BatchRequest = { epoch: Math.floor(place / this.count) + 1, number: place % this.count };
      this.port.postMessage(request);
    }
  }

  /** Receives without a turn of the event loop, which a backend that computes in this thread rarely allows. */
  private receive(): void {
    for (
      let got = receiveMessageOnPort(this.port);
      got !== undefined;
      got = receiveMessageOnPort(this.port)
    ) {
      this.take(got.message as BatchReply);
    }
  }

  private take(reply: BatchReply): void {
    this.ready.set(this.place(reply), reply);
    this.wake();
  }

  private end(error: unknown): void {
    this.ended ??= { error };
    this.wake();
  }
}

/** Makes the batches of a task, in the worker. */
export function batchesOf({ samples, sampleRate, noise, port: _, ...rest }: PrefetchTask): TrainingBatches {
  const clips = { samples: SampleStore.fromParts(samples), sampleRate };
  return new TrainingBatches({
    ...rest,
    clips,
    noise: noise && {
      rows: noise.rows,
      samples: noise.parts === undefined ? clips.samples : SampleStore.fromParts(noise.parts),
    },
  });
}
