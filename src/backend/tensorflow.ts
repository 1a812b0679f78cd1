import { availableParallelism } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { findDamage, nativeFolder, readManifest } from "./native/installation.js";
import { registerReluGradient } from "./native/kernels.js";
import { registerNativeBackend } from "./native/load.js";
import { BackendUnavailable } from "./unavailable.js";

export async function startTensorflow(): Promise<string> {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  const folder = nativeFolder();
  const manifest = readManifest(folder);
  if (manifest === undefined)
    throw new BackendUnavailable(
      "tensorflow",
      "no native TensorFlow is installed",
      "run kws backend install",
    );
  const damage = await findDamage(folder, manifest, { thorough: false });
  if (damage !== undefined) throw new BackendUnavailable("tensorflow", damage, "run kws backend install");
  const addon = registerNativeBackend(folder);
  registerReluGradient();
  await tf.setBackend("tensorflow");
  return `TensorFlow ${addon.TF_Version}, ${addon.isUsingGpuDevice() ? "GPU" : `CPU, ${availableParallelism()} threads`}`;
}
