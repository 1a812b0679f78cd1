/**
 * Everything that is to be known of the webgpu backend on a GPU, in one go of at most eight minutes and without a
 * network: what the machine has, each training kernel against the cpu backend, training speed beside PyTorch on the same
 * card by turns, memory over a thousand steps, and where a step's time goes. Every part is a process of its own with a time
 * limit: one that fails is reported and the others go on. Needs a build (dist/) and the production packages only.
 *
 *   node bench/gpu.mjs [--model conv1d] [--width 1] [--batch 256] [--rounds 3] [--seconds 5] [--steps 1000]
 *     [--minutes 8] [--torch PYTHON] [--torch-device cuda] [--out gpu.json]
 *
 * Where there is no GPU, a software adapter shows that the script itself works:
 *   VK_DRIVER_FILES=… node bench/gpu.mjs --width 0.01 --batch 2 --rounds 1 --seconds 0.1 --steps 10 --torch-device cpu
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    model: { type: "string", default: "conv1d" },
    width: { type: "string", default: "1" },
    batch: { type: "string", default: "256" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
    steps: { type: "string", default: "1000" },
    minutes: { type: "string", default: "8" },
    torch: { type: "string", default: process.env.KEYSPOT_TORCH_PYTHON ?? "python3" },
    "torch-device": { type: "string", default: "cuda" },
    out: { type: "string", default: "gpu.json" },
    part: { type: "string" },
  },
});
const [width, batch, rounds] = [Number(options.width), Number(options.batch), Number(options.rounds)];
const end = performance.now() + Number(options.minutes) * 60_000;

/** A process that prints a document a line and trains when it is told to. */
class Runner {
  constructor(program, args, stop) {
    this.child = spawn(program, args);
    this.timer = setTimeout(() => this.child.kill("SIGKILL"), stop - performance.now());
    this.stderr = "";
    this.child.on("error", (error) => {
      this.stderr += error.message;
    });
    this.child.stdin.on("error", () => {});
    this.child.stderr.on("data", (text) => {
      this.stderr += text;
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async read() {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error(telling(this.stderr) ?? "it ended before its time");
      if (value.startsWith("{")) return JSON.parse(value);
    }
  }

  /** Returns seconds a step. */
  async train(steps) {
    this.child.stdin.write(`${steps}\n`);
    const { seconds, loss } = await this.read();
    if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss}`);
    return seconds / steps;
  }

  end() {
    clearTimeout(this.timer);
    this.child.kill();
  }
}

if (options.part === undefined) await runAll();
else await runPart(options.part);

async function runAll() {
  const results = {
    node: process.versions.node,
    processor: cpus()[0]?.model,
    model: options.model,
    width,
    batch,
  };
  /** The seconds are those of eight minutes in all. */
  const guarded = async (name, seconds, work) => {
    const limit = Math.min(seconds * 125 * Number(options.minutes), end - performance.now());
    const start = performance.now();
    console.error(`${name} …`);
    try {
      if (limit < 5000) throw new Error("no time is left for it");
      results[name] = await work(limit);
    } catch (error) {
      results[name] = { error: error.message };
      console.error(`${name}: ${error.message}`);
    }
    console.error(`${name}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
    writeFileSync(options.out, `${JSON.stringify(results, undefined, 2)}\n`); // whatever comes next
  };
  await guarded("machine", 60, machine);
  await guarded("kernels", 120, (limit) => partAlone("kernels", limit));
  await guarded("training", 180, train);
  await guarded("memory", 150, (limit) => partAlone("memory", limit));
  await guarded("profile", 90, (limit) => partAlone("profile", limit));
  console.log(report(results));
}

async function machine(limit) {
  const query = "--query-gpu=name,driver_version,memory.total,clocks.max.sm";
  const nvidia = await output("nvidia-smi", [query, "--format=csv,noheader"], 10_000).catch(
    (error) => error.message,
  );
  const kws = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const doctor = await output(process.execPath, [kws, "doctor", "--json", "--quiet"], limit).catch(
    (error) => error.message,
  );
  return { nvidia: nvidia.trim(), doctor: doctor.startsWith("[") ? JSON.parse(doctor) : doctor };
}

/** Ours and PyTorch, with and without TF32, take turns of the same length. */
async function train(limit) {
  const stop = performance.now() + limit;
  const sizes = [options.model, options.width, options.batch, String(availableParallelism())];
  const torch = fileURLToPath(new URL("train_torch.py", import.meta.url));
  const device = options["torch-device"];
  const contestants = [
    ["keyspot", process.execPath, partArguments("train")],
    ["PyTorch", options.torch, [torch, ...sizes, device]],
    ...(device === "cpu" ? [] : [["PyTorch, TF32", options.torch, [torch, ...sizes, device, "tf32"]]]),
  ];
  const found = {};
  const runners = [];
  for (const [name, program, args] of contestants) {
    const runner = new Runner(program, args, stop);
    try {
      const { about, params, gflop } = await runner.read();
      found[name] = { about, params, gflop, seconds: [] };
      await runner.train(2); // warms up
      const once = await runner.train(2);
      runners.push({ name, runner, steps: Math.max(1, Math.round(Number(options.seconds) / once)) });
    } catch (error) {
      found[name] = { ...found[name], error: error.message };
      runner.end();
    }
  }
  const { params, gflop } = found.keyspot;
  for (let round = 0; round < rounds; round++) {
    for (const { name, runner, steps } of runners) {
      try {
        found[name].seconds.push(await runner.train(steps));
      } catch (error) {
        found[name].error ??= error.message;
      }
    }
  }
  for (const { runner } of runners) runner.end();
  for (const each of Object.values(found)) {
    if (!each.seconds?.length) continue;
    if (each.params !== params) each.error = `it has ${each.params} parameters, ours has ${params}`;
    each.examplesPerSecond = batch / median(each.seconds);
    each.gflops = each.examplesPerSecond * gflop;
    each.timesOurs = median(found.keyspot.seconds.map((time, i) => time / each.seconds[i]));
  }
  return found;
}

function partArguments(part) {
  return [fileURLToPath(import.meta.url), ...process.argv.slice(2), "--part", part];
}

async function partAlone(part, limit) {
  const said = await output(process.execPath, partArguments(part), limit);
  return JSON.parse(said.trim().split("\n").at(-1));
}

function output(program, args, limit) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => {
      stdout += text;
    });
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0 || (code === 1 && stdout.startsWith("["))) resolve(stdout);
      else reject(new Error(`${signal ?? `code ${code}`}${stderr === "" ? "" : `: ${telling(stderr)}`}`));
    });
  });
}

