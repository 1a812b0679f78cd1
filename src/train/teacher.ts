import { resolve } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { UserError, usageError } from "../base/errors.js";
import { type RunConfig, RunFolder } from "../run/folder.js";
import type { LossOptions } from "./loss.js";

/**
 * Finds out before long work whether the runs that `--teacher` names can teach, as far as can be told without the data.
 *
 * @param out the run that they are to teach, which would take their place
 */
export function checkTeachers(teachers: readonly string[], out: string): void {
  for (const path of teachers) {
    if (resolve(path) === resolve(out)) throw usageError(`--teacher: ${path} is --out too, expected another`);
    try {
      const run = new RunFolder(path);
      run.readConfig();
      run.checkTrained();
    } catch (error) {
      throw error instanceof UserError
        ? new UserError(`--teacher: ${error.message}`, { cause: error })
        : error;
    }
  }
}

/** By which a run that goes on knows its teachers: SHA-256 of their weights. */
export function teacherFingerprints(teachers: readonly string[]): string[] {
  return teachers.map((path) => new RunFolder(path).weightsFingerprint());
}

/**
 * The models of the runs that `--teacher` names.
 *
 * @throws UserError where one tells other labels apart, hears other clips, or is not what it was when the run was begun
 */
export async function readTeacher(config: Omit<RunConfig, "format">): Promise<LossOptions["teacher"]> {
  if (config.teacher === undefined) return undefined;
  const models: tf.LayersModel[] = [];
  const { teacherFingerprints: known } = config;
  const changed = teacherFingerprints(config.teacher).findIndex((found, i) => known && found !== known[i]);
  if (changed >= 0)
    throw new UserError(`the teacher ${config.teacher[changed]} has changed since the run was begun with it`);
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
