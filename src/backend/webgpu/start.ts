import { tmpdir } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { type BackendDetails, commonVersions, installedVersion } from "../details.js";
import type { BackendChoice } from "../names.js";
import { nvidiaGpu } from "../nvidia.js";
import { BackendUnavailable } from "../unavailable.js";
import { type Adapter, describeAdapter, findAdapter } from "./adapter.js";
import { openDevice } from "./device.js";
import { registerKernels } from "./kernels.js";

/** The one that this process uses: it cannot change to another. */
let adapter: Adapter | undefined;

/**
 * Starts TensorFlow.js's WebGPU backend on Dawn, the WebGPU of Chromium, with our training kernels in it. Returns what it
 * runs on.
 *
 * @param choice `auto` takes no software adapter, which is slower than WebAssembly; one that is asked for by name works
 */
export async function startWebgpu(choice: BackendChoice): Promise<string> {
  // Some drivers' window-system code complains on stderr where this is not set. No window is ever opened.
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
  adapter ??= await findAdapter();
  if (choice === "auto" && adapter.software) {
    throw new BackendUnavailable(
      "webgpu",
      `the only adapter here is software: ${describeAdapter(adapter)}`,
      "install the driver of a GPU, or ask for it by name with --backend webgpu",
    );
  }
  if (tf.findBackendFactory("webgpu") === null) {
    const backend = await openDevice();
    registerKernels();
    tf.registerBackend("webgpu", () => backend, 3);
  }
  if (!(await tf.setBackend("webgpu")))
    throw new BackendUnavailable("webgpu", "TensorFlow.js did not start", "use --backend wasm");
  return describeAdapter(adapter);
}

/** Of the backend that was started. */
export async function webgpuDetails(): Promise<BackendDetails> {
  const { vendor = "", description = "", software = false } = adapter ?? {};
  const gpu = vendor === "nvidia" ? await nvidiaGpu() : undefined;
  return {
    driver: gpu === undefined ? description || null : `NVIDIA ${gpu.driver}`,
    versions: { "webgpu (Dawn)": installedVersion("webgpu"), ...commonVersions() },
    threads: null,
    memoryBytes: gpu?.memoryBytes ?? null,
    software,
    withoutItsGpu: false,
  };
}