function telling(stderr) {
  const lines = stderr.trim().split("\n");
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** In the process of a part: prints what was found as one line. */
async function runPart(part) {
  const { startBackend } = await import("../dist/backend/start.js");
  const tf = await import("@tensorflow/tfjs");
  await startBackend("cpu", "training");
  const { device } = await startBackend("webgpu", "training");
  const parts = { kernels: checkKernels, train: trainOnDemand, memory: watchMemory, profile };
  await parts[part](tf, device);
  process.exit(0);
}

/** The model's own layers at this width, with a batch that the cpu backend can follow. */
async function checkKernels(tf) {
  const { buildModel } = await import("../dist/models/registry.js");
  const { Random } = await import("../dist/base/random.js");
  const small = 2;
  const model = buildModel(options.model, { ...shapeOptions(), seed: 1 });
  const noise = (shape, name) => {
    const random = new Random(1, "noise", name);
    return Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal());
  };
  const checks = [];
  const compare = async (name, inputs, run) => {
    const values = {};
    const seconds = {};
    for (const backend of ["cpu", "webgpu"]) {
      await tf.setBackend(backend);
      const start = performance.now();
      const result = tf.tidy(() =>
        run(
          Object.fromEntries(Object.entries(inputs).map(([key, [v, shape]]) => [key, tf.tensor(v, shape)])),
        ),
      );
      values[backend] = await result.data();
      seconds[backend] = (performance.now() - start) / 1000;
      result.dispose();
    }
    let [largest, worst] = [0, 0];
    values.cpu.forEach((expected, i) => {
      const difference = Math.abs(values.webgpu[i] - expected);
      largest = Math.max(largest, Math.abs(expected));
      worst = Math.max(worst, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    });
    checks.push({ name, relativeError: worst / largest, ok: worst <= 1e-4 * largest, seconds });
  };
  const kernel = (name, attrs) => (inputs) => tf.engine().runKernel(name, inputs, attrs);
  for (const layer of model.layers) {
    const kind = layer.getClassName();
    const flat = (shape) => [small, ...(shape.length === 3 ? [1] : []), ...shape.slice(1)];
    if (kind.startsWith("Conv")) {
      const [x, y] = [flat(layer.input.shape), flat(layer.output.shape)];
      // The places do not change the arithmetic; fewer of them are what the cpu backend has time for.
      const places = Math.min(x[2], 1000);
      [x[2], y[2]] = [places, places];
      const filter = [...(layer.kernel.shape.length === 3 ? [1] : []), ...layer.kernel.shape];
      const attrs = { strides: 1, dilations: 1, pad: "same", dataFormat: "NHWC" };
      const given = { x: [noise(x, "x"), x], dy: [noise(y, "dy"), y], w: [noise(filter, "w"), filter] };
      await compare(`${layer.name} forward`, { x: given.x, filter: given.w }, kernel("Conv2D", attrs));
      const byFilter = kernel("Conv2DBackpropFilter", { ...attrs, filterShape: filter });
      await compare(`${layer.name} by filter`, { x: given.x, dy: given.dy }, byFilter);
      const byInput = kernel("Conv2DBackpropInput", { ...attrs, inputShape: x });
      await compare(`${layer.name} by input`, { dy: given.dy, filter: given.w }, byInput);
    } else if (kind.startsWith("MaxPooling")) {
      const [x, y] = [flat(layer.input.shape), flat(layer.output.shape)];
      const size = x[1] === 1 ? [1, 2] : [2, 2];
      const attrs = { filterSize: size, strides: size, pad: "valid" };
      const rounded = noise(x, "x").map((value) => Math.max(0, Math.round(value))); // half are equal, as behind ReLU
      const inputs = { dy: [noise(y, "dy"), y], input: [rounded, x], output: [noise(y, "y"), y] };
      await compare(`${layer.name} gradient`, inputs, kernel("MaxPoolGrad", attrs));
    } else if (kind === "Dense") {
      const [m, n] = layer.kernel.shape;
      const rows = Math.min(m, 20_000);
      const a = [noise([8, rows], "a"), [8, rows]];
      const b = [noise([rows, n], "b"), [rows, n]];
      const dy = [noise([8, n], "dy"), [8, n]];
      await compare(`${layer.name} forward`, { a, b }, ({ a, b }) => tf.matMul(a, b));
      await compare(`${layer.name} by weights`, { a, dy }, ({ a, dy }) => tf.matMul(a, dy, true, false));
      await compare(`${layer.name} by input`, { dy, b }, ({ dy, b }) => tf.matMul(dy, b, false, true));
    }
  }
  console.log(JSON.stringify(checks));
}

function shapeOptions() {
  return { labelCount: 12, sampleRate: 8000, clipLength: 8000, width };
}

/** The package's own training loop over batches that are made anew, as data is, each from a part of a pool of noise. */
async function trainer(size) {
  const { runLoop, startPosition } = await import("../dist/train/loop.js");
  const { Trainer } = await import("../dist/train/trainer.js");
  const { buildModel } = await import("../dist/models/registry.js");
  const { modelCost } = await import("../dist/models/cost.js");
  const model = buildModel(options.model, { ...shapeOptions(), seed: 1 });
  const trainer = new Trainer({ model, learningRate: () => 1e-4 });
  const pool = Float32Array.from({ length: 2 * size * 8000 }, (_, i) => Math.sin(i * i * 0.7));
  const labels = Int32Array.from({ length: size }, (_, i) => i % 12);
  const read = (_, number) => {
    const start = (number * 7919) % (size * 8000);
    return { waves: pool.slice(start, start + size * 8000), labels, size };
  };
  const { params, macs } = modelCost(model);
  return {
    params,
    gflop: (macs * 2 * 3) / 1e9,
    train: async (steps) => {
      let last = Number.NaN;
      const onEpochEnd = (record) => {
        last = record.loss;
      };
      await runLoop({
        trainer,
        epochs: 1,
        callbacks: [{ name: "loss", onEpochEnd }],
        batches: { count: steps, read },
        validate: async () => ({ loss: 0, accuracy: 0 }),
        position: startPosition(),
      });
      return last;
    },
  };
}

async function trainOnDemand(_tf, device) {
  const { params, gflop, train } = await trainer(batch);
  console.log(JSON.stringify({ about: device, params, gflop }));
  for await (const line of createInterface({ input: process.stdin })) {
    const start = performance.now();
    const loss = await train(Number(line));
    console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000, loss }));
  }
}

