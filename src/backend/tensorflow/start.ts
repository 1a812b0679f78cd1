import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { type BackendDetails, commonVersions, processorDetails } from "../details.js";
import { nvidiaGpu } from "../nvidia.js";
import type { StepRunner } from "../step.js";
import { BackendUnavailable } from "../unavailable.js";
import { explainLoadError } from "./explain.js";
import { inspectInstallation, nativeFolder } from "./install/installation.js";
import { registerOwnKernels } from "./kernels.js";
import { registerInstalledBackend, useTfjsNode } from "./load.js";
import type { NodeBackend } from "./node-backend.js";
import { GraphRunner } from "./step-graph/runner.js";

/** npm packages that bring a native TensorFlow, the one with a GPU first. Neither need be there. */
const npmPackages = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

const remedy = "run kws backend install, which builds a current one for this user";
const repair = "run kws backend install, which builds it anew";

/** Whether the library that was loaded was built for CUDA. */
let builtForCuda = false;

/**
 * Starts TensorFlow's native library: the one that the user has built with `kws backend install`, else that of
 * tfjs-node-gpu, else that of tfjs-node. Returns what it runs on.
 */
export async function startTensorflow(): Promise<string> {
  // TensorFlow reads these as it starts. It says a lot about what it was compiled for; errors are left.
  const quiet = process.env.TF_CPP_MIN_LOG_LEVEL === undefined;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  process.env.TF_NUM_INTRAOP_THREADS ??= String(availableParallelism());
  restoreUtilFunctions();

  if (tf.findBackendFactory("tensorflow") === null) await register(quiet);
  if (!(await tf.setBackend("tensorflow")))
    throw new BackendUnavailable("tensorflow", "TensorFlow did not start", remedy);
  registerOwnKernels();
  return describe(tf.backend() as NodeBackend);
}

async function register(quiet: boolean): Promise<void> {
  const folder = nativeFolder();
  const installed = await inspectInstallation(folder, { thorough: false });
  if (installed.state === "damaged")
    throw new BackendUnavailable(
      "tensorflow",
      `the one in ${folder} is damaged: ${installed.damage}`,
      repair,
    );
  if (installed.state === "whole") {
    try {
      builtForCuda = installed.manifest.cuda;
      return registerInstalledBackend(folder, { quiet });
    } catch (error) {
      const explained = explainLoadError((error as Error).message);
      throw new BackendUnavailable("tensorflow", explained.reason, explained.remedy, { cause: error });
    }
  }
  let reason = "no native TensorFlow is installed";
  let cause: unknown;
  for (const name of npmPackages) {
    try {
      await import(name);
      builtForCuda = name.endsWith("-gpu");
      useTfjsNode(createRequire(import.meta.url).resolve(`${name}/package.json`));
      if (tf.findBackendFactory("tensorflow") !== null) return;
      reason = `${name} uses another copy of TensorFlow.js`;
    } catch (error) {
      if (isMissing(error, name)) continue;
      reason = `${name}: ${explainLoadError((error as Error).message).reason}`;
      cause = error;
    }
  }
  // Whatever is wrong with a package, a build of one's own takes its place.
  throw new BackendUnavailable("tensorflow", reason, remedy, { cause });
}

/**
 * tfjs-node 4.22 calls two functions that Node.js 23 took away, and that warn before that. They are given back for it,
 * as they were.
 */
function restoreUtilFunctions(): void {
  const util = createRequire(import.meta.url)("node:util") as Record<string, unknown>;
  util.isNullOrUndefined = (value: unknown) => value === null || value === undefined;
  util.isArray = Array.isArray;
}

async function describe({ binding }: NodeBackend): Promise<string> {
  const library = `TensorFlow ${binding.TF_Version}`;
  if (!binding.isUsingGpuDevice()) return `${library}, CPU, ${process.env.TF_NUM_INTRAOP_THREADS} threads`;
  const gpu = await nvidiaGpu();
  return gpu === undefined ? `${library}, GPU` : `${library}, ${gpu.name}, driver ${gpu.driver}`;
}

/** Of the backend that was started. */
export async function tensorflowDetails(device: string): Promise<BackendDetails> {
  const { binding } = tf.backend() as NodeBackend;
  const details = processorDetails(device);
  details.versions = { TensorFlow: binding.TF_Version, ...commonVersions() };
  if (!binding.isUsingGpuDevice()) return { ...details, withoutItsGpu: builtForCuda };
  const gpu = await nvidiaGpu();
  const { driver = null, memoryBytes = null } = gpu ?? {};
  return { ...details, driver, memoryBytes, threads: null };
}

/** Runs the computation as one TensorFlow graph. */
export function graphRunner(step: () => tf.Tensor, state: readonly tf.Variable[]): StepRunner {
  return new GraphRunner(tf.backend() as NodeBackend, step, state);
}

function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "ERR_MODULE_NOT_FOUND" && message.includes(`'${name}'`);
}
