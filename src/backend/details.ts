import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import * as tf from "@tensorflow/tfjs";

/** What a backend that was started runs on, beyond the one line that it calls itself by. */
export interface BackendDetails {
  /** The GPU's driver. */
  driver: string | null;
  /** Of Node.js, of TensorFlow.js and of what the backend brings. */
  versions: Record<string, string>;
  /** Threads that compute; null where a GPU does. */
  threads: number | null;
  /** Of the GPU where that is known, else of this machine. */
  memoryBytes: number | null;
  /** A GPU that is none, which `auto` leaves out. */
  software: boolean;
  /** Whether the backend's library was built for a GPU that it does not compute on. */
  withoutItsGpu: boolean;
}

/** What is the same for all backends that compute on this machine's processor. */
export function processorDetails(device: string): BackendDetails {
  return {
    driver: null,
    versions: commonVersions(),
    threads: Number(device.match(/(\d+) threads?/)?.[1] ?? 1),
    memoryBytes: machineMemory(),
    software: false,
    withoutItsGpu: false,
  };
}

export function commonVersions(): Record<string, string> {
  return { "Node.js": process.versions.node, "TensorFlow.js": tf.version.tfjs };
}

/** A container may have less than the machine. */
function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** The version of an npm package, whatever it exports. */
export function installedVersion(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  for (;;) {
    try {
      const found = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
      if (found.name === name) return found.version!;
    } catch {} // none in this folder
    if (dirname(folder) === folder) return "unknown";
    folder = dirname(folder);
  }
}
