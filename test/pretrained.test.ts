import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { encodeWav } from "../src/audio/wav/decode.js";
import { RunFolder } from "../src/run/folder.js";
import { kws } from "./helpers/kws.js";

const pretrained = fileURLToPath(new URL("../pretrained", import.meta.url));
const wavs = fileURLToPath(new URL("../../shared/data/wavs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "keyspot-pretrained-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Answer {
  file: string;
  label: string;
  probability: number;
}

async function predict(model: string, files: readonly string[]): Promise<Answer[]> {
  const done = await kws(["predict", join(pretrained, model), ...files, "--json"]);
  expect(done.code, done.stderr).toBe(0);
  return JSON.parse(done.stdout);
}

const models = readdirSync(pretrained);
test.each(models)(
  "%s is a run of under 1 MB that names no folder of the machine it was trained on",
  (model) => {
    const path = join(pretrained, model);
    const { data, sources, from = [], teacher = [] } = new RunFolder(path).readConfig();
    const names = [data, sources.map((source) => source.path), from, teacher].flat();
    expect(names.filter((name) => /[/\\]/.test(name))).toEqual([]);
    const files = readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => join(path, name));
    const bytes = files.map((file) => statSync(file)).reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(1e6);
  },
);

test("digital silence, at any rate and length, is silence", async () => {
  const files = [8000, 44_100].map((rate) => {
    const file = join(folder, `${rate}.wav`);
    writeFileSync(file, encodeWav(new Float32Array(rate * 2), rate));
    return file;
  });
  for (const model of models)
    expect((await predict(model, files)).map(({ label }) => label)).toEqual(["silence", "silence"]);
});

describe.skipIf(!existsSync(wavs))("on recordings at 16 kHz", () => {
  test.each([
    ["kws-8k", "label", 0.8],
    ["words-8k", "word", 0.7], // of 347 labels
  ])("%s knows most of the clips, some of which it has never heard", async (model, wanted, least) => {
    const [, ...rows] = readFileSync(join(wavs, "manifest.csv"), "utf8").trim().split(/\r?\n/);
    const clips = rows.map((row) => {
      const [file, label, word] = row.split(",") as [string, string, string];
      return { path: join(wavs, file), expected: wanted === "word" && label !== "silence" ? word : label };
    });
    const paths = clips.map(({ path }) => path);
    const answers = await predict(model, paths);
    const right = answers.filter(({ label }, i) => label === clips[i]!.expected).length;
    expect(right / clips.length).toBeGreaterThan(least);
  });
});
