import { availableParallelism } from "node:os";
import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { UserError } from "../../base/errors.js";
import { BackendUnavailable } from "../unavailable.js";
import { conv2D, conv2DBackpropFilter, conv2DBackpropInput } from "./conv2d.js";
import { depthwiseBackpropFilter, depthwiseBackpropInput } from "./depthwise.js";
import { identityKernel } from "./identity.js";
import { batchMatMul, fusedMatMul } from "./matmul.js";
import { maxPoolGrad } from "./max-pool.js";
import { sliceKernel, splitKernel } from "./slice.js";
import { mostThreads, threadedBackend } from "./threads.js";

const kernels = [
  batchMatMul,
  conv2DBackpropFilter,
  conv2DBackpropInput,
  depthwiseBackpropFilter,
  depthwiseBackpropInput,
  fusedMatMul,
  identityKernel,
  maxPoolGrad,
  sliceKernel,
  splitKernel,
];

let installed = false;

/**
 * Starts the WebAssembly backend of TensorFlow.js with our training kernels in it, for training with a thread a processor
 * core. Started before, it stays as it is. Returns what it runs on.
 */
export async function startWasm(purpose: "training" | "short"): Promise<string> {
  const { getThreadsCount } = await import("@tensorflow/tfjs-backend-wasm");
  if (!installed) {
    kernels.forEach(install);
    install(conv2D(tf.getKernel("Conv2D", "wasm")));
    if (purpose === "training") useThreads();
    installed = true;
  }
  const started = await withoutNewProcessListeners(() => tf.setBackend("wasm"));
  if (!started) {
    throw new BackendUnavailable(
      "wasm",
      "WebAssembly did not start",
      "use --backend cpu, or a current version of Node.js",
    );
  }
  failWhenFull(tf.backend() as BackendWasm);
  const simd = (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) ? "SIMD" : "without SIMD";
  const threads = getThreadsCount();
  return `WebAssembly ${simd}, ${threads} thread${threads === 1 ? "" : "s"}`;
}

function useThreads(): void {
  const threads = Math.min(availableParallelism(), mostThreads);
  if (threads === 1) return;
  const oneThread = tf.findBackendFactory("wasm");
  tf.removeBackend("wasm");
  // Where the process may start no threads, or reserve no memory for them to share, one does the work.
  tf.registerBackend("wasm", () => threadedBackend(threads).catch(oneThread), 2);
}

/** Puts a kernel in the place of the backend's own, which keeps strings: they do not lie in WebAssembly memory. */
function install(kernel: tf.KernelConfig): void {
  const own = tf.getKernel(kernel.kernelName, "wasm");
  if (own === undefined) {
    tf.registerKernel(kernel);
    return;
  }
  tf.unregisterKernel(kernel.kernelName, "wasm");
  tf.registerKernel({
    ...own,
    kernelFunc: (call) => {
      const strings = Object.values(call.inputs).some(
        (input) => (input as tf.TensorInfo)?.dtype === "string",
      );
      return strings ? own.kernelFunc(call) : kernel.kernelFunc(call);
    },
  });
}

const guarded = new WeakSet<BackendWasm>();

// The backend takes whatever address it is given. Where no memory is left that is 0, or, by a fault of the module's
// allocator, one that runs past the memory's end: tensors would be written over one another.
function failWhenFull(backend: BackendWasm): void {
  if (guarded.has(backend)) return;
  guarded.add(backend);
  const module = backend.wasm as unknown as {
    HEAPU8: Uint8Array;
    _malloc(bytes: number): number;
    _free(address: number): void;
  };
  module._free(module._malloc(1)); // the first call puts the real functions in the place of stubs
  const allocate = module._malloc;
  module._malloc = (bytes) => {
    const address = allocate(bytes) >>> 0;
    if (address !== 0 && address + bytes <= module.HEAPU8.length) return address;
    module._free(address);
    throw new UserError(
      `the wasm backend's memory is full: WebAssembly has at most 4 GiB, and ${bytes} bytes more were needed; ` +
        "use a smaller --batch-size or --width",
    );
  };
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
