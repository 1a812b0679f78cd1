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

/** The settings of each row, as flags of `kws train`; they are the table's for all seeds. */
const course = ["--width", "0.25", "--epochs"];
const rows: Record<string, readonly string[]> = {
  spectrogram: ["--model", "spectrogram", ...course, "12", "--learning-rate", "1e-3"],
  conv1d: ["--model", "conv1d", ...course, "10", "--learning-rate", "3e-4"],
  skip: ["--model", "skip", ...course, "10", "--learning-rate", "3e-4"],
  "conv1d-standard": [
    ...["--model", "conv1d", ...course, "10", "--learning-rate", "3e-4"],
    ...["--augment", "standard"],
  ],
  "skip-standard": [
    ...["--model", "skip", ...course, "10", "--learning-rate", "3e-4"],
    ...["--augment", "standard"],
  ],
  "bc-resnet-1": ["--config", "recipes/bc-resnet.json"],
  "bc-resnet-3": ["--config", "recipes/bc-resnet-3.json"],
  "gabor-resnet": ["--config", "recipes/gabor-resnet.json"],
  "tc-resnet": ["--config", "recipes/tc-resnet.json"],
  "ds-cnn": ["--config", "recipes/ds-cnn.json"],
  matchboxnet: ["--config", "recipes/matchboxnet.json"],
  m5: ["--config", "recipes/m5.json"],
  "tc-resnet-words": ["--config", "recipes/tc-resnet-words.json"],
  "tc-resnet-small": ["--config", "recipes/tc-resnet-small.json"],
  "kws-8k": ["--config", "recipes/tc-resnet-words.json", "--val-size", "0.04", "--test-size", "0.02"],
};
/** Rows that start from a run that has learned words, which is that of the seed's own split. */
const wordsFirst = ["tc-resnet-words", "kws-8k"];
/** Rows that are taught by the run of another row with the same seed, and so of the same parts. */
const taughtBy: Record<string, string> = { "tc-resnet-small": "tc-resnet-words" };

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
  const common = ["--seed", seed, "--backend", options.backend];
  const settings = [...rows[name]!, "--data", data, ...common];
  if (wordsFirst.includes(name)) settings.push("--from", await wordsRun(seed, data, common));
  const teacher = taughtBy[name];
  if (teacher !== undefined) settings.push("--teacher", await runOf(teacher, seed, data));
  return trained(join(options.out, `${name}-${seed}`), settings);
}

/** A run that knows the words that both files say, but for the voices that the rows' split holds back. */
async function wordsRun(seed: string, data: string, common: readonly string[]): Promise<string> {
  const { extra, out } = options;
  if (extra === undefined) fail("rows that learn words first need --extra EXTRA.npz");
  const path = join(out, `words-${seed}.npz`);
  mkdirSync(out, { recursive: true });
  const shares = { valSize: 0.1, testSize: 0.1 };
  if (!existsSync(path)) await writeWords(path, { data, extra, seed: Number(seed), ...shares });
  return trained(join(out, `words-${seed}`), ["--config", "recipes/words.json", "--data", path, ...common]);
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
} else if (name !== undefined && Object.hasOwn(rows, name) && options.data !== undefined) {
  await reproduce(name, options.data);
} else {
  console.log("usage: npm run reproduce -- NAME --data FILE.npz [--seeds 1,2,3] [--backend B] [--out DIR]\n");
  for (const [name, flags] of Object.entries(rows)) console.log(`  ${name}: kws train ${flags.join(" ")}`);
  console.log("  transfer (with --extra EXTRA.npz): new words from 5, 10, 20 and 50 clips each");
  process.exitCode = name === undefined ? 0 : 2;
}
