/**
 * Makes a row of docs/results.md again: trains it with each of its seeds, evaluates each run on its own test part, and prints
 * the row with mean and spread. What is trained already stays, and what was stopped goes on.
 *
 *   npm run reproduce                                          the rows that there are
 *   npm run reproduce -- NAME --data FILE.npz [--extra EXTRA.npz] [--seeds 1,2,3] [--backend tensorflow] [--out checkpoints/results]
 *   npm run reproduce -- tc-resnet-words --data FILE.npz --extra EXTRA.npz [...]   rows that learn words first
 *   npm run reproduce -- transfer --data FILE.npz --extra EXTRA.npz [...]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import type { BackendChoice } from "../src/backend/names.js";
import { UserError } from "../src/base/errors.js";
import { loadClips } from "../src/data/load.js";
import { compareRuns } from "../src/eval/compare.js";
import { sampleStatistics } from "../src/eval/seeds.js";
import { RunFolder } from "../src/run/folder.js";
import {
  defaultSettings,
  flagName,
  type GivenSettings,
  readConfigFile,
  resolveSettings,
  type TrainSettings,
} from "../src/run/settings.js";
import { settingsOfSource } from "../src/train/transfer.js";
import { type Kws, manyWordsModel } from "./more-words.js";
import { transferCurve } from "./transfer.js";
import { holdsBackNoOthers, type Shares, writeWords } from "./words.js";

interface Row {
  /** Settings of `kws train`, the same for all seeds: a file of recipes/ and flags, which go before it. */
  recipe?: string;
  flags?: GivenSettings;
  /** Which words it learns, each a label of its own, instead of the twelve labels: those of both files, or more-words.ts's too. */
  words?: "recorded" | "many";
  /** The row whose run it starts from, and those whose runs teach it: of its own seed and parts, each. */
  from?: string;
  teachers?: readonly string[];
}

