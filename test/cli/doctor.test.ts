import { type ChildProcess, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nativeFolder } from "../../src/backend/tensorflow/install/installation.js";
import { kws, succeedWithJson } from "../helpers/kws.js";
import "../helpers/webgpu.js"; // points the Vulkan loader at SwiftShader where there is one

interface Finding {
  backend: string;
  available: boolean;
  device: string | null;
  reason: string | null;
  remedy: string | null;
  auto: boolean;
  software: boolean;
  threads: number | null;
  versions: Record<string, string>;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "keyspot-doctor-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** No TensorFlow of the user's own, and no Vulkan driver: what is left needs nothing of the machine. */
function nothing(): Record<string, string> {
  return { XDG_CACHE_HOME: join(folder, "empty"), VK_DRIVER_FILES: join(folder, "nowhere.json") };
}

async function doctor(env: Record<string, string>, ...flags: string[]): Promise<Map<string, Finding>> {
  const found = await succeedWithJson<Finding[]>(["doctor", ...flags], { env });
  expect(found.map(({ backend }) => backend)).toEqual(["tensorflow", "webgpu", "wasm", "cpu"]);
  return new Map(found.map((finding) => [finding.backend, finding]));
}

describe("kws doctor", () => {
  it("trains on what works, and says of all else why not and what to do", async () => {
    const { code, stdout, stderr } = await kws(["doctor", "--json"], { env: nothing() });
    expect(code).toBe(0);
    const found = JSON.parse(stdout) as Finding[];
    const [tensorflow, webgpu, wasm, cpu] = found as [Finding, Finding, Finding, Finding];
    expect(tensorflow).toMatchObject({ available: false, device: null, auto: false });
    expect(tensorflow.reason).toMatch(/^no native TensorFlow is installed$|^@tensorflow\/tfjs-node/);
    expect(tensorflow.remedy).toMatch(/^run kws backend install/);
    expect(webgpu).toMatchObject({ available: false, device: null, auto: false });
    expect(webgpu.reason).toMatch(/Vulkan|npm package|^VK_DRIVER_FILES names \S+, which does not exist$/);
    expect(webgpu.remedy).toMatch(/VK_DRIVER_FILES|libvulkan1|npm install/);
    expect(wasm).toMatchObject({ available: true, reason: null, remedy: null, auto: true, software: false });
    expect(wasm.device).toMatch(/^WebAssembly/);
    expect(wasm.threads).toBeGreaterThan(0);
    expect(cpu).toMatchObject({ available: true, reason: null, remedy: null, auto: false, threads: 1 });
    expect(cpu.versions["Node.js"]).toBe(process.versions.node);
    for (const backend of ["tensorflow", "webgpu", "wasm", "cpu"])
      expect(stderr).toContain(`trying ${backend} …`);
  });

  it("says the same to people, in lines that the screen holds", async () => {
    const { code, stdout } = await kws(["doctor", "--quiet"], { env: { ...nothing(), COLUMNS: "80" } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^keyspot .+ Node\.js [\d.]+, TensorFlow\.js [\d.]+, /);
    expect(stdout).toMatch(/^✗ tensorflow {2}\S/m);
    expect(stdout).toMatch(/^ {14}→ run kws backend install/m);
    expect(stdout).toMatch(/^✓ wasm {8}WebAssembly/m);
    expect(stdout).toMatch(/^--backend auto takes wasm for training\.$/m);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("fails where none works, here for want of time", async () => {
    const { code, stdout } = await kws(["doctor", "--json", "--time-limit", "0.05"], { env: nothing() });
    const found = JSON.parse(stdout) as Finding[];
    expect(found.map(({ available }) => available)).toEqual([false, false, false, false]);
    for (const { reason, remedy } of found) {
      expect(reason).toBe("it was still busy while it was starting after 0.05 s");
      expect(remedy).toMatch(/--time-limit/);
    }
    expect(code).toBe(1);
  });

  it("takes a limit that is no time for wrong usage", async () => {
    expect((await kws(["doctor", "--time-limit", "0"])).code).toBe(2);
  });

  it.runIf(process.platform === "linux")("outlives backends that crash and that are killed", async () => {
    const { stdout, code } = await killingTrialsOf({ tensorflow: "SIGSEGV", wasm: "SIGKILL" });
    const [crashed, , killed, cpu] = JSON.parse(stdout) as [Finding, Finding, Finding, Finding];
    expect(crashed.reason).toMatch(/^its process crashed \(SIGSEGV\) while it was starting/);
    expect(crashed.remedy).toMatch(/^run kws backend install --force/);
    expect(killed.reason).toMatch(/^its process was killed .*\(SIGKILL\), .*memory/);
    expect(killed.remedy).toMatch(/free some memory/);
    expect([crashed.available, killed.available]).toEqual([false, false]);
    expect(cpu).toMatchObject({ backend: "cpu", available: true, auto: true });
    expect(code).toBe(0);
  });

  it.runIf(process.platform === "linux")("says that Vulkan's loader is what is wrong", async () => {
    const libraries = join(folder, "libraries");
    mkdirSync(libraries);
    writeFileSync(join(libraries, "libvulkan.so.1"), "no library");
    const found = await doctor({ ...nothing(), LD_LIBRARY_PATH: libraries });
    expect(found.get("webgpu")!.reason).toMatch(/libvulkan\.so\.1 cannot be loaded \(.*file too short\)/);
    expect(found.get("webgpu")!.remedy).toMatch(/libvulkan1 on Debian/);
  });
});

const installation = nativeFolder();
const isInstalled = existsSync(join(installation, "manifest.json"));
if (!isInstalled)
  console.warn("tests of a broken native TensorFlow are skipped: kws backend install has not run");

describe.skipIf(!isInstalled)("kws doctor, of a native TensorFlow that is broken", () => {
  it("names the file that is not what was installed", async () => {
    const env = brokenInstallation("damaged", {}, (addon) => addon.fill(0, 0, 64));
    const { reason, remedy } = (await doctor(env)).get("tensorflow")!;
    expect(reason).toMatch(/is damaged: tfjs_binding\.node does not have the checksum/);
    expect(remedy).toMatch(/^run kws backend install/);
  });

  it("names the library that is missing", async () => {
    const env = brokenInstallation("missing", { hidden: true });
    const { reason, remedy } = (await doctor(env)).get("tensorflow")!;
    expect(reason).toMatch(/^the library libtensorflow_(cc|framework)\.(so\.2|2\.dylib) is missing$/);
    expect(remedy).toMatch(/^run kws backend install --force/);
  });

  it.runIf(process.platform === "linux")("says that it was built for a newer system", async () => {
    // The loader looks for the libraries first.
    const env = brokenInstallation("newer", { hidden: true, libraries: true }, (addon) => {
      const name = addon.indexOf("GLIBC_2.");
      expect(name).toBeGreaterThan(0);
      addon.write("GLIBC_9.", name, "latin1");
    });
    const { reason, remedy } = (await doctor(env)).get("tensorflow")!;
    expect(reason).toMatch(/^it needs glibc 9\.\d+, this system's libc\.so\.6 is older \(2\.\d+\)$/);
    expect(remedy).toMatch(/newer system/);
  });

  it.runIf(process.platform === "linux")("says that a library is for no such machine", async () => {
    const env = brokenInstallation("foreign", { hidden: true }, (addon) => addon.fill(0, 0, 64));
    const { reason } = (await doctor(env)).get("tensorflow")!;
    expect(reason).toMatch(
      /^a library is damaged or was built for another machine \(.*invalid ELF header\)$/,
    );
  });
});

/**
 * A user's cache folder with a copy of the installation here, in which the addon is changed, and without TensorFlow's libraries
 * where not said otherwise. `hidden` makes the manifest fit the change, so that it is found only when the addon is loaded.
 */
function brokenInstallation(
  name: string,
  { hidden = false, libraries = false }: { hidden?: boolean; libraries?: boolean },
  change: (addon: Buffer) => void = () => {},
): Record<string, string> {
  const cache = join(folder, name);
  const copy = nativeFolder({ XDG_CACHE_HOME: cache });
  const large = "site-packages";
  cpSync(installation, copy, { recursive: true, filter: (path) => path !== join(installation, large) });
  if (libraries) symlinkSync(join(installation, large), join(copy, large));
  const path = join(copy, "tfjs_binding.node");
  const addon = readFileSync(path);
  change(addon);
  writeFileSync(path, addon);
  const manifestPath = join(copy, "manifest.json");
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8")) as { files: Record<string, unknown> };
  const kept = hidden ? [] : [["tfjs_binding.node", manifest.files["tfjs_binding.node"]]];
  manifest.files = Object.fromEntries(kept);
  writeFileSync(manifestPath, JSON.stringify(manifest));
  return { ...nothing(), XDG_CACHE_HOME: cache };
}

/** Runs the doctor and sends signals to the processes in which it tries those backends. */
function killingTrialsOf(
  signals: Record<string, NodeJS.Signals>,
): Promise<{ code: number | null; stdout: string }> {
  const program = join(import.meta.dirname, "../../dist/cli/main.js");
  const child = spawn(process.execPath, [program, "doctor", "--json"], {
    env: { ...process.env, ...nothing() },
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    for (const [, backend] of text.matchAll(/^trying (\w+) …$/gm))
      if (signals[backend!] !== undefined) signalTrial(child, backend!, signals[backend!]!);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout }));
  });
}

function signalTrial(doctor: ChildProcess, backend: string, signal: NodeJS.Signals): void {
  if (doctor.exitCode !== null) return;
  const children = `/proc/${doctor.pid}/task/${doctor.pid}/children`;
  for (const pid of readFileSync(children, "utf8").split(" ").filter(Boolean)) {
    // The process is there before the program that it becomes.
    if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`trial.js\0${backend}`)) {
      process.kill(Number(pid), signal);
      return;
    }
  }
  setTimeout(() => signalTrial(doctor, backend, signal), 10);
}
