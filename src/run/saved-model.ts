import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import { describeSystemError, UserError } from "../base/errors.js";
import { describeIssue, readJsonFile } from "../base/json.js";
import { modelFromFiles } from "./model-files.js";

const modelJsonSchema = z.object(
  {
    modelTopology: z.object({}, { error: "expected the layers of a TensorFlow.js model" }),
    weightsManifest: z.array(
      z.object({
        weights: z.array(z.object({ name: z.string(), shape: z.array(z.number()), dtype: z.string() }), {
          error: "expected a list of weights",
        }),
      }),
      { error: "expected a list of weights" },
    ),
  },
  { error: "expected a TensorFlow.js model" },
);

/**
 * Reads a model from its two files.
 *
 * @throws UserError when one is missing or damaged, or they do not fit each other
 */
export async function readModel(jsonPath: string, weightsPath: string): Promise<tf.LayersModel> {
  const value = readJsonFile(jsonPath);
  const checked = modelJsonSchema.safeParse(value);
  if (!checked.success) {
    throw new UserError(`${jsonPath} is damaged: ${describeIssue(checked.error, value)}`);
  }
  let weights: Uint8Array;
  try {
    weights = readFileSync(weightsPath);
  } catch (error) {
    throw describeSystemError(error, "read", weightsPath);
  }
  try {
    return await modelFromFiles({ json: JSON.stringify(value), weights });
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0];
    throw new UserError(`${dirname(jsonPath)} is damaged: ${reason}`, { cause: error });
  }
}
