import * as tf from "@tensorflow/tfjs";
import { type BackendDetails, processorDetails } from "./details.js";
import { replaceGradients } from "./gradients.js";
import { type BackendChoice, type BackendName, backendNames } from "./names.js";
import { plainRunner, type StepRunner } from "./step.js";
import { graphRunner, startTensorflow, tensorflowDetails } from "./tensorflow/start.js";
import { BackendUnavailable } from "./unavailable.js";
import { startWasm } from "./wasm/start.js";
import { startWebgpu, webgpuDetails } from "./webgpu/start.js";

export { type BackendDetails, BackendUnavailable };

/** Short work, such as a prediction, must have started at once. */
export type Purpose = "training" | "short";

export interface StartedBackend {
  name: BackendName;
  /** One line for people: "WebAssembly SIMD, 1 thread". */
  device: string;
}

/**
 * Makes a backend the current one of TensorFlow.js and describes what it runs on. Rejects with `BackendUnavailable`
 * where it cannot run, or where only a user who asks for it by name would want it.
 */
type Starter = (choice: BackendChoice, purpose: Purpose) => Promise<string>;

const starters: Record<BackendName, Starter> = {
  tensorflow: startTensorflow,
  webgpu: startWebgpu,
  wasm: (_, purpose) => startWasm(purpose),
  cpu: async () => {
    await tf.setBackend("cpu");
    return "plain JavaScript, 1 thread";
  },
};

/** Whether the backend works through a queue while the host goes on, so that results should be asked for seldom. */
export function isAsynchronous(name: string): boolean {
  return name === "webgpu";
}

/**
 * Starts a backend and makes it the current one. `auto` takes the first that works in the order of preference; for
 * short work the probing would cost more than it gains, so `auto` begins at wasm.
 *
 * @throws BackendUnavailable when the backend that was asked for cannot run here
 */
export async function startBackend(choice: BackendChoice, purpose: Purpose): Promise<StartedBackend> {
  // Without this TensorFlow.js prints a banner that recommends tfjs-node, and warnings of its own.
  tf.enableProdMode();
  replaceGradients();
  if (choice !== "auto") return start(choice, choice, purpose);

  const candidates = purpose === "short" ? backendNames.slice(backendNames.indexOf("wasm")) : backendNames;
  let last: unknown;
  for (const name of candidates) {
    try {
      return await start(name, choice, purpose);
    } catch (error) {
      if (!(error instanceof BackendUnavailable)) throw error;
      last = error;
    }
  }
  throw last;
}

async function start(name: BackendName, choice: BackendChoice, purpose: Purpose): Promise<StartedBackend> {
  const device = await starters[name](choice, purpose);
  return { name, device };
}

/** More about the backend that `startBackend` has just started. */
export async function describeBackend({ name, device }: StartedBackend): Promise<BackendDetails> {
  if (name === "tensorflow") return tensorflowDetails(device);
  if (name === "webgpu") return webgpuDetails();
  return processorDetails(device);
}

/**
 * Returns the current backend's fastest way to run a computation once a step.
 *
 * @param step returns one tensor; what differs from step to step is made by `everyStep` or held by variables
 * @param state all variables that it changes
 */
export function stepRunner(step: () => tf.Tensor, state: readonly tf.Variable[]): StepRunner {
  return tf.getBackend() === "tensorflow" ? graphRunner(step, state) : plainRunner(step);
}
