import type * as tf from "@tensorflow/tfjs";
import { share, wasmKernel } from "./kernel.js";

/**
 * A clone shares its original's memory, as on the other backends. This backend's own copies it, and so holds everything
 * that is kept for the backward pass twice.
 */
export const identityKernel = wasmKernel("Identity", ({ x }: { x: tf.Tensor }, _, backend) =>
  share(backend, x),
);