/** With a batch that leaves time for many steps: what is kept does not depend on it. */
async function watchMemory(tf) {
  const { train } = await trainer(Math.max(2, Math.ceil(batch / 8)));
  const memory = () => {
    const { numTensors, numBytes, numBytesAllocatedInGPU } = tf.memory();
    const { numUsedBuffers, numFreeBuffers } = tf.backend().bufferManager;
    return { numTensors, numBytes, numBytesAllocatedInGPU, numUsedBuffers, numFreeBuffers };
  };
  const [settled, all] = [Math.min(20, Math.ceil(Number(options.steps) / 2)), Number(options.steps)];
  await train(settled);
  const before = memory();
  const start = performance.now();
  let steps = settled;
  while (steps < all && performance.now() - start < 120_000) {
    const next = Math.min(50, all - steps);
    await train(next);
    steps += next;
  }
  const after = memory();
  const flat = Object.keys(before).every((key) => before[key] === after[key]);
  console.log(JSON.stringify({ steps, flat, before, after }));
}

/** One step, each kernel timed by the GPU itself where it can, else by the host, which says little. */
async function profile(tf) {
  const { train } = await trainer(batch);
  await train(2);
  const { state } = tf.engine();
  const { kernels } = await tf.profile(async () => {
    // TensorFlow.js notes a kernel when it has ended, after those that it called, whose time is in its own.
    const { kernels } = state.activeProfile;
    const callerToCome = []; // by depth
    kernels.push = (kernel) => {
      const depth = state.kernelDepth;
      kernel.called = callerToCome[depth + 1] ?? [];
      callerToCome[depth + 1] = [];
      callerToCome[depth] = [...(callerToCome[depth] ?? []), kernel];
      return Array.prototype.push.call(kernels, kernel);
    };
    await train(1);
    return [];
  });
  const time = ({ kernelTimeMs }) => (Number.isFinite(kernelTimeMs) ? kernelTimeMs : 0);
  const byName = new Map();
  for (const kernel of kernels) {
    const name = kernel.name || "(composed)";
    const ms = kernel.called.reduce((rest, called) => rest - time(called), time(kernel));
    const entry = byName.get(name) ?? { name, calls: 0, ms: 0 };
    entry.calls++;
    entry.ms += ms;
    byName.set(name, entry);
  }
  const sorted = [...byName.values()].sort((a, b) => b.ms - a.ms);
  console.log(JSON.stringify({ timedByGpu: tf.backend().timerAvailable(), kernels: sorted }));
}

