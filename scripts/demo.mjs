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

/** Plain JavaScript, and a GPU in software, take hours for what the others do in a minute. */
async function isSlow(name) {
  if (name !== "webgpu") return name === "cpu";
  const { startBackend } = await import("../dist/index.js");
  const device = await startBackend(name, "training").then(
    (started) => started.device,
    () => "none", // the first command says why
  );
  return device.endsWith("(software)");
}

rmSync(out, { recursive: true, force: true });
const slow = await isSlow(values.backend);
if (slow)
  console.error(
    `${values.backend} is slow here: smaller models, fewer clips and one epoch show that it works, not what it learns`,
  );
const size = slow
  ? ["--width", "0.02", "--limit", "96", "--epochs", "1"]
  : ["--width", "0.125", "--epochs", "3"];
const settings = [...size, "--learning-rate", "1e-3", "--batch-size", "16"];
run("compare", "--data", "sample", "--models", "conv1d,skip,spectrogram", ...settings, "--out", out);
run("predict", `${out}/spectrogram`, "--data", "sample", "--index", "random", "--save-wav", clip);
run("predict", `${out}/spectrogram`, clip);
console.log(`
Pictures to look at:
  ${out}/report/index.html          the comparison, in any browser
  ${out}/<model>/curves.png         accuracy and loss over the epochs
Sound to listen to:
  ${clip}`);
