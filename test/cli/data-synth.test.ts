import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readNpz } from "../../src/data/formats/npz.js";
import { fail, succeed, succeedWithJson } from "../helpers/kws.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-synth-cli-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const hasEspeak = spawnSync("espeak-ng", ["--version"]).status === 0;
if (!hasEspeak) console.warn("skipped: espeak-ng is not installed");

describe.skipIf(!hasEspeak)("kws data synth", () => {
  const synth = (...flags: string[]) => ["data", "synth", "--words", "hey kodi, stop", ...flags];

  test("writes data that a training learns from", async () => {
    const { stdout } = await succeed(synth("-o", "mine.npz", "--count", "20", "--voices", "10"), { cwd });
    expect(stdout).toBe(
      "mine.npz: 80 clips at 8000 Hz by 10 synthetic speakers\nhey kodi 20, stop 20, unknown 20, silence 20\n",
    );
    const clips = await readNpz(join(cwd, "mine.npz"));
    expect(new Set(clips.labels)).toEqual(new Set(["hey kodi", "stop", "unknown", "silence"]));
    const args = [
      "train",
      "--data",
      "mine.npz",
      "--model",
      "spectrogram",
      "--width",
      "0.05",
      "--epochs",
      "1",
    ];
    const summary = await succeedWithJson<{ test: { examples: number } }>(
      [...args, "--backend", "wasm", "--out", "run"],
      { cwd },
    );
    expect(summary.test.examples).toBe(8); // one of ten speakers
  });

  test("counts, rate and seed; --json", async () => {
    const flags = ["--count", "2", "--unknown", "0", "--silence", "1", "--rate", "16000", "--seed", "5"];
    const summary = await succeedWithJson(synth("-o", "few.npz", ...flags), { cwd });
    expect(summary).toEqual({
      ...{ out: "few.npz", clips: 5, sampleRate: 16000, speakers: 2 },
      labels: [
        { label: "hey kodi", clips: 2 },
        { label: "stop", clips: 2 },
        { label: "silence", clips: 1 },
      ],
    });
  });
});

test("one line for what is wrong", async () => {
  const before = readdirSync(cwd);
  const synth = (...flags: string[]) => ["data", "synth", "-o", "x.npz", ...flags];
  await fail(synth(), 2, /required option '--words <a,b,c>'/, { cwd });
  await fail(synth("--words", "a,!!!"), 2, /expected letters or digits in each, found "!!!"/, { cwd });
  await fail(synth("--words", "a", "-o", "a.wav"), 2, /--out: expected a \.npz file, found a\.wav/, { cwd });
  await fail(synth("--words", "a,silence"), 2, /"silence" is not spoken/, { cwd });
  await fail(synth("--words", "a", "--count", "0"), 2, /--count: expected a whole number of at least 1/, {
    cwd,
  });
  await fail(
    synth("--words", "a"),
    1,
    /no program of that name was found: install it \(apt-get install espeak-ng/,
    {
      cwd,
      env: { PATH: "" },
    },
  );
  await fail(synth("--words", "a", "--piper-voice", "no.onnx"), 1, /no\.onnx does not exist/, { cwd });
  const alone = ["--words", "a", "--kokoro-speakers", "3"];
  await fail(synth(...alone), 2, /--kokoro-speakers: expected --kokoro with the model, found none/, { cwd });
  expect(readdirSync(cwd)).toEqual(before);
});
