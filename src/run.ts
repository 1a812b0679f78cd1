import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { describeSystemError, UserError } from "./errors.js";
import { writeFileAtomic } from "./files.js";
import { modelFromFiles, modelToFiles } from "./models/files.js";
import { type RunConfig, readJsonFile, runConfigSchema } from "./settings.js";

export type { RunConfig };

/** Goes up when a run folder written by an older version can no longer be read. */
const runFormat = 1;

/** One epoch in `history.json`. The accuracies are shares, the losses mean cross-entropies in nats. */
export interface EpochRecord {
  epoch: number;
  loss: number;
  accuracy: number;
  valLoss: number;
  valAccuracy: number;
  learningRate: number;
  seconds: number;
}

/** Knows every path of a run folder and reads and writes what is in it; nothing is ever half-written. */
export class RunFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get configPath() {
    return join(this.path, "config.json");
  }
  get historyPath() {
    return join(this.path, "history.json");
  }
  get bestModelPath() {
    return join(this.path, "best", "model.json");
  }
  get bestWeightsPath() {
    return join(this.path, "best", "weights.bin");
  }
  get lastPath() {
    return join(this.path, "last");
  }
  get lastStatePath() {
    return join(this.lastPath, "state.json");
  }
  get curvesSvgPath() {
    return join(this.path, "curves.svg");
  }
  get curvesPngPath() {
    return join(this.path, "curves.png");
  }

  /** Whether a run was begun here. */
  exists(): boolean {
    return existsSync(this.configPath);
  }

  /** Takes away what a run has written here, and nothing else. */
  clear(): void {
    try {
      // The config goes first: a folder without one is no run, whatever is left if this is cut short.
      for (const path of [this.configPath, this.historyPath, this.curvesSvgPath, this.curvesPngPath]) {
        rmSync(path, { force: true });
      }
      for (const folder of ["best", "last"])
        rmSync(join(this.path, folder), { recursive: true, force: true });
    } catch (error) {
      throw describeSystemError(error, "clear", this.path);
    }
  }

  writeConfig(config: Omit<RunConfig, "format">): void {
    writeFileAtomic(this.configPath, `${JSON.stringify({ ...config, format: runFormat }, null, 2)}\n`);
  }

  /** @throws UserError when there is no run here, or one that this version does not read */
  readConfig(): RunConfig {
    if (!existsSync(this.path)) throw new UserError(`${this.path}: no such run folder`);
    if (!this.exists()) {
      const found = readdirIfFolder(this.path);
      throw new UserError(
        `${this.path} is no run folder: expected config.json, found ${found.slice(0, 5).join(", ") || "nothing"}`,
      );
    }
    const value = readJsonFile(this.configPath) as { format?: unknown; keyspot?: unknown } | null;
    if (typeof value?.format === "number" && value.format !== runFormat) {
      throw new UserError(
        `${this.path} was written by keyspot ${value.keyspot} in run format ${value.format}; this version reads format ${runFormat}`,
      );
    }
    const result = runConfigSchema.safeParse(value);
    if (result.success) return result.data;
    const issue = result.error.issues[0]!;
    const key = issue.path.join(".") || (issue.code === "unrecognized_keys" ? issue.keys.join(", ") : "");
    throw new UserError(`${this.configPath}: ${key}: ${issue.message}`);
  }

  writeHistory(history: readonly EpochRecord[]): void {
    writeFileAtomic(
      this.historyPath,
      `[\n${history.map((record) => JSON.stringify(record)).join(",\n")}\n]\n`,
    );
  }

  readHistory(): EpochRecord[] {
    const value = readJsonFile(this.historyPath);
    if (!Array.isArray(value)) throw new UserError(`${this.historyPath}: expected an array of epochs`);
    return value as EpochRecord[];
  }

  /**
   * Writes the model. The topology is the same all through a run, so that it is written once and each better epoch
   * replaces one file, the weights, in one step.
   */
  async writeBest(model: tf.LayersModel): Promise<void> {
    const files = await modelToFiles(model);
    writeFileAtomic(this.bestWeightsPath, files.weights);
    if (!existsSync(this.bestModelPath)) writeFileAtomic(this.bestModelPath, files.json);
  }

  /** @throws UserError when the run has no model yet or its files are damaged */
  async readBest(): Promise<tf.LayersModel> {
    if (!existsSync(this.bestModelPath)) {
      throw new UserError(
        `${this.path} has no trained model yet (${join("best", "model.json")} is missing): go on with kws train --resume ${this.path}`,
      );
    }
    let json: string;
    let weights: Uint8Array;
    try {
      json = readFileSync(this.bestModelPath, "utf8");
      weights = readFileSync(this.bestWeightsPath);
    } catch (error) {
      throw describeSystemError(error, "read", this.bestWeightsPath);
    }
    try {
      return await modelFromFiles({ json, weights });
    } catch (error) {
      throw new UserError(`${join(this.path, "best")} is damaged: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

function readdirIfFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return ["a file"];
  }
}
