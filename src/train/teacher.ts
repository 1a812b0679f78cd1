import type * as tf from "@tensorflow/tfjs";
import { UserError } from "../errors.js";
import { type RunConfig, RunFolder } from "../run.js";
import type { LossOptions } from "./loss.js";

/**
 * The models of the runs that `--teacher` names.
 *
 * @throws UserError where one tells other labels apart, or hears other clips
 */
export async function readTeacher(config: Omit<RunConfig, "format">): Promise<LossOptions["teacher"]> {
  if (config.teacher === undefined) return undefined;
  const models: tf.LayersModel[] = [];
  for (const path of config.teacher) {
    const run = new RunFolder(path);
    const [found, expected] = [inWords(run.readConfig()), inWords(config)];
    if (found !== expected)
      throw new UserError(`--teacher ${path} is for other data: expected ${expected}; found ${found}`);
    models.push(await run.readBest());
  }
  return { models, weight: config.teacherWeight, temperature: config.temperature };
}

function inWords(of: Pick<RunConfig, "labels" | "sampleRate" | "clipLength">): string {
  return `labels ${of.labels.join(", ")}; ${of.clipLength} samples at ${of.sampleRate} Hz`;
}
