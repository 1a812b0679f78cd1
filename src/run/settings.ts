import { z } from "zod";
import { backendChoices } from "../backend/names.js";
import { UserError, usageError } from "../base/errors.js";
import { describeIssue, inWords, readJsonFile } from "../base/json.js";
import { augmentRecipes, augmentSchema, namedRecipe } from "../data/augment/settings.js";
import { frontEnds } from "../models/definition.js";
import { resolveRecipe } from "./shipped.js";

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
const names = (error: string, least = 1) =>
  z.array(z.string({ error }).min(1, { error }), { error }).min(least, { error });
const differ = { error: "expected each label once" };

const shareWithZero = (error: string) => z.number({ error }).min(0, { error }).lt(1, { error });
const notNegative = () => {
  const error = "expected a number of at least 0";
  return z.number({ error }).min(0, { error });
};

/** What was added to the settings later: a run that was written before lacks it, and was trained so. */
const laterDefaults = {
  optimizer: "adam", // the course's
  momentum: 0.9,
  weightDecay: 0,
  warmupEpochs: 0,
  labelSmoothing: 0,
  logitAdjustment: 0,
  emaDecay: 0,
  teacherWeight: 0.5,
  temperature: 2,
  freezeEpochs: 5,
  saveBestOnly: true,
} as const;

/** Settings that count only beside another one. */
const partners = [
  { key: "teacherWeight", partner: "teacher" },
  { key: "temperature", partner: "teacher" },
  { key: "freezeEpochs", partner: "from" },
] as const;

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
  /** Epochs over which the learning rate first rises to its value. */
  warmupEpochs: notNegative().default(laterDefaults.warmupEpochs),
  optimizer: oneOf("adam", "adamw", "sgd").default(laterDefaults.optimizer),
  /** Of sgd. */
  momentum: shareWithZero("expected a share from 0 to below 1").default(laterDefaults.momentum),
  /** Of adamw and sgd. */
  weightDecay: notNegative().default(laterDefaults.weightDecay),
  /** Share of each target that is spread over all labels. */
  labelSmoothing: shareWithZero("expected a share from 0 to below 1").default(laterDefaults.labelSmoothing),
  /** How strongly the loss allows for labels that have more clips to train on than others; 0 does not. */
  logitAdjustment: notNegative().default(laterDefaults.logitAdjustment),
  /** Decay of a moving average of the weights, which is then what is validated and kept; 0 keeps the weights themselves. */
  emaDecay: shareWithZero("expected a decay from 0 to below 1").default(laterDefaults.emaDecay),
  /** Runs whose answers, averaged, are to be matched beside the labels. Before there could be several, one was a text. */
  teacher: z
    .preprocess((given) => (typeof given === "string" ? [given] : given), names("expected the path of a run"))
    .optional(),
  /** Share of the teachers' answers in the loss. */
  teacherWeight: share().default(laterDefaults.teacherWeight),
  /** What both sides' logits are divided by when they are compared. */
  temperature: positive().default(laterDefaults.temperature),
  /** A run whose model the training starts from; labels that it does not have get a new last layer. */
  from: z.string({ error: "expected the path of a run" }).min(1).optional(),
  /** Epochs that train only a new last layer, before all of the model is trained. */
  freezeEpochs: wholeNumber(0).default(laterDefaults.freezeEpochs),
  width: positive(),
  /** By default the model's own. */
  frontEnd: oneOf(...frontEnds).optional(),
  /** A recipe's name, or the strengths that it stands for; what is kept is the strengths. */
  augment: z.preprocess(namedRecipe, augmentSchema),
  /** Stops after so many epochs without a better `monitor`; 0 never does. */
  earlyStop: wholeNumber(0),
  /** What decides which epoch's weights are the best. */
  monitor: oneOf("valLoss", "valAccuracy"),
  /** Whether the best epoch's model is kept; else the newest one's. */
  saveBestOnly: z.boolean({ error: "expected true or false" }).default(laterDefaults.saveBestOnly),
  seed: wholeNumber(0),
  backend: oneOf(...backendChoices),
  /** By default `speaker` where every clip has a speaker, else `random`. */
  split: oneOf("speaker", "random", "course", "official").optional(),
  valSize: share(),
  testSize: share(),
  /** Takes a sample of so many clips, stratified by label, before the split. */
  limit: wholeNumber(1).optional(),
  /** By default all that the data has. */
  labels: names("expected at least two labels", 2)
    .refine((labels) => new Set(labels).size === labels.length, differ)
    .optional(),
  /** Hz; the rate that WAV folders are resampled to. */
  sampleRate: wholeNumber(1).optional(),
});

