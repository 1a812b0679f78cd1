import { readFileSync } from "node:fs";
import { z } from "zod";
import { describeSystemError, UserError, usageError } from "./errors.js";

const wholeNumber = (least: number) => {
  const error = `expected a whole number of at least ${least}`;
  return z.number({ error }).int({ error }).min(least, { error });
};
const share = () => {
  const error = "expected a share between 0 and 1, both left out";
  return z.number({ error }).gt(0, { error }).lt(1, { error });
};
const positive = () => {
  const error = "expected a number above 0";
  return z.number({ error }).gt(0, { error });
};
const oneOf = <const T extends readonly [string, ...string[]]>(...names: T) =>
  z.enum(names, { error: `expected one of ${names.join(", ")}` });
const names = (error: string) => z.array(z.string({ error }).min(1, { error }), { error }).min(1, { error });

/**
 * Everything that decides how a training goes. The same names serve as the keys of a config file and, with dashes, as
 * the command's flags.
 */
export const settingsSchema = z.strictObject({
  /** `.npz` files, folders in the Speech Commands layout, or `sample`; several are joined. */
  data: names("expected the path of an .npz file or a folder, or sample"),
  model: z.string({ error: "expected a model's name" }),
  epochs: wholeNumber(1),
  batchSize: wholeNumber(1),
  learningRate: positive(),
  schedule: oneOf("constant", "cosine"),
  width: positive(),
  augment: oneOf("none", "standard"),
  /** Stops after so many epochs without a better `monitor`; 0 never does. */
  earlyStop: wholeNumber(0),
  /** What decides which epoch's weights are the best. */
  monitor: oneOf("valLoss", "valAccuracy"),
  seed: wholeNumber(0),
  backend: oneOf("auto", "tensorflow", "webgpu", "wasm", "cpu"),
  /** By default `speaker` where every clip has a speaker, else `random`. */
  split: oneOf("speaker", "random", "course", "official").optional(),
  valSize: share(),
  testSize: share(),
  /** Takes a sample of so many clips, stratified by label, before the split. */
  limit: wholeNumber(1).optional(),
  /** By default all that the data has. */
  labels: names("expected labels").optional(),
  /** Hz; the rate that WAV folders are resampled to. */
  sampleRate: wholeNumber(1).optional(),
});

export type TrainSettings = z.infer<typeof settingsSchema>;

/** What a run's config says beside the settings it was trained with. */
const runFacts = {
  /** The version of the package that wrote the run. */
  keyspot: z.string(),
  format: z.number(),
  input: z.enum(["waveform", "spectrogram"]),
  params: z.number(),
  /** Whether the labels were asked for, rather than taken from the data. */
  labelsChosen: z.boolean(),
  /** Samples a clip. */
  clipLength: z.number(),
  sources: z.array(z.object({ path: z.string(), fingerprint: z.string(), rows: z.number() })),
  /** Clips in each part of the split. */
  examples: z.object({ train: z.number(), val: z.number(), test: z.number() }),
};

/** `config.json`: the resolved settings (labels in order, the rate, the split and the backend filled in) and the facts. */
export const runConfigSchema = settingsSchema
  .extend(runFacts)
  .required({ labels: true, sampleRate: true, split: true });
export type RunConfig = z.infer<typeof runConfigSchema>;

/** What `train` takes where neither a flag nor a config file says otherwise. */
export const defaultSettings = {
  epochs: 10, // the course's
  batchSize: 32, // the course's
  learningRate: 1e-4, // the course's: its wide models do not start at 1e-3
  schedule: "constant",
  width: 1,
  augment: "none",
  earlyStop: 0,
  monitor: "valLoss", // accuracy on a small validation part moves in steps; the loss tells epochs apart
  seed: 42,
  backend: "auto",
  valSize: 0.1,
  testSize: 0.1,
} as const satisfies Partial<TrainSettings>;

/** Settings as they were given, by flags or a file: any of them, not yet checked. */
export type GivenSettings = { [K in keyof TrainSettings]?: unknown };

/**
 * Flag over file over default, checked.
 *
 * @throws UserError (wrong usage) that names the flag or key, what was expected and what was found
 */
export function resolveSettings(
  flags: GivenSettings,
  file?: { path: string; settings: GivenSettings },
): TrainSettings {
  const given = definedOnly(flags);
  const merged: Record<string, unknown> = {
    ...defaultSettings,
    ...definedOnly(file?.settings ?? {}),
    ...given,
  };
  const result = settingsSchema.safeParse(merged);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.code === "unrecognized_keys") throw usageError(`unknown setting ${issue.keys.join(", ")}`);
  const key = String(issue.path[0]);
  const where = !(key in given) && file !== undefined && key in file.settings ? ` in ${file.path}` : "";
  const found = merged[key] === undefined ? "nothing" : JSON.stringify(merged[key]);
  throw usageError(`${flagName(key)}${where}: ${issue.message}, found ${found}`);
}

/** `batchSize` → `--batch-size`. */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Reads a config file: an object of settings, or a run's own `config.json`, whose facts about the run are passed over.
 *
 * @throws UserError when the file cannot be read or is no JSON object, or (wrong usage) has an unknown key
 */
export function readConfigFile(path: string): GivenSettings {
  const value = readJsonFile(path);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(`${path}: expected a JSON object of settings`);
  }
  const known = Object.keys(settingsSchema.shape);
  const unknown = Object.keys(value).filter((key) => !known.includes(key) && !(key in runFacts));
  if (unknown.length > 0) {
    throw usageError(`${path}: unknown setting ${unknown.join(", ")}; there are ${known.join(", ")}`);
  }
  const settings = Object.fromEntries(Object.entries(value).filter(([key]) => known.includes(key)));
  // A run's config tells the labels in order even where it took them from its data; for other data that is no choice.
  if ("labelsChosen" in value && value.labelsChosen === false) delete settings.labels;
  return settings;
}

/** Reads a JSON file of any content. */
export function readJsonFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
}

function definedOnly(settings: GivenSettings): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
