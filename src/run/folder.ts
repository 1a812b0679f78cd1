import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { describeSystemError, UserError } from "../base/errors.js";
import { makeFolder, removeEmptyFolders, writeFileAtomic } from "../base/files.js";
import { describeIssue, readJsonFile } from "../base/json.js";
import { lockHolder, takeLock } from "../base/lock.js";
import { type EpochRecord, hasDiverged, isHistory, parseHistory } from "./history.js";
import { modelToFiles } from "./model-files.js";
import { readModel } from "./saved-model.js";
import { type RunConfig, runConfigSchema } from "./settings.js";
import { isShipped, resolveRun } from "./shipped.js";

export { type EpochRecord, hasDiverged, parseHistory, type RunConfig };

/** Goes up when a run folder written by an older version can no longer be read. */
const runFormat = 1;

/**
 * Knows every path of a run folder and reads and writes what is in it; nothing is ever half-written. A new run that takes
 * an old one's place is written to a folder within, until its first state is whole.
 */
export class RunFolder {
  readonly path: string;
  /** Where the run's files are: `path`, the folder within, or the folder of a shipped model. */
  private files: string;
  /** The outermost folder that was made for the run. */
  private firstMade: string | undefined;
  private releaseLock: (() => void) | undefined;

  constructor(path: string) {
    this.path = path;
    this.files = path;
  }

  /**
   * Opens a run to read it.
   *
   * @param run a folder, or else the name of a model that ships, which is then `path`
   * @throws UserError where it is neither
   */
  static open(run: string): RunFolder {
    const opened = new RunFolder(run);
    opened.files = resolveRun(run);
    return opened;
  }

  get configPath() {
    return join(this.files, "config.json");
  }
  get historyPath() {
    return join(this.files, "history.json");
  }
  get bestModelPath() {
    return join(this.files, "best", "model.json");
  }
  get bestWeightsPath() {
    return join(this.files, "best", "weights.bin");
  }
  get lastPath() {
    return join(this.files, "last");
  }
  get lastStatePath() {
    return join(this.lastPath, "state.json");
  }
  get curvesSvgPath() {
    return join(this.files, "curves.svg");
  }
  get curvesPngPath() {
    return join(this.files, "curves.png");
  }
  /** A new run before its first state is whole, and after. */
  private get newPath() {
    return join(this.path, ".new-run");
  }
  private get wholePath() {
    return join(this.path, ".new-run-whole");
  }

  private get lockPath() {
    return join(this.path, lockName);
  }

  /**
   * Keeps other processes from training here, until `unlock`.
   *
   * @throws UserError where one does
   */
  lock(): void {
    this.checkNotShipped();
    const taken = takeLock(this.lockPath);
    if (typeof taken === "number") throw this.lockedError(taken);
    this.releaseLock = taken;
  }

  private checkNotShipped(): void {
    if (isShipped(this.files))
      throw new UserError(
        `${this.path} ships with the package and cannot be changed: expected another folder; to train from its model, use --from ${this.path}`,
      );
  }

  unlock(): void {
    this.releaseLock?.();
    this.releaseLock = undefined;
  }

  private lockedError(holder: number): UserError {
    return new UserError(
      `${this.path} is being trained by another process (${holder}); if that is not so, take ${this.lockPath} away`,
    );
  }

  /** Whether a run was begun here. */
  exists(): boolean {
    return existsSync(this.configPath);
  }

  /**
   * Says whether a new run may begin here: where nothing is, or, with `replace`, in the place of a run and beside the files of
   * others.
   *
   * @throws UserError when it may not
   */
  checkFree(replace: boolean): void {
    this.checkNotShipped();
    if (!existsSync(this.path)) return;
    if (!statSync(this.path).isDirectory()) {
      throw new UserError(`${this.path} is a file; a folder for the run was expected`);
    }
    const holder = this.releaseLock === undefined ? lockHolder(this.lockPath) : undefined;
    if (holder !== undefined) throw this.lockedError(holder);
    this.finishReplacing();
    const found = readdirSync(this.path).filter((name) => name !== lockName);
    if (found.length === 0) return;
    const isRun = this.looksLikeRun();
    if (!replace) {
      const instead = isRun && this.isAtStart() ? `, go on with kws train --resume ${this.path}` : "";
      throw new UserError(
        isRun
          ? `${this.path} already holds a run: choose another --out${instead}, or replace it with --force`
          : `${this.path} is not empty (${listed(found)}), a new or an empty folder was expected: choose another --out, or put the run beside what is there with --force`,
      );
    }
    const taken = this.filesHere().find((path) => existsSync(path));
    if (!isRun && taken !== undefined) {
      throw new UserError(`${taken} was not written by keyspot and is left as it is: choose another --out`);
    }
  }

  /** By its config; or, where that was lost, by what only a run of ours has. */
  private looksLikeRun(): boolean {
    if (existsSync(this.configPath)) return hasKeys(this.configPath, "keyspot");
    if (existsSync(this.lastStatePath)) return hasKeys(this.lastStatePath, "optimizerStep", "tensorFile");
    return existsSync(this.historyPath) && isHistory(tryReadJson(this.historyPath));
  }

  /**
   * Begins a run here, where `checkFree` still lets it, and locks the folder. A run that is here stays as it is until the new
   * one's first state is whole.
   */
  begin(config: Omit<RunConfig, "format">, replace: boolean): void {
    this.checkNotShipped();
    try {
      this.firstMade = makeFolder(this.path);
    } catch (error) {
      throw describeSystemError(error, "write", this.path);
    }
    try {
      this.lock();
      this.checkFree(replace);
      if (this.filesHere().some((path) => existsSync(path))) {
        rmSync(this.newPath, { recursive: true, force: true }); // of one that was cut short
        this.files = this.newPath;
      }
      this.writeConfig(config);
    } catch (error) {
      this.unlock();
      removeEmptyFolders(this.path, this.firstMade);
      throw describeSystemError(error, "write", this.path);
    }
  }