const course = (model: string, epochs: number, learningRate: number, others: GivenSettings = {}): Row => ({
  flags: { model, width: 0.25, epochs, learningRate, ...others },
});
const shift = { augment: { timeShiftMs: 100 } };
const taught = { teacherWeight: 0.7, labelSmoothing: 0 };
const matchboxnet = { model: "matchboxnet", frontEnd: "log-mel", ...taught };
const rows: Record<string, Row> = {
  spectrogram: course("spectrogram", 12, 1e-3),
  conv1d: course("conv1d", 10, 3e-4),
  skip: course("skip", 10, 3e-4),
  "conv1d-shift": course("conv1d", 10, 3e-4, shift),
  "skip-shift": course("skip", 10, 3e-4, shift),
  "spectrogram-skip": course("spectrogram-skip", 12, 1e-3),
  "bc-resnet-1": { recipe: "bc-resnet" },
  "bc-resnet-3": { recipe: "bc-resnet-3" },
  "gabor-resnet": { recipe: "gabor-resnet" },
  "tc-resnet": { recipe: "tc-resnet" },
  "tc-resnet-shift": { recipe: "tc-resnet", flags: shift },
  "tc-resnet14": { recipe: "tc-resnet", flags: { model: "tc-resnet14" } },
  "ds-cnn": { recipe: "ds-cnn" },
  "ds-cnn-m": { recipe: "ds-cnn", flags: { model: "ds-cnn-m" } },
  "ds-cnn-l": { recipe: "ds-cnn", flags: { model: "ds-cnn-l" } },
  matchboxnet: { recipe: "matchboxnet" },
  "matchboxnet-3x2x64": { recipe: "matchboxnet", flags: { model: "matchboxnet-3x2x64" } },
  m5: { recipe: "m5" },
  words: { recipe: "words", words: "recorded" },
  "tc-resnet-words": { recipe: "tc-resnet-words", from: "words" },
  "tc-resnet-small": { recipe: "tc-resnet-small", teachers: ["tc-resnet-words"] },
  "words-wide": { recipe: "words", flags: { width: 3 }, words: "recorded" },
  "tc-resnet-wide": { recipe: "tc-resnet-words", flags: { width: 3, epochs: 40 }, from: "words-wide" },
  "words-matchboxnet": {
    recipe: "words",
    flags: { ...matchboxnet, width: 1.15 },
    words: "recorded",
    teachers: ["words-wide"],
  },
  "matchboxnet-words": {
    recipe: "matchboxnet-words",
    from: "words-matchboxnet",
    teachers: ["tc-resnet-wide"],
  },
  "matchboxnet-patient": {
    recipe: "matchboxnet-patient",
    from: "words-matchboxnet",
    teachers: ["tc-resnet-wide", "matchboxnet-words"],
  },
  "words-matchboxnet-small": {
    recipe: "words",
    flags: { ...matchboxnet, width: 0.3 },
    words: "recorded",
    teachers: ["words-wide"],
  },
  "matchboxnet-small": {
    recipe: "matchboxnet-small",
    from: "words-matchboxnet-small",
    teachers: ["matchboxnet-patient"],
  },
  "many-words": {
    recipe: "words",
    flags: manyWordsModel,
    words: "many",
  },
  "many-words-wide": { recipe: "words", flags: { width: 3 }, words: "many" },
  "tc-resnet-many": { recipe: "tc-resnet-words", flags: { width: 3, epochs: 40 }, from: "many-words-wide" },
  "matchboxnet-many": {
    recipe: "matchboxnet-words",
    from: "many-words",
    teachers: ["tc-resnet-many"],
  },
  "matchboxnet-many-patient": {
    recipe: "matchboxnet-patient",
    flags: { epochs: 150 },
    from: "many-words",
    teachers: ["tc-resnet-many", "matchboxnet-many"],
  },
  "matchboxnet-ensemble": {
    recipe: "matchboxnet-patient",
    flags: { epochs: 150 },
    from: "many-words",
    teachers: ["tc-resnet-many", "matchboxnet-many", "tc-resnet-wide", "matchboxnet-many-patient"],
  },
  "words-matchboxnet-gabor": {
    recipe: "words",
    flags: { ...matchboxnet, frontEnd: "gabor", width: 1.15 },
    words: "recorded",
    teachers: ["words-wide"],
  },
  "matchboxnet-gabor": {
    recipe: "matchboxnet-patient",
    flags: { frontEnd: "gabor" },
    from: "words-matchboxnet-gabor",
    teachers: ["tc-resnet-wide", "matchboxnet-words"],
  },
};
const usualParts: Shares = { valSize: 0.1, testSize: 0.1 };
/** For a model to ship, nearly all clips are there to learn from. */
const shippedParts: Shares = { valSize: 0.04, testSize: 0.02 };
/** Rows that are another's with other parts. Their words may be those of the usual parts, if these hold back the same speakers. */
const variants: Record<string, { like: string; shares: Shares; usualWords?: boolean; what: string }> = {
  "matchboxnet-fewer-validate": {
    like: "matchboxnet-ensemble",
    shares: { valSize: 0.04, testSize: 0.1 },
    usualWords: true,
    what: "with 4 instead of 10 % of the speakers to validate, and so more to train on once the words are learned",
  },
  "kws-8k": {
    like: "matchboxnet-ensemble",
    shares: shippedParts,
    what: "with nearly all clips to train on",
  },
  "words-8k": { like: "many-words", shares: shippedParts, what: "with nearly all clips to train on" },
};

const { values: options, positionals } = parsed();
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        data: { type: "string" },
        extra: { type: "string" },
        seeds: { type: "string", default: "1,2,3" },
        backend: { type: "string", default: "auto" },
        out: { type: "string", default: "checkpoints/results" },
      },
    });
  } catch (error) {
    return fail((error as Error).message);
  }
}

