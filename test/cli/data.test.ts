import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readWavFile } from "../../src/audio/wav/decode.js";
import { readClip } from "../../src/data/choose.js";
import { readNpz } from "../../src/data/formats/npz.js";
import type { DataInfo } from "../../src/data/info.js";
import { writeTones } from "../helpers/clips.js";
import { contentOf, fail, succeed, succeedWithJson } from "../helpers/kws.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-data-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
beforeAll(() => {
  writeTones(join(cwd, "tones.npz"), { perLabel: 20, speakers: 10 });
  writeTones(join(cwd, "audible.npz"), { perLabel: 4, speakers: 2, rate: 8000 });
});

describe("kws data info", () => {
  test("says what is in the data and what leaks", async () => {
    const { stdout } = await succeed(["data", "info", "tones.npz"], { cwd });
    expect(stdout).toMatch(/^tones\.npz: 60 clips of one second at 256 Hz, 10 speakers of 6 to 6 clips/);
    expect(stdout).toMatch(/^yes +20 +33\.3 % +10 /m);
    expect(stdout).toMatch(/^duplicates {3}none$/m);
    expect(stdout).toMatch(/^leaks {8}speaker split \(48 \/ 6 \/ 6\): no speaker and no clip in two parts$/m);
  });

  test("--json is one document with the rows; --split chooses what is audited", async () => {
    const args = ["data", "info", "tones.npz", "--split", "random", "--val-size", "0.2"];
    const info = await succeedWithJson<DataInfo & { data: string[] }>(args, { cwd });
    expect(info.data).toEqual(["tones.npz"]);
    expect(info.labels.map(({ label, clips }) => [label, clips])).toEqual([
      ["yes", 20],
      ["no", 20],
      ["up", 20],
    ]);
    expect(info.leaks!.split).toBe("random");
    expect(info.leaks!.parts).toEqual({ train: 42, val: 12, test: 6 });
    expect(info.leaks!.speakers!.length).toBeGreaterThan(5);
    const { stdout } = await succeed(args, { cwd });
    expect(stdout).toMatch(/^leaks .* speakers in two parts \(speaker/m);
  });

  test("one line for what is wrong", async () => {
    await fail(["data", "info", "absent.npz"], 1, /absent\.npz: no such file/, { cwd });
    await fail(["data", "info", "tones.npz", "--split", "even"], 2, /--split: expected one of/, { cwd });
    await fail(["data", "info"], 2, /missing required argument 'data'/, { cwd });
    await fail(["data", "frobnicate"], 2, /unknown command 'frobnicate'/, { cwd });
  });
});

describe("kws data augment", () => {
  const augment = (...args: string[]) => ["data", "augment", "audible.npz", ...args];

  test("writes as many clips as asked for, the same ones for the same seed", async () => {
    const args = (out: string) =>
      augment("-o", out, "--count", "5", "--augment", '{"gainDb": 6, "speed": 0.1}');
    const { stdout } = await succeed(args("one"), { cwd });
    expect(stdout).toBe("5 clips in one\n");
    const { clips } = await succeedWithJson<{ clips: { file: string; row: number; label: string }[] }>(
      args("two"),
      {
        cwd,
      },
    );
    expect(readdirSync(join(cwd, "two")).sort()).toEqual(clips.map(({ file }) => basename(file)).sort());
    expect(contentOf(join(cwd, "one"))).toEqual(contentOf(join(cwd, "two")));
    for (const { file, row, label } of clips) {
      expect(basename(file)).toBe(`${basename(file)[0]}-${label}-${row}.wav`);
      const { sampleRate, channels } = await readWavFile(join(cwd, file));
      expect([sampleRate, channels[0]!.length]).toEqual([8000, 8000]);
    }
  });

  test("replaces the clips of an earlier call, and touches no folder with other files", async () => {
    await succeed(augment("-o", "again", "--count", "10"), { cwd });
    await succeed(augment("-o", "again", "--count", "3"), { cwd });
    expect(readdirSync(join(cwd, "again")).map((name) => name.replace(/-.*/, ""))).toEqual(["1", "2", "3"]);
    writeFileSync(join(cwd, "again", "notes.txt"), "mine");
    const before = readdirSync(join(cwd, "again"));
    await fail(
      augment("-o", "again"),
      1,
      /again holds other files \(notes\.txt\): expected a new or an empty/,
      {
        cwd,
      },
    );
    expect(readdirSync(join(cwd, "again"))).toEqual(before);
  });

  test("with no augmentation the clips are those of the data", async () => {
    const args = augment("-o", "plain", "--augment", "none");
    const { clips } = await succeedWithJson<{ clips: { file: string; row: number }[] }>(args, { cwd });
    expect(clips).toHaveLength(12); // all there are
    const data = await readNpz(join(cwd, "audible.npz"));
    for (const { file, row } of clips) {
      const [wave] = (await readWavFile(join(cwd, file))).channels;
      const original = readClip(data, row);
      expect(Math.max(...original.map((x, i) => Math.abs(x - wave![i]!)))).toBeLessThan(1 / 32768);
    }
  });

  test("says that SpecAugment is not audible, except with --quiet", async () => {
    const args = augment("-o", "masked", "--augment", '{"specAugment": {"bands": 5, "frames": 20}}');
    expect((await succeed(args, { cwd })).stderr).toMatch(/^specAugment is not audible: /m);
    expect((await succeed([...args, "--quiet"], { cwd })).stderr).toBe("");
    expect((await succeed(augment("-o", "masked"), { cwd })).stderr).not.toContain("specAugment");
  });

  test("one line for what is wrong", async () => {
    await fail(augment(), 2, /required option '-o, --out <folder>'/, { cwd });
    await fail(augment("-o", "x", "--augment", '{"gainDb": -1}'), 2, /--augment: gainDb: .*found -1/, {
      cwd,
    });
    await fail(
      augment("-o", "x", "--augment", "{oops"),
      2,
      /^error: --augment: expected a name or an object in JSON, found \{oops: /,
      {
        cwd,
      },
    );
    await fail(augment("-o", "tones.npz"), 1, /expected a folder, found a file/, { cwd });
  });
});
