import { totalmem } from "node:os";
import * as tf from "@tensorflow/tfjs";
import type { BackendName } from "../backend/start.js";
import { UserError } from "../base/errors.js";
import type { BuildOptions, ModelDefinition } from "./definition.js";

/** Bytes a parameter while it is trained: itself, its gradient, and the two averages that Adam keeps of it. */
const trainingBytes = 16;
/** A moving average of it, where one is kept. */
const averageBytes = 4;
/** The step as one TensorFlow graph has a copy of its own of all but the gradient. */
const graphBytes = 12;
/** All that WebAssembly can address. */
const wasmBytes = 2 ** 32;

/**
 * The model as it would be built, but without weights in it: each has its shape and the memory of one number, so that a
 * model of any size can be asked what it costs. It cannot be run.
 */
export function planModel(definition: ModelDefinition, options: BuildOptions): tf.LayersModel {
  const layer = tf.layers.Layer.prototype as unknown as LayerInside;
  const { addWeight } = layer;
  const nothing = tf.initializers.zeros();
  layer.addWeight = function (name, shape, dtype, _initializer, ...others) {
    if (!Number.isSafeInteger(shape.reduce((product, size) => product * size, 1))) {
      throw new UserError(
        `${definition.name} cannot be so large (width ${options.width}, ${options.labelCount} labels): its ${name} would be ${shape.join(" × ")}`,
      );
    }
    const weight = addWeight.call(this, name, [], dtype, nothing, ...others);
    weight.shape = shape;
    return weight;
  };
  try {
    return definition.build(options);
  } finally {
    layer.addWeight = addWeight;
  }
}

/** What every layer makes its weights with; TensorFlow.js keeps it from types alone. */
interface LayerInside {
  addWeight(
    name: string,
    shape: number[],
    dtype: tf.DataType | undefined,
    initializer: unknown,
    ...others: unknown[]
  ): { shape: number[] };
}

/**
 * Says whether a model can be trained in this machine's memory, before it takes any.
 *
 * @throws UserError that says what it would need
 */
export function checkModelSize(
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