/** What the command says with `--json`; its progress is shown. */
const kws: Kws = (...args) => {
  console.error(`\n$ kws ${args.join(" ")}`);
  const { status, stdout } = spawnSync(process.execPath, [program, ...args, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout);
};

/** A run of a recipe with flags, trained to its end. What lies in its folder must be that training. */
async function trained(run: string, recipe: string | undefined, flags: GivenSettings): Promise<string> {
  const path = `recipes/${recipe}.json`;
  if (!existsSync(join(run, "config.json"))) {
    const given = Object.entries({ ...flags, backend: options.backend, out: run });
    const file = recipe === undefined ? [] : ["--config", path];
    kws("train", ...file, ...given.flatMap(([key, value]) => flagsOf(key, value)));
    return run;
  }
  const { from } = flags;
  const settings = resolveSettings(
    flags,
    recipe === undefined ? undefined : { path, settings: readConfigFile(path) },
    from === undefined ? {} : settingsOfSource(String(from)),
  );
  const stored = new RunFolder(run).readConfig();
  for (const [key, wanted] of Object.entries(settings)) {
    if (["backend", "data"].includes(key)) continue;
    const found = stored[key as keyof TrainSettings] ?? defaultSettings[key as keyof typeof defaultSettings];
    if (!isDeepStrictEqual(comparable(key, found), comparable(key, wanted)))
      fail(
        `${run} is another training, with ${flagName(key)} ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}: move it away or give another --out`,
      );
  }
  for (const [i, path] of settings.data.entries()) {
    if ((await fingerprintOf(path)) !== stored.sources[i]?.fingerprint)
      fail(`${run} was trained on other data than ${path}: move it away or give another --out`);
  }
  const done = existsSync(join(run, "history.json")) ? new RunFolder(run).readHistory().length : 0;
  if (done < settings.epochs) kws("train", "--resume", run);
  return run;
}

function flagsOf(key: string, value: unknown): string[] {
  const values = Array.isArray(value) ? (key === "labels" ? [value.join(",")] : value) : [value];
  return values.flatMap((each) => [
    flagName(key),
    typeof each === "object" ? JSON.stringify(each) : String(each),
  ]);
}

/** Paths of runs as they lie on the disk, however they were named. */
function comparable(key: string, value: unknown): unknown {
  if (key !== "from" && key !== "teacher") return value;
  return [value ?? []].flat().map((path) => resolve(String(path)));
}

const fingerprints = new Map<string, string>();
async function fingerprintOf(path: string): Promise<string> {
  const known = fingerprints.get(path) ?? (await loadClips([path], { seed: 0 })).sources[0]!.fingerprint;
  fingerprints.set(path, known);
  return known;
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  process.exit(2);
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

/** The run of a row with a seed, trained to its end, behind those that it starts from or learns from. */
async function runOf(name: string, seed: string, data: string): Promise<string> {
  const variant = variants[name];
  const usual: Parts = { folder: options.out, ...usualParts };
  if (variant === undefined) return train(name, seed, data, usual);
  const { like, shares, usualWords } = variant;
  const parts: Parts = { folder: join(options.out, name), ...shares };
  if (!usualWords) return train(like, seed, data, parts);
  const clips = await loadClips([data], { seed: Number(seed) });
  if (!holdsBackNoOthers(clips, shares, usualParts, Number(seed)))
    fail(`${name} with seed ${seed} would test speakers whose words it learned: take another seed`);
  return train(like, seed, data, { ...parts, words: usual });
}

interface Parts extends Shares {
  folder: string;
  /** Where runs that learn words lie, and their shares, if other ones. */
  words?: Parts;
}

async function train(name: string, seed: string, data: string, parts: Parts): Promise<string> {
  const { recipe, words, from, teachers = [], ...row } = rows[name]!;
  if (words && parts.words) return train(name, seed, data, parts.words);
  const { valSize, testSize } = parts;
  const flags: GivenSettings = {
    ...row.flags,
    ...(words ? { data: [await wordsOf(words, seed, data, parts)] } : { data: [data], valSize, testSize }),
    seed: Number(seed),
  };
  if (from !== undefined) flags.from = await train(from, seed, data, parts);
  const taughtBy: string[] = [];
  for (const teacher of teachers) taughtBy.push(await train(teacher, seed, data, parts));
  if (taughtBy.length > 0) flags.teacher = taughtBy;
  return trained(join(parts.folder, `${name}-${seed}`), recipe, flags);
}

const written = new Set<string>();
/** The words that both files say, but for the voices that the row's own split holds back; and many more, if asked for. */
async function wordsOf(
  which: "recorded" | "many",
  seed: string,
  data: string,
  { folder, valSize, testSize }: Parts,
): Promise<string> {
  const { extra } = options;
  if (extra === undefined) fail("rows that learn words first need --extra EXTRA.npz");
  const path = join(folder, `${which === "many" ? "many-words" : "words"}-${seed}.npz`);
  const more = which === "many" ? { spokenPath: join(folder, `spoken-${seed}.npz`), kws } : undefined;
  mkdirSync(folder, { recursive: true });
  if (!written.has(path))
    await writeWords(path, { data, extra, seed: Number(seed), valSize, testSize, more });
  written.add(path);
  return path;
}

/** The row as it stands in docs/results.md, a line a seed; epochs and minutes are those of its last training. */
async function reproduce(name: string, data: string): Promise<void> {
  const runs: string[] = [];
  for (const seed of options.seeds.split(",")) runs.push(await runOf(name, seed, data));
  const { runs: compared } = (await compareRuns(runs, { backend: options.backend as BackendChoice }))
    .comparison;
  console.log(
    "| row | seed | clips to train / validate / test | epochs | test accuracy | interval | macro F1 | minutes |",
  );
  console.log("| --- | ---: | --- | ---: | ---: | --- | ---: | ---: |");
  for (const { run, seed, accuracy, accuracyCi95, macroF1 } of compared) {
    const folder = new RunFolder(run);
    const { train, val, test } = folder.readConfig().examples;
    const history = folder.readHistory();
    const minutes = history.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
    const interval = accuracyCi95.map((bound) => (100 * bound).toFixed(1)).join(" to ");
    console.log(
      `| \`${name}\` | ${seed} | ${train} / ${val} / ${test} | ${history.length} | ${percent(accuracy)} | ${interval} % | ${macroF1.toFixed(3)} | ${minutes.toFixed(0)} |`,
    );
  }
  const { mean, sd, min, max } = sampleStatistics(compared.map(({ accuracy }) => accuracy));
  const deviation = sd === null ? "" : ` ± ${(100 * sd).toFixed(2)}`;
  console.log(
    `\n${name}: mean ${(100 * mean).toFixed(2)}${deviation} % (${percent(min)} to ${percent(max)}, ${runs.length} seeds)`,
  );
  const { params, macs } = compared[0]!;
  const weights = statSync(join(runs[0]!, "best", "weights.bin")).size;
  console.log(
    `${params} parameters, ${(macs / 1e6).toFixed(1)} M multiply-adds a clip, weights ${(weights / 1e6).toFixed(2)} MB`,
  );
}

async function main(): Promise<void> {
  const [name] = positionals;
  const { data, extra } = options;
  const isRow = name !== undefined && (Object.hasOwn(rows, name) || Object.hasOwn(variants, name));
  if (isRow || name === "transfer") {
    if (data === undefined) fail(`${name} needs --data FILE.npz`);
    if (isRow) return reproduce(name, data);
    if (extra === undefined) fail("transfer needs --extra EXTRA.npz");
    return transferCurve({ ...options, data, extra, parts: shippedParts, kws, trained });
  }
  if (name !== undefined) console.error(`error: no row ${name}`);
  console.log(
    "usage: npm run reproduce -- NAME --data FILE.npz [--extra EXTRA.npz] [--seeds 1,2,3] [--backend B] [--out DIR]\n",
  );
  for (const [name, { recipe, flags = {}, words, from, teachers }] of Object.entries(rows)) {
    const command = [
      "kws train",
      ...(recipe === undefined ? [] : [`--config recipes/${recipe}.json`]),
      ...Object.entries(flags).flatMap(([key, value]) => flagsOf(key, value)),
    ];
    const others = [
      ...(words === undefined
        ? []
        : [
            words === "many"
              ? "the words of both files, spoken ones (espeak-ng), and all time-reversed"
              : "the words of both files",
          ]),
      ...(from === undefined ? [] : [`from ${from}`]),
      ...(teachers === undefined ? [] : [`taught by ${teachers.join(" and ")}`]),
    ];
    console.log(`  ${name}: ${[command.join(" "), ...others].join("; ")}`);
  }
  for (const [name, { like, what }] of Object.entries(variants)) console.log(`  ${name}: ${like}, ${what}`);
  console.log("  transfer (with --extra EXTRA.npz; espeak-ng): new words from 5, 10, 20 and 50 clips each");
  process.exitCode = name === undefined ? 0 : 2;
}

await main().catch((error) => {
  // The same lines as the command's, for what its user can mend.
  if (!(error instanceof UserError)) throw error;
  fail(error.message);
});
