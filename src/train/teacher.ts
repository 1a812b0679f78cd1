import { resolve } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { UserError, usageError } from "../base/errors.js";
import { type RunConfig, RunFolder } from "../run/folder.js";
import type { LossOptions } from "./loss.js";

/**
 * Checks that the runs that `--teacher` names have trained models, before any data is loaded.
 *
 * @param out the new run, which must not replace a teacher
 * @throws UserError
 */
export function checkTeachers(teachers: readonly string[], out: string): void {
  for (const path of teachers) {
    if (resolve(path) === resolve(out))
      throw usageError(`--teacher: ${path} is also --out, expected another run`);
    try {
      const run = RunFolder.open(path);
      run.readConfig();
      run.checkTrained();
    } catch (error) {
      throw error instanceof UserError
        ? new UserError(`--teacher: ${error.message}`, { cause: error })
        : error;
    }
  }
}

/** SHA-256 of each teacher's weights, by which a resumed run recognises its teachers. */
export function teacherFingerprints(teachers: readonly string[]): string[] {
  return teachers.map((path) => RunFolder.open(path).weightsFingerprint());
}

/**
 * Reads the models of the runs that `--teacher` names.
 *
 * @throws UserError where a teacher has other labels or clips, or has changed since the run was begun
 */
export async function readTeacher(config: Omit<RunConfig, "format">): Promise<LossOptions["teacher"]> {
  if (config.teacher === undefined) return undefined;
  const models: tf.LayersModel[] = [];
  const { teacherFingerprints: known } = config;
  const changed = teacherFingerprints(config.teacher).findIndex((found, i) => known && found !== known[i]);
  if (changed >= 0)
    throw new UserError(`the teacher ${config.teacher[changed]} has changed since the run was begun with it`);
  for (const path of config.teacher) {
    const run = RunFolder.open(path);
    const [found, expected] = [describeData(run.readConfig()), describeData(config)];
    if (found !== expected)
      throw new UserError(`--teacher ${path} is for other data: expected ${expected}; found ${found}`);
    models.push(await run.readBest());
  }
  return { models, weight: config.teacherWeight, temperature: config.temperature };
}

type DataShape = Pick<RunConfig, "labels" | "sampleRate" | "clipLength">;

function describeData({ labels, sampleRate, clipLength }: DataShape): string {
  return `labels ${labels.join(", ")}; ${clipLength} samples at ${sampleRate} Hz`;
}