  /** Takes away a run that came to nothing, and its folders where nothing else is in them. An old run that it was to replace stays. */
  discard(): void {
    this.unlock();
    if (this.files !== this.path) {
      this.files = this.path;
      rmSync(this.newPath, { recursive: true, force: true });
      return;
    }
    this.removeFiles();
    rmSync(this.configPath, { force: true });
    removeEmptyFolders(this.path, this.firstMade);
  }

  /** Called once the first state is whole: now the run takes the place of one that was here, of which nothing stays. */
  takePlace(): void {
    if (this.files === this.path) return;
    renameSync(this.newPath, this.wholePath);
    this.files = this.path;
    this.finishReplacing();
  }

  /** Whoever opens the folder next goes on with what was cut short. The state moves first: by it one sees how far it came. */
  private finishReplacing(): void {
    if (!existsSync(this.wholePath)) return;
    const inside = new RunFolder(this.wholePath);
    if (existsSync(inside.lastStatePath)) this.removeFiles();
    for (const from of inside.filesHere()) {
      if (!existsSync(from)) continue;
      const to = join(this.path, relative(inside.path, from));
      mkdirSync(dirname(to), { recursive: true });
      renameSync(from, to);
    }
    rmSync(this.wholePath, { recursive: true, force: true });
  }

  /** Whether it was stopped so early that it can begin anew with nothing lost: before the first epoch's state was stored. */
  isAtStart(): boolean {
    if (existsSync(this.lastStatePath)) return false;
    return !existsSync(this.historyPath) || this.readHistory().length <= 1;
  }

  /** Takes the run's files away, but for its config; and their folders where nothing else is in them. */
  removeFiles(): void {
    try {
      for (const path of this.filesHere()) if (path !== this.configPath) rmSync(path, { force: true });
      for (const folder of [join(this.files, "best"), this.lastPath]) {
        if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
      }
    } catch (error) {
      throw describeSystemError(error, "clear", this.path);
    }
  }

  /** Every path of a run's own files, the state first, the config last. */
  private filesHere(): string[] {
    const { lastStatePath, bestModelPath, bestWeightsPath, historyPath, curvesSvgPath, curvesPngPath } = this;
    const others = [bestModelPath, bestWeightsPath, historyPath, curvesSvgPath, curvesPngPath];
    return [lastStatePath, ...this.lastTensorPaths(), ...others, this.configPath];
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

  /** Changes some of the stored config; its other keys stay what and where they are. */
  updateConfig(changes: Partial<RunConfig>): void {
    const stored = readJsonFile(this.configPath) as RunConfig;
    const changed = { ...stored, ...changes };
    if (JSON.stringify(changed) !== JSON.stringify(stored)) this.writeConfig(changed);
  }

  /** @throws UserError when there is no run here, or one that this version does not read */
  readConfig(): RunConfig {
    if (!existsSync(this.files)) throw new UserError(`${this.path}: no such run folder`);
    this.finishReplacing();
    if (!this.exists()) {
      const found = readdirIfFolder(this.files);
      throw new UserError(
        `${this.path} is no run folder: expected config.json, found ${listed(found) || "nothing"}`,
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

  /** SHA-256 of the best model's weights. */
  weightsFingerprint(): string {
    try {
      return createHash("sha256").update(readFileSync(this.bestWeightsPath)).digest("hex");
    } catch (error) {
      throw describeSystemError(error, "read", this.bestWeightsPath);
    }
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

  /** @throws UserError when the run has no trained model, that says why and what to do */
  checkTrained(): void {
    if (existsSync(this.bestModelPath)) return;
    const resume = `kws train --resume ${this.path}`;
    const history = existsSync(this.historyPath) ? this.readHistory() : [];
    if (this.isAtStart()) {
      throw new UserError(
        `${this.path} has no trained model yet: it was stopped before its first epoch was done; ${resume} begins it again`,
      );
    }
    if (history.length === 0) {
      throw new UserError(
        `${this.path} has no trained model yet: it was stopped within its first epoch; go on with ${resume}`,
      );
    }
    if (history.every(({ valLoss }) => hasDiverged(valLoss))) {
      throw new UserError(
        `${this.path} has no trained model: its training diverged; train anew with a smaller --learning-rate than ${this.readConfig().learningRate}`,
      );
    }
    throw new UserError(`${this.path} is damaged: ${this.bestModelPath} is missing`);
  }

  /** @throws UserError when the run has no model yet, or its files are damaged or of another model */
  async readBest(): Promise<tf.LayersModel> {
    const { labels, clipLength } = this.readConfig();
    this.checkTrained();
    const model = await readModel(this.bestModelPath, this.bestWeightsPath);
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

/** In the folder of a run that a process is training. */
const lockName = ".training";

/** A few of the names, in order. */
function listed(names: readonly string[]): string {
  const shown = [...names].sort().slice(0, 5);
  return [...shown, ...(names.length > shown.length ? ["…"] : [])].join(", ");
}

function hasKeys(path: string, ...keys: string[]): boolean {
  const value = tryReadJson(path);
  return typeof value === "object" && value !== null && keys.every((key) => key in value);
}

/** Undefined where it is none. */
function tryReadJson(path: string): unknown {
  try {
    return readJsonFile(path);
  } catch {
    return undefined;
  }
}

function readdirIfFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return ["a file"];
  }
}
