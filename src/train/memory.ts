import { totalmem } from "node:os";
import type { BackendName } from "../backend/names.js";
import { UserError } from "../base/errors.js";
import type { BuildOptions, ModelDefinition } from "../models/definition.js";
import { planModel } from "../models/size.js";

/** Bytes per parameter in training: the weight, its gradient, and Adam's two averages. */
const trainingBytes = 16;
/** Bytes per parameter of a moving average of the weights. */
const averageBytes = 4;
/** Bytes per parameter of a step's TensorFlow graph, which has copies of all but the gradient. */
const graphBytes = 12;
/** Bytes that WebAssembly can address. */
const wasmBytes = 2 ** 32;

/**
 * Checks that a model can be trained in this machine's memory, before any is taken.
 *
 * @throws UserError that says how much memory the training needs
 */
export function checkMemory(
  definition: ModelDefinition,
  options: BuildOptions,
  backend: BackendName,
  keepsAverage: boolean,
): void {
  const bytesEach =
    trainingBytes + (keepsAverage ? averageBytes : 0) + (backend === "tensorflow" ? graphBytes : 0);
  const plan = planModel(definition, options);
  const params = plan.countParams();
  plan.dispose();
  // The limit of a container, where there is one.
  const machine = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const available = backend === "wasm" ? Math.min(machine, wasmBytes) : machine;
  if (bytesEach * params <= available) return;
  const where = backend === "wasm" && available === wasmBytes ? "WebAssembly" : "this machine";
  throw new UserError(
    `${definition.name} at width ${options.width} with ${options.labelCount} labels has ${params.toLocaleString("en")} parameters: training it would need ${gigabytes(bytesEach * params)} of memory, ${where} has ${gigabytes(available)}; try a smaller --width`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toLocaleString("en", { maximumSignificantDigits: 3 })} GiB`;
}