export type TrainSettings = z.infer<typeof settingsSchema>;

const text = () => z.string({ error: "expected text" });
const examplesError = { error: "expected the clips of each part" };

/** What a run's config says beside the settings it was trained with. */
const runFacts = {
  /** The version of the package that wrote the run. */
  keyspot: text(),
  /** Goes up when a run written by an older version can no longer be read. */
  format: wholeNumber(1),
  input: oneOf("waveform", "spectrogram"),
  params: wholeNumber(1),
  /** Whether the labels were asked for, rather than taken from the data. */
  labelsChosen: z.boolean({ error: "expected true or false" }),
  /** Samples a clip. */
  clipLength: wholeNumber(1),
  sources: z.array(
    z.object(
      { path: text(), fingerprint: text(), rows: wholeNumber(1) },
      { error: "expected path, fingerprint and rows" },
    ),
    { error: "expected a list of what was read" },
  ),
  /** Of the folder that noise is taken from, where the settings name one. */
  noiseFingerprint: text().optional(),
  teacherFingerprints: z.array(text()).optional(),
  /** Clips in each part of the split. */
  examples: z.object({ train: wholeNumber(1), val: wholeNumber(1), test: wholeNumber(1) }, examplesError),
};

/** `config.json`: the resolved settings (labels in order, the rate, the split and the backend filled in) and the facts. */
export const runConfigSchema = settingsSchema.extend(runFacts).extend({
  labels: names("expected at least two labels", 2),
  sampleRate: wholeNumber(1),
  split: settingsSchema.shape.split.unwrap(),
});
export type RunConfig = z.infer<typeof runConfigSchema>;

