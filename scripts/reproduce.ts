/**
 * Makes a row of docs/results.md again: trains it with each of its seeds, evaluates each run on its own test part, and prints
 * the figures with their mean and spread. What is trained already stays, and what was stopped goes on.
 *
 *   npm run reproduce                                          the rows that there are
 *   npm run reproduce -- NAME --data FILE.npz [--seeds 1,2,3] [--backend tensorflow] [--out checkpoints/results]
 *   npm run reproduce -- tc-resnet-words --data FILE.npz --extra EXTRA.npz [...]   rows that learn words first
 *   npm run reproduce -- transfer --data FILE.npz --extra EXTRA.npz [...]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { transferCurve } from "./transfer.js";
import { writeWords } from "./words.js";

interface Row {
  /** Flags of `kws train`, the same for all seeds. */
  settings: readonly string[];
  /** Whether it learns the words of both files, each a label of its own, instead of the twelve labels. */
  words?: true;
  /** The row whose run it starts from, and those whose runs teach it: of its own seed and parts, each. */
  from?: string;
  teachers?: readonly string[];
}

const recipe = (name: string, ...others: readonly string[]) => [
  "--config",
  `recipes/${name}.json`,
  ...others,
];
const course = (model: string, epochs: number, rate: string, ...others: readonly string[]): Row => ({
  settings: [
    ...["--model", model, "--width", "0.25", "--epochs", String(epochs), "--learning-rate", rate],
    ...others,
  ],
});
const newest = ["--save-best-only", "false"];
const taught = ["--teacher-weight", "0.7", "--label-smoothing", "0"];
const matchboxnet = ["--model", "matchboxnet", "--front-end", "log-mel", ...taught];
const rows: Record<string, Row> = {
  spectrogram: course("spectrogram", 12, "1e-3"),
  conv1d: course("conv1d", 10, "3e-4"),
  skip: course("skip", 10, "3e-4"),
  "conv1d-standard": course("conv1d", 10, "3e-4", "--augment", "standard"),
  "skip-standard": course("skip", 10, "3e-4", "--augment", "standard"),
  "bc-resnet-1": { settings: recipe("bc-resnet") },
  "bc-resnet-3": { settings: recipe("bc-resnet-3") },
  "gabor-resnet": { settings: recipe("gabor-resnet") },
  "tc-resnet": { settings: recipe("tc-resnet") },
  "ds-cnn": { settings: recipe("ds-cnn") },
  matchboxnet: { settings: recipe("matchboxnet") },
  m5: { settings: recipe("m5") },
  words: { settings: recipe("words"), words: true },
  "tc-resnet-words": { settings: recipe("tc-resnet-words"), from: "words" },
  "tc-resnet-small": { settings: recipe("tc-resnet-small"), teachers: ["tc-resnet-words"] },
  "words-wide": { settings: recipe("words", "--width", "3"), words: true },
  "tc-resnet-wide": {
    settings: recipe("tc-resnet-words", "--width", "3", "--epochs", "40"),
    from: "words-wide",
  },
  "words-matchboxnet": {
    settings: recipe("words", ...matchboxnet, "--width", "1.15"),
    words: true,
    teachers: ["words-wide"],
  },
  "matchboxnet-words": {
    settings: recipe("matchboxnet-words"),
    from: "words-matchboxnet",
    teachers: ["tc-resnet-wide"],
  },
  "words-matchboxnet-small": {
    settings: recipe("words", ...matchboxnet, "--width", "0.3"),
    words: true,
    teachers: ["words-wide"],
  },
  "matchboxnet-small": {
    settings: recipe("matchboxnet-small"),
    from: "words-matchboxnet-small",
    teachers: ["tc-resnet-wide"],
  },
  "words-gabor": {
    settings: recipe(
      "gabor-resnet",
      "--split",
      "official",
      "--epochs",
      "30",
      "--warmup-epochs",
      "3",
      ...newest,
      ...taught,
    ),
    words: true,
    teachers: ["words-wide"],
  },
  "gabor-resnet-words": {
    settings: recipe("gabor-resnet-words"),
    from: "words-gabor",
    teachers: ["tc-resnet-wide"],
  },
};
/** Rows that are another's with other parts: for a model to ship, nearly all clips are there to learn from. */
const shipped: Record<string, string> = { "kws-8k": "matchboxnet-words" };
/** Shares of the speakers who validate and test. */
const usualParts = { valSize: 0.1, testSize: 0.1 };
const shippedParts = { valSize: 0.04, testSize: 0.02 };

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    extra: { type: "string" },
    seeds: { type: "string", default: "1,2,3" },
    backend: { type: "string", default: "auto" },
    out: { type: "string", default: "checkpoints/results" },
  },
});
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** What the command says with `--json`; its progress is shown. */
function kws(...args: readonly string[]): Record<string, unknown> {
  console.error(`\n$ kws ${args.join(" ")}`);
  const { status, stdout } = spawnSync(process.execPath, [program, ...args, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout);
}

/** A run with these settings, trained to its end. */
function trained(run: string, settings: readonly string[]): string {
  if (!existsSync(join(run, "config.json"))) kws("train", ...settings, "--out", run);
  else if (!isDone(run)) kws("train", "--resume", run);
  return run;
}

function isDone(run: string): boolean {
  const read = (name: string) => JSON.parse(readFileSync(join(run, name), "utf8"));
  return existsSync(join(run, "history.json")) && read("history.json").length >= read("config.json").epochs;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

/** The run of a row with a seed, trained to its end, behind those that it starts from or learns from. */
async function runOf(name: string, seed: string, data: string): Promise<string> {
  const like = shipped[name];
  return like === undefined
    ? train(name, seed, data, { folder: options.out, ...usualParts })
    : train(like, seed, data, { folder: join(options.out, name), ...shippedParts });
}

interface Parts {
  folder: string;
  valSize: number;
  testSize: number;
}

async function train(name: string, seed: string, data: string, parts: Parts): Promise<string> {
  const row = rows[name]!;
  const settings = [...row.settings, "--seed", seed, "--backend", options.backend];
  if (row.words) {
    settings.push("--data", await wordsOf(seed, data, parts));
  } else {
    settings.push("--data", data);
    settings.push("--val-size", `${parts.valSize}`, "--test-size", `${parts.testSize}`);
  }
  if (row.from !== undefined) settings.push("--from", await train(row.from, seed, data, parts));
  for (const teacher of row.teachers ?? [])
    settings.push("--teacher", await train(teacher, seed, data, parts));
  return trained(join(parts.folder, `${name}-${seed}`), settings);
}

/** The words that both files say, but for the voices that the row's own split holds back. */
async function wordsOf(seed: string, data: string, { folder, valSize, testSize }: Parts): Promise<string> {
  const { extra } = options;
  if (extra === undefined) fail("rows that learn words first need --extra EXTRA.npz");
  const path = join(folder, `words-${seed}.npz`);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(path)) await writeWords(path, { data, extra, seed: Number(seed), valSize, testSize });
  return path;
}

async function reproduce(name: string, data: string): Promise<void> {
  const runs: { seed: string; run: string }[] = [];
  for (const seed of options.seeds.split(",")) runs.push({ seed, run: await runOf(name, seed, data) });
  const accuracies = runs.map(({ seed, run }) => {
    const { accuracy, macroF1, examples } = kws("evaluate", run) as Record<string, number>;
    console.log(
      `${name}, seed ${seed}: ${percent(accuracy!)} of ${examples} clips, macro F1 ${macroF1!.toFixed(3)}`,
    );
    return accuracy!;
  });
  const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
  const range = `${percent(Math.min(...accuracies))} to ${percent(Math.max(...accuracies))}`;
  console.log(`${name}: mean ${percent(mean)} (${range}, ${accuracies.length} seeds)`);
}

const [name] = positionals;
if (name === "transfer" && options.data !== undefined && options.extra !== undefined) {
  await transferCurve({ ...options, data: options.data, extra: options.extra, kws, trained });
} else if (
  name !== undefined &&
  (Object.hasOwn(rows, name) || Object.hasOwn(shipped, name)) &&
  options.data
) {
  await reproduce(name, options.data);
} else {
  console.log("usage: npm run reproduce -- NAME --data FILE.npz [--seeds 1,2,3] [--backend B] [--out DIR]\n");
  for (const [name, { settings, words, from, teachers }] of Object.entries(rows)) {
    const others = [
      ...(words ? ["the words of both files"] : []),
      ...(from === undefined ? [] : [`from ${from}`]),
      ...(teachers === undefined ? [] : [`taught by ${teachers.join(" and ")}`]),
    ];
    console.log(`  ${name}: ${[`kws train ${settings.join(" ")}`, ...others].join("; ")}`);
  }
  for (const [name, like] of Object.entries(shipped))
    console.log(`  ${name}: ${like}, with nearly all clips to train on`);
  console.log("  transfer (with --extra EXTRA.npz): new words from 5, 10, 20 and 50 clips each");
  process.exitCode = name === undefined ? 0 : 2;
}
