/**
 * Training steps of the course's models (forward, backward, Adam) on each backend that works here, beside Keras on a
 * TensorFlow wheel and PyTorch. Each has a process of its own, with the same model, batch and threads; they take turns,
 * and the ratios compare turns of the same round. What is absent is said and left out.
 *
 *   npx tsx bench/train.ts [--models conv1d,skip,spectrogram,spectrogram-skip] [--width 1] [--batch 8] [--rounds 3]
 *     [--seconds 10] [--threads 2] [--backends tensorflow,tensorflow-stepwise,webgpu,wasm,cpu]
 *     [--keras PYTHON] [--torch PYTHON]   interpreters (default: KEYSPOT_KERAS_PYTHON, KEYSPOT_TORCH_PYTHON)
 */
import { type ChildProcess, spawn } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { modelCost } from "../src/models/cost.js";
import { buildModel } from "../src/models/registry.js";

const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: "conv1d,skip,spectrogram,spectrogram-skip" },
    width: { type: "string", default: "1" },
    batch: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
    threads: { type: "string", default: String(availableParallelism()) },
    backends: { type: "string", default: "tensorflow,webgpu,wasm" },
    keras: { type: "string", default: process.env.KEYSPOT_KERAS_PYTHON ?? "" },
    torch: { type: "string", default: process.env.KEYSPOT_TORCH_PYTHON ?? "" },
  },
});
const [width, batch, rounds] = [Number(options.width), Number(options.batch), Number(options.rounds)];

interface Contestant {
  name: string;
  program: string;
  args: string[];
}

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const contestants: Contestant[] = options.backends.split(",").map((backend) => ({
  name: backend,
  program: process.execPath,
  args: ["--import", "tsx", beside("train_keyspot.ts"), backend],
}));
for (const [name, python, file] of [
  ["Keras", options.keras, "train_keras.py"],
  ["PyTorch", options.torch, "train_torch.py"],
] as const) {
  if (python === "") console.log(`${name} is left out: no interpreter is named`);
  else contestants.push({ name, program: python, args: [beside(file)] });
}

/** A process that trains when it is told to. */
class Runner {
  readonly name: string;
  about = "";
  params = 0;
  /** Seconds a step, by round. */
  readonly times: number[] = [];
  private steps = 1;
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private stderr = "";

  constructor({ name, program, args }: Contestant, model: string) {
    this.name = name;
    const { threads } = options;
    this.child = spawn(program, [...args, model, options.width, options.batch, threads], {
      env: { ...process.env, TF_NUM_INTRAOP_THREADS: threads, OMP_NUM_THREADS: threads },
    });
    this.child.on("error", (error) => {
      this.stderr += error.message;
    });
    this.child.stdin!.on("error", () => {});
    this.child.stderr!.on("data", (text: Buffer) => {
      this.stderr += text;
    });
    this.lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  /** The next line that is a document; what libraries print besides is none. */
  private async read<T>(): Promise<T> {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) {
        const said = this.stderr.trim().split("\n");
        throw new Error(said.findLast((line) => /error/i.test(line)) ?? said.at(-1) ?? "it ended");
      }
      if (value.startsWith("{")) return JSON.parse(value) as T;
    }
  }

  async start(): Promise<void> {
    ({ about: this.about, params: this.params } = await this.read<{ about: string; params: number }>());
    await this.run(5); // by then everybody has made a graph who will
    const seconds = await this.run(1);
    this.steps = Math.max(1, Math.round(Number(options.seconds) / seconds));
  }

  /** Returns seconds a step. */
  private async run(steps: number): Promise<number> {
    this.child.stdin!.write(`${steps}\n`);
    const { seconds, loss } = await this.read<{ seconds: number; loss: number }>();
    if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss}`);
    return seconds / steps;
  }

  async takeTurn(): Promise<void> {
    this.times.push(await this.run(this.steps));
  }

  end(): void {
    this.child.kill();
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** How many times as fast the first was as the second, round by round. */
function ratio(ours: Runner, theirs: Runner | undefined): string {
  if (theirs === undefined || ours === theirs) return "";
  return median(ours.times.map((time, round) => theirs.times[round]! / time)).toFixed(2);
}

tf.enableProdMode(); // else it prints an advertisement
await tf.setBackend("cpu");
console.log(
  `width ${width}, batch ${batch}, ${options.threads} threads, ${rounds} rounds, 8,000 samples a clip; ` +
    `Node ${process.versions.node}, ${cpus()[0]?.model}`,
);
const abouts = new Map<string, string>();
console.log("\n| model | trained by | examples/s | GFLOP/s | times Keras | times PyTorch |");
console.log("| --- | --- | --: | --: | --: | --: |");
for (const name of options.models.split(",")) {
  const model = buildModel(name, { labelCount: 12, sampleRate: 8000, clipLength: 8000, width, seed: 1 });
  const { params, macs } = modelCost(model);
  model.dispose();
  // Forward, by the weights and by the input: three times the forward pass, two operations a multiply-add.
  const gflop = (macs * 2 * 3) / 1e9;
  const runners: Runner[] = [];
  try {
    for (const contestant of contestants) {
      const runner = new Runner(contestant, name);
      try {
        await runner.start();
        if (runner.params !== params)
          throw new Error(`it has ${runner.params} parameters, the model has ${params}`);
        abouts.set(runner.name, runner.about);
        runners.push(runner);
      } catch (error) {
        runner.end();
        console.error(`${name}: ${contestant.name} is left out: ${(error as Error).message}`);
      }
    }
    for (let round = 0; round < rounds; round++) for (const runner of runners) await runner.takeTurn();
    const [keras, torch] = ["Keras", "PyTorch"].map((peer) => runners.find((runner) => runner.name === peer));
    for (const runner of runners) {
      const perSecond = batch / median(runner.times);
      const figures = [perSecond.toFixed(1), (gflop * perSecond).toFixed(1)];
      console.log(
        `| ${[name, runner.name, ...figures, ratio(runner, keras), ratio(runner, torch)].join(" | ")} |`,
      );
    }
  } finally {
    for (const runner of runners) runner.end();
  }
}
console.log("");
for (const [name, about] of abouts) console.log(`${name}: ${about}`);