/** What `train` takes where neither a flag nor a config file says otherwise. */
export const defaultSettings = {
  ...laterDefaults,
  epochs: 10, // the course's
  batchSize: 32, // the course's
  learningRate: 1e-4, // the course's: its wide models do not start at 1e-3
  schedule: "constant",
  width: 1,
  augment: augmentRecipes.none,
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
 * @param defaults what takes the place of the usual defaults
 * @throws UserError (wrong usage) that names the flag or key, what was expected and what was found
 */
export function resolveSettings(
  flags: GivenSettings,
  file?: { path: string; settings: GivenSettings },
  defaults: GivenSettings = {},
): TrainSettings {
  const given = definedOnly(flags);
  const merged: Record<string, unknown> = {
    ...defaultSettings,
    ...definedOnly(defaults),
    ...definedOnly(file?.settings ?? {}),
    ...given,
  };
  const result = settingsSchema.safeParse(merged);
  if (result.success) {
    checkSizes(result.data, given, file);
    const [idle] = idleSettings(result.data, given);
    if (idle !== undefined)
      throw usageError(
        `${flagName(idle.key)}: counts only beside ${flagName(idle.partner)}; expected both or neither, found it alone`,
      );
    return result.data;
  }
  const issue = result.error.issues[0]!;
  if (issue.code === "unrecognized_keys" && issue.path.length === 0)
    throw usageError(`unknown setting ${issue.keys.join(", ")}`);
  const key = String(issue.path[0]);
  const where = !(key in given) && file !== undefined && key in file.settings ? ` in ${file.path}` : "";
  const found = merged[key];
  const isObject = typeof found === "object" && found !== null && !Array.isArray(found);
  const problem = isObject
    ? describeIssue(new z.ZodError([{ ...issue, path: issue.path.slice(1) }]), found, schemaOf(key))
    : `${issue.message}, found ${inWords(found)}`;
  throw usageError(`${flagName(key)}${where}: ${problem}`);
}

/** Which of the given settings count for nothing, since the one that they count beside is not set. */
export function idleSettings(settings: TrainSettings, given: GivenSettings): (typeof partners)[number][] {
  return partners.filter(({ key, partner }) => key in given && settings[partner] === undefined);
}

/** The parts' sizes: that some is left for training, and that none is asked for where the split has parts of its own. */
function checkSizes(
  { split, valSize, testSize }: TrainSettings,
  given: GivenSettings,
  file: { path: string; settings: GivenSettings } | undefined,
): void {
  if (valSize + testSize >= 1) {
    throw usageError(
      `--val-size and --test-size: expected shares that leave some for training, found ${valSize} and ${testSize}`,
    );
  }
  if (split !== "course" && split !== "official") return;
  // A file that leaves the split open, or names another, is not to blame for a flag.
  const ofSplit = file?.settings.split === split ? file.settings : {};
  for (const key of ["valSize", "testSize"] as const) {
    if (!(key in given || key in ofSplit)) continue;
    const where = key in given ? "" : ` in ${file!.path}`;
    throw usageError(
      `${flagName(key)}${where}: the ${split} split has parts of its own; expected the sizes of speaker or random parts, found --split ${split}`,
    );
  }
}

/**
 * Checks each setting that is given for itself, whatever the others may be.
 *
 * @throws UserError (wrong usage) that names the flag, what was expected and what was found
 */
export function checkEachSetting(flags: GivenSettings): void {
  for (const [key, value] of Object.entries(definedOnly(flags))) {
    const result = schemaOf(key).safeParse(value);
    if (!result.success)
      throw usageError(`${flagName(key)}: ${describeIssue(result.error, value, schemaOf(key))}`);
  }
}

function schemaOf(key: string): z.ZodType {
  return settingsSchema.shape[key as keyof TrainSettings];
}

/** `batchSize` → `--batch-size`. */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Reads a config file: an object of settings, or a run's own `config.json`, whose facts about the run are passed over.
 *
 * @param path the file, or the name of a recipe that ships
 * @param known the keys that there may be
 * @throws UserError when the file cannot be read or is no JSON object, or (wrong usage) has an unknown key
 */
export function readConfigFile(
  path: string,
  known: readonly string[] = Object.keys(settingsSchema.shape),
): Record<string, unknown> {
  const value = readJsonFile(resolveRecipe(path));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(`${path}: expected a JSON object of settings, found ${inWords(value)}`);
  }
  const settings: Record<string, unknown> = { ...value };
  if ("keyspot" in settings) {
    // A run's config tells the labels in order even where it took them from its data; for other data that is no choice.
    if (settings.labelsChosen === false) delete settings.labels;
    for (const fact of Object.keys(runFacts)) delete settings[fact];
    if (known.includes("models")) {
      delete settings.model; // several are asked for, by a flag
      delete settings.from; // which they cannot all have started from
      delete settings.freezeEpochs;
    }
    if (settings.split === "course" || settings.split === "official") {
      delete settings.valSize; // stored, but of no account there
      delete settings.testSize;
    }
    // A run has them from the start, whether they counted or not.
    for (const { key, partner } of partners)
      if (settings[partner] === undefined && settings[key] === laterDefaults[key]) delete settings[key];
  }
  const unknown = Object.keys(settings).filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    throw usageError(`${path}: unknown setting ${unknown.join(", ")}; expected ${known.join(", ")}`);
  }
  return settings;
}

function definedOnly(settings: GivenSettings): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