function report({ machine, kernels, training, memory, profile, node, processor }) {
  const lines = ["", `${options.model}, width ${width}, batch ${batch}; Node ${node}, ${processor}`];
  const said = (part, text) => lines.push(part?.error === undefined ? text() : `failed: ${part.error}`);
  const section = (name) => lines.push("", `## ${name}`, "");
  section("Machine");
  said(machine, () => {
    const { nvidia, doctor } = machine;
    const findings = Array.isArray(doctor)
      ? doctor.map(({ backend, device, reason }) => `${backend}: ${device ?? reason}`)
      : [doctor];
    return [`nvidia-smi: ${nvidia}`, ...findings].join("\n");
  });
  section("Training");
  said(training, () =>
    [
      "| | examples/s | GFLOP/s | times ours | |",
      "| --- | --: | --: | --: | --- |",
      ...Object.entries(training).map(([name, { about, examplesPerSecond, gflops, timesOurs, error }]) =>
        error !== undefined && examplesPerSecond === undefined
          ? `| ${name} | | | | ${error} |`
          : `| ${name} | ${examplesPerSecond.toFixed(1)} | ${gflops.toFixed(0)} | ${timesOurs.toFixed(2)} | ${error ?? about} |`,
      ),
    ].join("\n"),
  );
  section("Kernels against cpu");
  said(kernels, () => {
    const wrong = kernels.filter(({ ok }) => !ok);
    const worst = Math.max(...kernels.map(({ relativeError }) => relativeError));
    const all = `${kernels.length - wrong.length} of ${kernels.length} agree; largest difference ${worst.toExponential(1)} of the maximum`;
    return [all, ...wrong.map(({ name, relativeError }) => `${name} is wrong: ${relativeError}`)].join("\n");
  });
  section("Memory");
  said(memory, () => {
    const { steps, flat, before, after } = memory;
    const gpu = `${(after.numBytesAllocatedInGPU / 2 ** 20).toFixed(0)} MiB on the GPU`;
    return flat
      ? `the same after ${steps} steps: ${gpu}`
      : `it changed: ${JSON.stringify({ before, after })}`;
  });
  section("A step by kernel");
  said(profile, () => {
    const total = profile.kernels.reduce((sum, { ms }) => sum + ms, 0);
    return [
      profile.timedByGpu ? "Timed by the GPU, without the kernels that it calls." : "No timer on this GPU.",
      ...profile.kernels
        .slice(0, 20)
        .map(
          ({ name, calls, ms }) =>
            `${name.padEnd(28)} ${String(calls).padStart(4)} ${ms.toFixed(2).padStart(9)} ms ${((100 * ms) / total).toFixed(1).padStart(5)} %`,
        ),
    ].join("\n");
  });
  lines.push("", `All figures: ${options.out}`);
  return lines.join("\n");
}
