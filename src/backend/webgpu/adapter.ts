import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { BackendUnavailable } from "../unavailable.js";

/** The GPU, or the software in its place, that Dawn would run on. */
export interface Adapter {
  vendor: string;
  architecture: string;
  device: string;
  /** The driver and its version. */
  description: string;
  software: boolean;
}

/** One line for people. */
export function describeAdapter({ vendor, architecture, device, description, software }: Adapter): string {
  const names = [[vendor, architecture].filter(Boolean).join(" "), device, description].filter(Boolean);
  return `${names.join(", ")}${software ? " (software)" : ""}`;
}

/**
 * Looks for an adapter and opens a device on it, in a process of its own: a broken driver may end that process but not
 * this one, and what Dawn and the Vulkan loader say on stderr can be read.
 *
 * @throws BackendUnavailable with the cause and the remedy where there is none
 */
export async function findAdapter(): Promise<Adapter> {
  const packages = Object.fromEntries(packageNames.map((name) => [name, packageUrl(name)]));
  const missing = packageNames.find((name) => packages[name] === undefined);
  if (missing !== undefined) {
    throw new BackendUnavailable(
      "webgpu",
      `the npm package ${missing} is not installed`,
      `run npm install ${packageNames.join(" ")}`,
    );
  }
  const end = await runProbe(packages.webgpu!);
  if ("adapter" in end) return end.adapter;
  const { reason, remedy } = explain(end, process.platform);
  throw new BackendUnavailable("webgpu", reason, remedy);
}

const packageNames = ["webgpu", "@tensorflow/tfjs-backend-webgpu"];

function packageUrl(name: string): string | undefined {
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve(name)).href;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

// Node.js is given it as text, so that it need not be compiled first in a checkout.
const probe = (dawn: string) => `
  const { create } = await import(${JSON.stringify(dawn)});
  const adapter = await create([]).requestAdapter({ powerPreference: "high-performance" });
  if (adapter !== null) {
    await adapter.requestDevice();
    const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
    const software = isFallbackAdapter || ["swiftshader", "llvmpipe"].includes(architecture);
    console.log(JSON.stringify({ vendor, architecture, device, description, software }));
  }`;

/** How a search that found nothing ended. */
export interface ProbeFailure {
  /** The signal that ended the process, its own time limit apart. */
  signal: string | undefined;
  timedOut: boolean;
  exitCode: number;
  stderr: string;
}

function runProbe(dawn: string): Promise<{ adapter: Adapter } | ProbeFailure> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ["--input-type=module", "--eval", probe(dawn)],
      { timeout: timeoutSeconds * 1000, killSignal: "SIGKILL" },
      (error, stdout, stderr) => {
        if (error === null && stdout !== "") return resolve({ adapter: JSON.parse(stdout) as Adapter });
        resolve({
          signal: error?.killed ? undefined : error?.signal,
          timedOut: error?.killed ?? false,
          exitCode: typeof error?.code === "number" ? error.code : 0,
          stderr,
        });
      },
    );
  });
}

const timeoutSeconds = 30;

const driver =
  "install the Vulkan driver of the GPU (NVIDIA's own; mesa-vulkan-drivers for AMD and Intel), or name its .json file in " +
  "VK_DRIVER_FILES; a container needs the driver too, with NVIDIA's NVIDIA_DRIVER_CAPABILITIES=all";

/** The cause of a failed search and what would mend it. */
export function explain(
  { signal, timedOut, exitCode, stderr }: ProbeFailure,
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv = process.env,
): { reason: string; remedy: string } {
  if (timedOut)
    return { reason: `the graphics driver did not answer in ${timeoutSeconds} s`, remedy: driver };
  if (signal !== undefined) return { reason: `the graphics driver crashed (${signal})`, remedy: driver };
  if (exitCode !== 0) {
    const error = stderr.match(/^(?:\w*Error|Uncaught)\b.*$/m)?.[0] ?? firstLine(stderr);
    return {
      reason: `Dawn does not run here: ${error}`,
      remedy:
        "run npm install webgpu on this machine, which must be of a kind that the package has a build for",
    };
  }
  if (platform !== "linux") return { reason: "Dawn finds no GPU", remedy: "install the driver of the GPU" };
  const loader = stderr.match(/Couldn't load Vulkan: (.*)/)?.[1];
  if (loader !== undefined) {
    return {
      reason: `the Vulkan loader libvulkan.so.1 cannot be loaded (${loader})`,
      remedy:
        "install it: libvulkan1 on Debian and Ubuntu, vulkan-loader on Fedora, vulkan-icd-loader on Arch",
    };
  }
  if (/Found no drivers|Failed to detect any valid GPUs/.test(stderr))
    return (
      explainNamedDriver(env) ?? { reason: "the Vulkan loader finds no driver with a GPU", remedy: driver }
    );
  const cause = firstLine(stderr.replaceAll(/^(?:Warning|Error): /gm, ""));
  return {
    reason: `no Vulkan driver here has a GPU that Dawn can use${cause === "" ? "" : ` (${cause})`}`,
    remedy: driver,
  };
}

/** Where the environment names a driver that is not there, the loader searches nowhere else. */
function explainNamedDriver(env: NodeJS.ProcessEnv): { reason: string; remedy: string } | undefined {
  const variable = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].find((name) => env[name]);
  const absent = variable && env[variable]!.split(":").find((path) => !existsSync(path));
  if (!absent) return undefined;
  return {
    reason: `${variable} names ${absent}, which does not exist`,
    remedy: `set ${variable} to the .json file of the GPU's driver, or unset it: the Vulkan loader then searches by itself`,
  };
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0]!.trim();
}
