import { UserError } from "../errors.js";
import { type RunConfig, RunFolder } from "../run.js";
import type { LossOptions } from "./loss.js";

/**
 * The model of the run that `--teacher` names.
 *
 * @throws UserError where it tells other labels apart, or hears other clips
 */
export async function readTeacher(config: Omit<RunConfig, "format">): Promise<LossOptions["teacher"]> {
  if (config.teacher === undefined) return undefined;
  const run = new RunFolder(config.teacher);
  const { labels, sampleRate, clipLength } = run.readConfig();
  const inWords = (of: Pick<RunConfig, "labels" | "sampleRate" | "clipLength">) =>
    `labels ${of.labels.join(", ")}; ${of.clipLength} samples at ${of.sampleRate} Hz`;
  const [found, expected] = [inWords({ labels, sampleRate, clipLength }), inWords(config)];
  if (found !== expected)
    throw new UserError(
      `--teacher ${config.teacher} is for other data: expected ${expected}; found ${found}`,
    );
  return { model: await run.readBest(), weight: config.teacherWeight, temperature: config.temperature };
}
