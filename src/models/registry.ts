import type * as tf from "@tensorflow/tfjs";
import { usageError } from "../base/errors.js";
import { bcResnet } from "./architectures/bc-resnet.js";
import { courseModels } from "./architectures/course.js";
import { dsCnns } from "./architectures/ds-cnn.js";
import { gaborResnet } from "./architectures/gabor-resnet.js";
import { m5 } from "./architectures/m5.js";
import { matchboxnets } from "./architectures/matchboxnet.js";
import { tcResnets } from "./architectures/tc-resnet.js";
import type { BuildOptions, ModelDefinition } from "./definition.js";

/** Every architecture by its name, in the order in which they are listed. */
export const modelRegistry: ReadonlyMap<string, ModelDefinition> = new Map(
  [...courseModels, bcResnet, ...tcResnets, ...dsCnns, ...matchboxnets, m5, gaborResnet].map((definition) => [
    definition.name,
    definition,
  ]),
);

/** The definition of that name; a usage error that lists the names otherwise. */
export function findModel(name: string): ModelDefinition {
  const definition = modelRegistry.get(name);
  if (definition === undefined) {
    throw usageError(
      `unknown model ${JSON.stringify(name)}; there are ${[...modelRegistry.keys()].join(", ")}`,
    );
  }
  return definition;
}

/** Builds a model of the registry with fresh weights: waveforms `[batch, clipLength]` in, logits `[batch, labels]` out. */
export function buildModel(name: string, options: BuildOptions): tf.LayersModel {
  return findModel(name).build(options);
}
