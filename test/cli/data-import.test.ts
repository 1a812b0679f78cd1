import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ImportSummary } from "../../src/data/speech-commands/import/import.js";
import { fail, program, succeed, succeedWithJson } from "../helpers/kws.js";
import { writeSpeechCommands } from "../helpers/speech-commands.js";
import { wavFile } from "../helpers/wav.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-import-cli-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
beforeAll(() => {
  writeSpeechCommands(join(cwd, "words"), { rate: 8000 });
});

test("kws data import makes the official task, which train splits officially", async () => {
  const { stdout } = await succeed(["data", "import", "words", "-o", "words.npz"], { cwd });
  expect(stdout).toMatch(/^words\.npz: 36\d clips at 8000 Hz, int16, \d+\.\d MB, 30 speakers$/m);
  expect(stdout).toMatch(/^parts by Speech Commands' hash of the speaker \(--split official\)$/m);
  expect(stdout).toMatch(/^yes +\d+ +\d+ +\d+$/m);
  expect(stdout).toMatch(/^total +\d+ +\d+ +\d+$/m);
  const info = await succeedWithJson<{ leaks: { split: string; speakers: unknown[] } }>(
    ["data", "info", "words.npz", "--split", "official"],
    { cwd },
  );
  expect(info.leaks).toMatchObject({ split: "official", speakers: [] });
});

test("--json, --config and the flags that choose", async () => {
  writeFileSync(join(cwd, "import.json"), JSON.stringify({ sampleRate: 16000, labels: ["bed", "cat"] }));
  const args = ["data", "import", "words", "-o", "two.npz", "--config", "import.json", "--dtype", "float32"];
  const summary = await succeedWithJson<ImportSummary & { out: string }>(args, { cwd });
  expect(summary).toMatchObject({ out: "two.npz", clips: 60, sampleRate: 16000, dtype: "float32" });
  expect(summary.labels.map(({ label }) => label)).toEqual(["bed", "cat"]);
});

test("a remark begins with the file that it is about, and --quiet leaves it out", async () => {
  writeSpeechCommands(join(cwd, "short"), { words: ["a", "b"], speakers: 4, rate: 8000 });
  const click = wavFile([new Float32Array(8000)], { sampleRate: 8000 });
  writeFileSync(join(cwd, "short", "_background_noise_", "click.wav"), click);
  const args = ["data", "import", "short", "-o", "short.npz", "--labels", "a,b,silence"];
  const { stderr } = await succeed(args, { cwd });
  expect(stderr).toMatch(
    /^_background_noise_\/click\.wav: too short, left out; noise must last at least 10 s/m,
  );
  const quiet = await succeed([...args, "--quiet"], { cwd });
  expect(quiet.stderr).toBe("");
});

test("one line for what is wrong", async () => {
  const words = (...flags: string[]) => ["data", "import", "words", ...flags];
  await fail(words(), 2, /required option '-o, --out <file>'/, { cwd });
  await fail(words("-o", "x.npz", "--rate", "44100"), 2, /Allowed choices are 8000, 16000/, { cwd });
  await fail(words("-o", "x.npz", "--dtype", "int8"), 2, /Allowed choices are int16, float32/, { cwd });
  await fail(words("-o", "x.npz", "--labels", "yes,maybe"), 1, /words has no folder for maybe/, { cwd });
  mkdirSync(join(cwd, "folder.npz"));
  await fail(words("-o", "folder.npz"), 1, /expected a file, found a folder/, { cwd });
  await fail(words("-o", "words.wav"), 2, /--out: expected a \.npz file, found words\.wav/, { cwd });
  await fail(["data", "import", "absent", "-o", "x.npz"], 1, /absent: no such file or folder/, { cwd });
});

test.each(["SIGINT", "SIGTERM"] as const)("%s leaves nothing half-written", async (signal) => {
  writeSpeechCommands(join(cwd, "many"), { words: ["a", "b"], speakers: 1500, rate: 8000 });
  const args = ["data", "import", "many", "-o", "out/many.npz", "--labels", "a,b", "--rate", "16000"];
  const out = join(cwd, "out");
  mkdirSync(out, { recursive: true });
  const child = spawn(process.execPath, [program, ...args], { cwd });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const watcher = watch(out, () => child.kill(signal)); // the file beside the one to write has appeared
  expect(await ended).toBe(130);
  watcher.close();
  expect(readdirSync(out)).toEqual([]);
});
