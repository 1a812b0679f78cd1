import * as tf from "@tensorflow/tfjs";
import { BackendUnavailable } from "../unavailable.js";

/** Starts the WebAssembly backend of TensorFlow.js with our training kernels in it. */
export async function startWasm(): Promise<string> {
  const { getThreadsCount } = await import("@tensorflow/tfjs-backend-wasm");
  const started = await withoutNewProcessListeners(() => tf.setBackend("wasm"));
  if (!started) {
    throw new BackendUnavailable(
      "wasm",
      "WebAssembly did not start",
      "use --backend cpu, or a current version of Node.js",
    );
  }
  const simd = (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) ? "SIMD" : "without SIMD";
  const threads = getThreadsCount();
  return `WebAssembly ${simd}, ${threads} thread${threads === 1 ? "" : "s"}`;
}

const fatalEvents = ["uncaughtException", "unhandledRejection"] as const;

// The module's start-up code listens for uncaught errors only to throw them again, which would turn an error of ours
// into a second one and change the exit code.
async function withoutNewProcessListeners<T>(work: () => Promise<T>): Promise<T> {
  const before = fatalEvents.map(
    (event) => new Set<unknown>(process.listeners(event as "uncaughtException")),
  );
  try {
    return await work();
  } finally {
    fatalEvents.forEach((event, i) => {
      for (const listener of process.listeners(event as "uncaughtException"))
        if (!before[i]?.has(listener)) process.removeListener(event, listener);
    });
  }
}
