import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from "node:worker_threads";
import { startWorker } from "../../base/workers.js";
import { SampleStore, type SampleStoreParts } from "../sample-store.js";
import { type Batch, type BatchSource, TrainingBatches, type TrainingBatchesOptions } from "./batches.js";

/** Batches that are asked for before they are needed: one slow batch, or a pause for validation, is made up for. */
const ahead = 4;

/** What the worker is started with: the options of `TrainingBatches`, in what can be passed between threads. */
export interface PrefetchTask extends Omit<TrainingBatchesOptions, "clips" | "noise"> {
  samples: SampleStoreParts;
  sampleRate: number;
  /** `parts` is absent where the noise lies among the clips themselves. */
  noise?: { parts?: SampleStoreParts; rows: Int32Array };
  port: MessagePort;
}

export interface BatchRequest {
  epoch: number;
  number: number;
}
export type BatchReply = BatchRequest & ({ batch: Batch } | { error: unknown });

/**
 * The same batches as `TrainingBatches`, made ahead in a worker thread while the training computes. Which thread makes a
 * batch changes nothing about it. It must be closed.
 */
export class PrefetchedBatches implements BatchSource {
  readonly count: number;
  /** Time that `read` has waited for batches that were not ready, in seconds. */
  waitedSeconds = 0;
  private readonly worker: Worker;
  private readonly port: MessagePort;
  /** By place, counted through all epochs: those that were asked for, and those that have come and were not yet read. */
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
    this.worker.on("exit", () => this.end(new Error("the thread that makes the batches has ended")));
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

  /** Takes what has come without a turn of the event loop: a backend that computes in this thread rarely gives one. */
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

/** The worker's side: the batches that its task describes. */
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
