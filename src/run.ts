import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import { describeSystemError, UserError } from "./errors.js";
import { writeFileAtomic } from "./files.js";
import { modelFromFiles, modelToFiles } from "./models/files.js";
import { describeIssue, type RunConfig, readJsonFile, runConfigSchema } from "./settings.js";

export type { RunConfig };

/** Goes up when a run folder written by an older version can no longer be read. */
const runFormat = 1;

const figure = z.number({ error: "expected a number" });
// JSON has no NaN: a training that has diverged leaves null.
const loss = figure.nullable().transform((value) => value ?? Number.NaN);

/** One epoch in `history.json`. The accuracies are shares, the losses mean cross-entropies in nats. */
const epochSchema = z.object(
  {
    epoch: figure,
    loss,
    accuracy: figure,
    valLoss: loss,
    valAccuracy: figure,
    learningRate: figure,
    seconds: figure,
  },
  { error: "expected an epoch's figures" },
);
const historySchema = z.array(epochSchema, { error: "expected a list of epochs" });
export type EpochRecord = z.infer<typeof epochSchema>;

/** Records as they come out of a JSON file, checked. */
export function parseHistory(value: unknown, where = "the stored history"): EpochRecord[] {
  const result = historySchema.safeParse(value);
  if (result.success) return result.data;
  throw new UserError(`${where} is damaged: ${describeIssue(result.error, value)}`);
}

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

  /**
   * Says whether a new run may begin here.
   *
   * @param replace whether it may take the place of a run that is here
   * @throws UserError when it may not
   */
  checkFree(replace: boolean): void {
    if (existsSync(this.path) && !statSync(this.path).isDirectory()) {
      throw new UserError(`${this.path} is a file; a folder for the run was expected`);
    }
    if (!this.exists()) return;
    if (!replace) {
      throw new UserError(
        `${this.path} already holds a run: choose another --out, or replace it with --force`,
      );
    }
    const config = readJsonFile(this.configPath) as { keyspot?: unknown } | null;
    if (typeof config?.keyspot !== "string") {
      throw new UserError(`${this.configPath} was not written by keyspot: choose another --out`);
    }
  }

  /** Begins a run here: writes its config and then takes away what an earlier run has left, and nothing else. */
  begin(config: Omit<RunConfig, "format">): void {
    this.writeConfig(config);
    this.removeFiles();
  }

  /** Takes away a run that came to nothing, and its folders where nothing else is in them. */
  discard(): void {
    this.removeFiles();
    rmSync(this.configPath, { force: true });
    for (const folder of [join(this.path, "best"), this.lastPath, this.path]) {
      if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
    }
  }

  private removeFiles(): void {
    const files = [
      this.bestModelPath,
      this.bestWeightsPath,
      this.historyPath,
      this.curvesSvgPath,
      this.curvesPngPath,
    ];
    try {
      for (const path of [...files, this.lastStatePath, ...this.lastTensorPaths()])
        rmSync(path, { force: true });
    } catch (error) {
      throw describeSystemError(error, "clear", this.path);
    }
  }

  /** Files of `last/` with tensors: one, and for a moment, while the state is written, two. */
  lastTensorPaths(): string[] {
    if (!existsSync(this.lastPath)) return [];
    const names = readdirSync(this.lastPath).filter((name) => /^tensors-.*\.bin$/.test(name));
    return names.map((name) => join(this.lastPath, name));
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
    if (typeof value?.keyspot !== "string") {
      throw new UserError(
        `${this.path} is no run folder: expected a config.json by keyspot, found one that names no version of it`,
      );
    }
    if (typeof value.format === "number" && value.format !== runFormat) {
      throw new UserError(
        `${this.path} was written by keyspot ${value.keyspot} in run format ${value.format}, expected format ${runFormat}`,
      );
    }
    const result = runConfigSchema.safeParse(value);
    if (result.success) return result.data;
    throw new UserError(
      `${this.configPath}, written by keyspot ${value.keyspot}: ${describeIssue(result.error, value)}`,
    );
  }

  writeHistory(history: readonly EpochRecord[]): void {
    writeFileAtomic(
      this.historyPath,
      `[\n${history.map((record) => JSON.stringify(record)).join(",\n")}\n]\n`,
    );
  }

  readHistory(): EpochRecord[] {
    return parseHistory(readJsonFile(this.historyPath), this.historyPath);
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

  /** @throws UserError when the run has no model yet, or its files are damaged or of another model */
  async readBest(): Promise<tf.LayersModel> {
    const { labels, clipLength } = this.readConfig();
    if (!existsSync(this.bestModelPath)) {
      throw new UserError(
        `${this.path} has no trained model yet (expected ${this.bestModelPath}): train it with kws train --resume ${this.path}`,
      );
    }
    const value = readJsonFile(this.bestModelPath);
    const checked = modelJsonSchema.safeParse(value);
    if (!checked.success) {
      throw new UserError(`${this.bestModelPath} is damaged: ${describeIssue(checked.error, value)}`);
    }
    let weights: Uint8Array;
    try {
      weights = readFileSync(this.bestWeightsPath);
    } catch (error) {
      throw describeSystemError(error, "read", this.bestWeightsPath);
    }
    let model: tf.LayersModel;
    try {
      model = await modelFromFiles({ json: JSON.stringify(value), weights });
    } catch (error) {
      const reason = (error as Error).message.split("\n")[0];
      throw new UserError(`${join(this.path, "best")} is damaged: ${reason}`, { cause: error });
    }
    const [input, output] = [model.inputs[0]!.shape, model.outputs[0]!.shape];
    if (input.length === 2 && input[1] === clipLength && output.length === 2 && output[1] === labels.length) {
      return model;
    }
    model.dispose();
    throw new UserError(
      `${this.bestModelPath} is of another run: expected [batch, ${clipLength}] in and [batch, ${labels.length}] out, found [${input}] and [${output}]`,
    );
  }
}

function readdirIfFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return ["a file"];
  }
}
