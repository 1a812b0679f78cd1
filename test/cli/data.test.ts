import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DataInfo } from "../../src/data/info.js";
import { writeTones } from "../helpers/clips.js";
import { fail, succeed, succeedWithJson } from "../helpers/kws.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-data-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
beforeAll(() => writeTones(join(cwd, "tones.npz"), { perLabel: 20, speakers: 10 }));

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
