import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "vitest";
import { makeFolder, removeEmptyFolders, writeFileAtomic, writeStreamAtomic } from "../../src/base/files.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-files-"));
const at = (...path: string[]) => join(folder, ...path);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** Longer than any file system takes. */
const impossible = "x".repeat(5000);

describe("makeFolder", () => {
  test("makes all that is missing and tells the outermost", () => {
    expect(makeFolder(at("a", "b", "c"))).toBe(at("a"));
    expect(existsSync(at("a", "b", "c"))).toBe(true);
    expect(makeFolder(at("a", "b", "d"))).toBe(at("a", "b", "d"));
    expect(makeFolder(at("a"))).toBeUndefined();
  });

  test("makes none where it cannot make all", () => {
    expect(() => makeFolder(at("half", "way", impossible))).toThrow();
    expect(existsSync(at("half"))).toBe(false);
    writeFileSync(at("file"), "x");
    expect(() => makeFolder(at("file"))).toThrow(/EEXIST/);
    expect(() => makeFolder(at("file", "in"))).toThrow();
    expect(readFileSync(at("file"), "utf8")).toBe("x");
  });

  // Node 20's own recursive mkdir never returns from there.
  test.skipIf(!existsSync("/proc/self"))("comes to an end where nothing can be made", () => {
    expect(() => makeFolder("/proc/keyspot")).toThrow();
    expect(() => makeFolder("/proc/keyspot/deep")).toThrow();
  });
});

test("removeEmptyFolders stops at what is not empty, and at what was there before", () => {
  mkdirSync(at("old", "new", "deep"), { recursive: true });
  removeEmptyFolders(at("old", "new", "deep", "gone"), at("old", "new"));
  expect(readdirSync(at("old"))).toEqual([]);
  mkdirSync(at("old", "new", "deep"), { recursive: true });
  writeFileSync(at("old", "new", "mine"), "");
  removeEmptyFolders(at("old", "new", "deep"), at("old", "new"));
  expect(readdirSync(at("old", "new"))).toEqual(["mine"]);
});

test("a file that cannot be written leaves no folder that was made for it", () => {
  expect(() => writeFileAtomic(at("for", "it", impossible), "x")).toThrow();
  expect(existsSync(at("for"))).toBe(false);
});

describe("what stands in a file's place keeps its nature", () => {
  const write = {
    writeFileAtomic: async (path: string) => writeFileAtomic(path, "ne", "w"),
    writeStreamAtomic: (path: string) => writeStreamAtomic(path, Readable.from(["ne", "w"])),
  };

  // Windows lets administrators alone make links, and has no named pipes in folders.
  describe.skipIf(process.platform === "win32")("links and pipes", () => {
    test.each(Object.entries(write))("%s writes behind a link", async (name, write) => {
      const [file, link] = [at(`${name}.txt`), at(`${name}-link.txt`)];
      writeFileSync(file, "old");
      symlinkSync(file, link);
      await write(link);
      expect(readFileSync(file, "utf8")).toBe("new");
      rmSync(file);
      await write(link); // to what is not there yet
      expect(readFileSync(file, "utf8")).toBe("new");
      expect(lstatSync(link).isSymbolicLink()).toBe(true);
      expect(readdirSync(folder).filter((each) => each.endsWith(".tmp"))).toEqual([]);
    });

    test.each(Object.entries(write))("%s writes into a pipe", async (name, write) => {
      const pipe = at(`${name}.pipe`);
      execFileSync("mkfifo", [pipe]);
      const reader = spawn("cat", [pipe]); // another process, since opening the pipe waits for it
      await write(pipe);
      expect(await text(reader.stdout)).toBe("new");
      expect(lstatSync(pipe).isFIFO()).toBe(true);
    });
  });

  test.each(Object.entries(write))("%s takes the longest name that a file may have", async (_, write) => {
    const path = at("n".repeat(255));
    await write(path);
    expect(readFileSync(path, "utf8")).toBe("new");
  });
});
