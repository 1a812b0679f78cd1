import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { describeAdapter, explain, type ProbeFailure } from "../../src/backend/webgpu/adapter.js";
import { startWebgpu } from "../../src/backend/webgpu/start.js";
import { whyNoWebgpu } from "../helpers/webgpu.js";

const missing = await whyNoWebgpu();
const adapter = missing === undefined ? (await startBackend("webgpu", "training")).device : "";

describe("without a GPU that works", () => {
  const failure: ProbeFailure = { signal: undefined, timedOut: false, exitCode: 0, stderr: "" };
  // What Dawn and the Vulkan loader print in each case.
  test.each([
    {
      what: "no Vulkan loader",
      end: {
        stderr:
          "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file: No such file or directory\n    at operator()",
      },
      reason: /libvulkan\.so\.1 cannot be loaded \(libvulkan\.so\.1: cannot open/,
      remedy: /libvulkan1 on Debian/,
    },
    {
      what: "no driver",
      end: { stderr: "Warning: vkCreateInstance: Found no drivers!\nWarning: vkCreateInstance failed\n" },
      reason: /finds no driver/,
      remedy: /VK_DRIVER_FILES/,
    },
    {
      what: "a driver without its GPU",
      end: {
        stderr: "Error: Loader Message: setup: Failed to detect any valid GPUs in the current config\n",
      },
      reason: /finds no driver with a GPU/,
      remedy: /VK_DRIVER_FILES/,
    },
    {
      what: "a driver that Dawn refuses",
      end: { stderr: "Warning: Vulkan shaderUniform*ArrayDynamicIndexing required.\n - While\n" },
      reason: /Dawn can use \(Vulkan shaderUniform\*ArrayDynamicIndexing required\.\)$/,
      remedy: /install the Vulkan driver/,
    },
    {
      what: "a driver that crashes",
      end: { signal: "SIGSEGV", exitCode: 1 },
      reason: /crashed \(SIGSEGV\)/,
      remedy: /install the Vulkan driver/,
    },
    { what: "a driver that hangs", end: { timedOut: true }, reason: /did not answer/, remedy: /driver/ },
    {
      what: "a build for another machine",
      end: {
        exitCode: 1,
        stderr: "node:internal/modules/cjs/loader:1586\n\nError: Cannot find module 'dawn.node'\n",
      },
      reason: /does not run here: Error: Cannot find module/,
      remedy: /npm install webgpu/,
    },
  ])("says the cause and the remedy: $what", ({ end, reason, remedy }) => {
    const said = explain({ ...failure, ...end }, "linux");
    expect(said.reason).toMatch(reason);
    expect(said.remedy).toMatch(remedy);
    expect(`${said.reason}${said.remedy}`).not.toContain("\n");
  });

  it("names the variable that points at a driver which is not there", () => {
    const none = { ...failure, stderr: "Warning: vkCreateInstance: Found no drivers!\n" };
    const env = { VK_DRIVER_FILES: `${import.meta.filename}:/nowhere/icd.json` };
    const said = explain(none, "linux", env);
    expect(said.reason).toBe("VK_DRIVER_FILES names /nowhere/icd.json, which does not exist");
    expect(said.remedy).toMatch(/^set VK_DRIVER_FILES to .* or unset it/);
    const there = { VK_DRIVER_FILES: import.meta.filename };
    expect(explain(none, "linux", there).reason).toMatch(/finds no driver/);
  });

  it("is unavailable, with one line that says so", { timeout: 120_000 }, async () => {
    const { code, output } = await run(`await startBackend("webgpu", "training")`, {
      VK_DRIVER_FILES: "/nowhere/icd.json",
    });
    expect(output).toContain("backend webgpu is not available here: ");
    expect(code).toBe(1);
  });

  it("names an adapter by what it says of itself", () => {
    const said = {
      vendor: "nvidia",
      architecture: "",
      device: "h100",
      description: "driver 1.2",
      software: false,
    };
    expect(describeAdapter(said)).toBe("nvidia, h100, driver 1.2");
    expect(describeAdapter({ ...said, architecture: "hopper", software: true })).toBe(
      "nvidia hopper, h100, driver 1.2 (software)",
    );
  });
});

describe.skipIf(missing !== undefined)("the webgpu backend", { timeout: 300_000 }, () => {
  it("is TensorFlow.js's own on Dawn, and says what it runs on", async () => {
    await startBackend("cpu", "training");
    await startBackend("webgpu", "training");
    expect(tf.getBackend()).toBe("webgpu");
    expect(tf.backend().constructor.name).toBe("WebGPUBackend");
    expect(adapter).not.toBe("");
    expect((globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu).toBeUndefined();
  });

  it.runIf(adapter.endsWith("(software)"))("takes no software adapter unless asked for by name", async () => {
    await expect(startWebgpu("auto")).rejects.toThrow(
      /the only adapter here is software: .*--backend webgpu/,
    );
  });

  it("fails the reading of results that the GPU could not compute", async () => {
    const code = `
      const broken = tf.zeros([4]).add(1);
      const { device } = tf.backend();
      device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
      await broken.data();`;
    expect((await run(`${start}${code}`)).output).toMatch(/Error: WebGPU: Buffer usages/);
    const tooLarge = `
      const { device } = tf.backend();
      device.createBuffer({ size: 2 * device.limits.maxBufferSize, usage: GPUBufferUsage.STORAGE });
      await tf.zeros([4]).add(1).data();`;
    expect((await run(`${start}${tooLarge}`)).output).toMatch(
      /too little memory for this; use a smaller --batch-size/,
    );
  });

  const start = `await startBackend("webgpu", "training");`;
  const work = `const x = tf.randomNormal([8, 8]); const y = x.matMul(x); await y.data();`;
  it.each([
    { what: "when all is done", ending: "", code: 0 },
    {
      what: "after its buffers and itself could have been collected",
      ending: "gc(); await y.matMul(x).data(); gc();",
      code: 0,
    },
    { what: "with a code of its own", ending: "process.exitCode = 5;", code: 5 },
    { what: "at process.exit", ending: "process.exit(3);", code: 3 },
    { what: "in the midst of its work", ending: "x.matMul(y).data(); process.exit(4);", code: 4 },
    { what: "by an error", ending: `throw new Error("planned");`, code: 1 },
  ])("lets the process end $what", async ({ ending, code }) => {
    const ended = await run(`${start}${work}${ending}`);
    expect(ended.code, ended.output).toBe(code);
    if (!ending.includes("throw")) expect(ended.output).toBe("");
  });
});

/** Runs a module's text in a process of its own; says how it ended and all that it printed. */
function run(text: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number | string; output: string }> {
  const source = fileURLToPath(new URL("../../src/backend/start.ts", import.meta.url));
  const imports = `
    import * as tf from "@tensorflow/tfjs";
    import { startBackend } from ${JSON.stringify(source)};`;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ["--expose-gc", "--import", "tsx", "--input-type=module", "--eval", imports + text],
      { env: { ...process.env, ...env }, timeout: 240_000 },
      (error, stdout, stderr) => {
        resolve({
          code: error === null ? 0 : (error.code ?? error.signal ?? "unknown"),
          output: stdout + stderr,
        });
      },
    );
  });
}
