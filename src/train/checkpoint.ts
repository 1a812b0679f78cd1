import { closeSync, existsSync, openSync, readdirSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { describeSystemError, UserError } from "../errors.js";
import { writeFileAtomic } from "../files.js";
import type { RunFolder } from "../run.js";
import { readJsonFile } from "../settings.js";
import type { NamedVariable } from "./adam.js";
import type { Position } from "./loop.js";

/** The small part of a stored state; the tensors lie in the file that it names. */
export interface StoredState {
  position: Position;
  optimizerStep: number;
  /** What each callback asked to be kept, by its name. */
  callbacks: Record<string, unknown>;
}

interface StateFile extends StoredState {
  tensorFile: string;
  tensors: { name: string; shape: number[] }[];
}

/**
 * Stores a run's newest state. The tensors go to a new file first; `state.json`, replaced in one step, then names it, and
 * the old one goes: whenever it is cut short, one whole state is there.
 */
export async function writeState(
  run: RunFolder,
  state: StoredState,
  variables: readonly NamedVariable[],
): Promise<void> {
  const tensorFile = `tensors-${state.optimizerStep}-${state.position.epoch}.bin`;
  const pieces: Uint8Array[] = [];
  for (const { variable } of variables) {
    const values = (await variable.data()) as Float32Array;
    pieces.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  writeFileAtomic(join(run.lastPath, tensorFile), ...pieces);
  const tensors = variables.map(({ name, variable }) => ({ name, shape: variable.shape }));
  const file: StateFile = { ...state, tensorFile, tensors };
  writeFileAtomic(run.lastStatePath, `${JSON.stringify(file)}\n`);
  for (const name of readdirSync(run.lastPath)) {
    if (name.startsWith("tensors-") && name !== tensorFile) rmSync(join(run.lastPath, name), { force: true });
  }
}

/**
 * Reads the newest state into the variables, which must be those that it was written from.
 *
 * @throws UserError when there is none, or it is damaged or of another model
 */
export function readState(run: RunFolder, variables: readonly NamedVariable[]): StoredState {
  if (!existsSync(run.lastStatePath)) {
    throw new UserError(`${run.path} has no state to go on from (${run.lastStatePath} is missing)`);
  }
  const state = readJsonFile(run.lastStatePath) as StateFile;
  const path = join(run.lastPath, state.tensorFile);
  const stored = state.tensors.map(({ name, shape }) => `${name} [${shape}]`).join("; ");
  const expected = variables.map(({ name, variable }) => `${name} [${variable.shape}]`).join("; ");
  if (stored !== expected)
    throw new UserError(`${run.lastPath} does not hold the weights of this run's model`);
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
  try {
    for (const { variable } of variables) {
      const bytes = new Uint8Array(variable.size * 4);
      if (readWhole(file, bytes) < bytes.length) throw new UserError(`${path} is shorter than its weights`);
      tf.tidy(() => variable.assign(tf.tensor(new Float32Array(bytes.buffer), variable.shape)));
    }
  } finally {
    closeSync(file);
  }
  return state;
}

function readWhole(file: number, bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const read = readSync(file, bytes, at, Math.min(bytes.length - at, 1 << 30), null);
    if (read === 0) break;
    at += read;
  }
  return at;
}
