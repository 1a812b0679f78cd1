import { closeSync, existsSync, fstatSync, openSync, readSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import { describeSystemError, UserError } from "../../base/errors.js";
import { writeFileAtomic } from "../../base/files.js";
import { describeIssue, readJsonFile } from "../../base/json.js";
import type { RunFolder } from "../../run/folder.js";
import type { NamedVariable } from "../variables.js";

const number = z.number({ error: "expected a number" });
const positionSchema = z.object(
  {
    epoch: number,
    batch: number,
    // JSON has no NaN: a training that has diverged stores null.
    lossSum: number.nullable().transform((value) => value ?? Number.NaN),
    correct: number,
    examples: number,
    seconds: number,
  },
  { error: "expected the training's position" },
);
const stateSchema = z.object(
  {
    position: positionSchema,
    optimizerStep: number,
    /** The callbacks' states, by callback name. */
    callbacks: z.record(z.string(), z.unknown(), { error: "expected the callbacks' states" }),
    tensorFile: z.string({ error: "expected a file name" }),
    tensors: z.array(z.object({ name: z.string(), shape: z.array(z.number()) }), {
      error: "expected names and shapes",
    }),
  },
  { error: "expected a training's state" },
);

type StateFile = z.infer<typeof stateSchema>;
/** A stored state without its tensors, which are in the file that it names. */
export type StoredState = Omit<StateFile, "tensorFile" | "tensors">;

/**
 * Stores a run's newest state. The tensors go to a new file first. Then `state.json`, replaced atomically,
 * names that file, and the old one is deleted: whenever this is cut short, one whole state is there.
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
  for (const path of run.lastTensorPaths()) if (basename(path) !== tensorFile) rmSync(path, { force: true });
  run.takePlace();
}

/**
 * Reads the newest state into the variables, which must be those that it was written from.
 *
 * @throws UserError when there is no state, or it is damaged or of another model
 */
export function readState(run: RunFolder, variables: readonly NamedVariable[]): StoredState {
  if (!existsSync(run.lastStatePath)) {
    throw new UserError(`${run.path} has no state to resume from (${run.lastStatePath} is missing)`);
  }
  const value = readJsonFile(run.lastStatePath);
  const checked = stateSchema.safeParse(value);
  if (!checked.success) {
    throw new UserError(`${run.lastStatePath} is damaged: ${describeIssue(checked.error, value)}`);
  }
  const state = checked.data;
  const path = join(run.lastPath, basename(state.tensorFile));
  const stored = state.tensors.map(({ name, shape }) => `${name} [${shape}]`).join("; ");
  const expected = variables.map(({ name, variable }) => `${name} [${variable.shape}]`).join("; ");
  if (stored !== expected)
    throw new UserError(
      `${run.lastStatePath} is of another run: its tensors are not those of this run's model`,
    );
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
  try {
    const size = variables.reduce((sum, { variable }) => sum + 4 * variable.size, 0);
    const found = fstatSync(file).size;
    if (found !== size) throw new UserError(`${path} is damaged: expected ${size} bytes, found ${found}`);
    for (const { variable } of variables) {
      const bytes = new Uint8Array(variable.size * 4);
      readWhole(file, bytes);
      tf.tidy(() => variable.assign(tf.tensor(new Float32Array(bytes.buffer), variable.shape)));
    }
  } finally {
    closeSync(file);
  }
  return state;
}

// One read may return fewer bytes than asked for (Linux stops at 2 GiB).
function readWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(file, bytes, at, Math.min(bytes.length - at, 1 << 30), null);
    if (read === 0) throw new UserError("the file with the tensors became shorter while it was being read");
    at += read;
  }
}
