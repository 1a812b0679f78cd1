// npm run demo [-- --backend NAME]: the whole way on the packaged sample. Trains the three models small, compares them,
// predicts one WAV.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { backend: { type: "string" } } });
const backend = values.backend === undefined ? [] : ["--backend", values.backend];

const kws = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const out = "checkpoints/demo";
const clip = `${out}/clip.wav`;

function run(...command) {
  const args = [...command, ...backend];
  console.error(`\n$ kws ${args.join(" ")}`);
  const { status } = spawnSync(process.execPath, [kws, ...args], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

rmSync(out, { recursive: true, force: true });
const settings = ["--width", "0.125", "--learning-rate", "1e-3", "--batch-size", "16", "--epochs", "3"];
run("compare", "--data", "sample", "--models", "conv1d,skip,spectrogram", ...settings, "--out", out);
run("predict", `${out}/spectrogram`, "--data", "sample", "--index", "random", "--save-wav", clip);
run("predict", `${out}/spectrogram`, clip);
console.log(`
Pictures to look at:
  ${out}/report/index.html          the comparison, in any browser
  ${out}/<model>/curves.png         accuracy and loss over the epochs
Sound to listen to:
  ${clip}`);
