import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { RunFolder } from "../../src/run/folder.js";
import { resolveRecipe, resolveRun, storedRunPath } from "../../src/run/shipped.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const model = join(root, "pretrained", "kws-8k");
const before = process.cwd();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keyspot-shipped-"));
  process.chdir(folder);
  return () => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  };
});

describe("a run", () => {
  test("is a folder, or else a shipped model's name", () => {
    expect(resolveRun("kws-8k")).toBe(model);
    mkdirSync("kws-8k");
    expect(resolveRun("kws-8k")).toBe("kws-8k");
    expect(() => resolveRun("kws-9k")).toThrow(
      /^kws-9k: expected a run folder or the name of a shipped model \(kws-8k, words-8k\), found neither$/,
    );
  });

  test("that ships is opened from any folder and keeps its name", async () => {
    const run = RunFolder.open("kws-8k");
    expect(run.path).toBe("kws-8k");
    expect(run.readConfig().labels).toContain("yes");
    expect(run.readHistory().length).toBeGreaterThan(0);
    run.checkTrained();
  });

  test("that ships is never written to, by its name or by its path", () => {
    const files = readdirSync(model, { recursive: true });
    for (const run of [RunFolder.open("kws-8k"), new RunFolder(model), new RunFolder(join(model, "new"))]) {
      const { format: _, ...config } = RunFolder.open("kws-8k").readConfig();
      expect(() => run.begin(config, true)).toThrow(/ships with the package and cannot be changed/);
      expect(() => run.checkFree(true)).toThrow(/ships with the package and cannot be changed/);
      expect(() => run.lock()).toThrow(/ships with the package and cannot be changed/);
    }
    expect(readdirSync(model, { recursive: true })).toEqual(files);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("is stored by a path that holds in any folder", () => {
    expect(storedRunPath("kws-8k")).toBe("kws-8k");
    expect(storedRunPath("mine")).toBe(resolve("mine"));
    mkdirSync("kws-8k");
    expect(storedRunPath("kws-8k")).toBe(resolve("kws-8k"));
  });
});

describe("a recipe", () => {
  test("is a file, or else a shipped recipe's name, beside a folder of that name too", () => {
    const shipped = join(root, "recipes", "transfer.json");
    expect(resolveRecipe("transfer")).toBe(shipped);
    mkdirSync("transfer");
    expect(resolveRecipe("transfer")).toBe(shipped);
    rmSync("transfer", { recursive: true });
    writeFileSync("transfer", "{}");
    expect(resolveRecipe("transfer")).toBe("transfer");
    expect(() => resolveRecipe("transfr")).toThrow(
      /^--config: expected a file or the name of a shipped recipe \(bc-resnet, bc-resnet-3, .*, transfer, words\), found transfr$/,
    );
  });
});
