import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { UserError } from "../../base/errors.js";

// Everything made from it is freed with it when it is collected, so it is held for as long as the process lives.
let gpu: GPU | undefined;

/** Opens the adapter that `findAdapter` found, in this process, and makes a backend of it. */
export async function openDevice(): Promise<WebGPUBackend> {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  gpu = create([]);
  const adapter = (await gpu.requestAdapter({ powerPreference: "high-performance" }))!;
  const { limits } = adapter;
  const device = await adapter.requestDevice({
    requiredFeatures: adapter.features.has("timestamp-query") ? ["timestamp-query"] : [],
    requiredLimits: Object.fromEntries(raisedLimits.map((name) => [name, limits[name]])),
  });
  // Waits for what the GPU has been given: exiting frees what the driver's threads are working on, and would crash them.
  process.once("exit", () => device.destroy());
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  return failingLoudly(withNavigator({ gpu }, () => new WebGPUBackend(device, adapter.info)));
}

// Their defaults are those of the weakest devices; the others' are enough.
const raisedLimits = [
  "maxBufferSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
  "maxComputeWorkgroupStorageSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
] as const;

/** The backend wants to see `navigator.gpu` when it is made, in Node.js too; others may take it for a browser's. */
function withNavigator<T>(navigator: object, work: () => T): T {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  try {
    return work();
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, "navigator");
    else Object.defineProperty(globalThis, "navigator", before);
  }
}

/**
 * WebGPU reports errors to whoever listens and goes on with what it has, zeros mostly. Here the next result that is read
 * fails instead.
 */
function failingLoudly(backend: WebGPUBackend): WebGPUBackend {
  let failure: Error | undefined;
  backend.device.addEventListener("uncapturederror", (event) => {
    event.preventDefault(); // Dawn would print it
    failure ??= explainError(event.error);
  });
  void backend.device.lost.then(({ reason, message }) => {
    if (reason !== "destroyed") failure ??= new UserError(`the GPU was lost: ${message}`);
  });
  const read = backend.read.bind(backend);
  backend.read = async (dataId) => {
    try {
      const values = await read(dataId);
      if (failure === undefined) return values;
    } catch (error) {
      failure ??= error as Error;
    }
    throw failure;
  };
  return backend;
}

function explainError(error: GPUError): Error {
  const out = error instanceof GPUOutOfMemoryError || /exceeds the max (buffer|storage)/i.test(error.message);
  if (!out) return new Error(`WebGPU: ${error.message}`);
  return new UserError("the GPU has too little memory for this; use a smaller --batch-size or --width");
}
