import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const docs = [
  "README.md",
  "docs/evaluation.md",
  "docs/features.md",
  "docs/recordings.md",
  "docs/signal.md",
  "docs/spectrogram.md",
  "docs/training.md",
];

let folder: string;
let files: string[];

/** The package as a user has it: unpacked from the tarball beside the packages that it depends on. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "keyspot-package-"));
  const packed = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
  });
  const [{ filename, files: entries }] = JSON.parse(packed) as [
    { filename: string; files: { path: string }[] },
  ];
  files = entries.map(({ path }) => path);
  execFileSync("tar", ["-xzf", filename], { cwd: folder });
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(join(folder, "package"), join(folder, "node_modules/keyspot"));
  symlinkSync(join(root, "node_modules"), join(folder, "package/node_modules"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function runNode(code: string): string {
  return execFileSync(process.execPath, ["--input-type=module", "-e", code], {
    cwd: folder,
    encoding: "utf8",
  });
}

/** The names that each import of an example takes, by the module's name. */
function importsOf(text: string): [module: string, names: string[]][] {
  return [...text.matchAll(/^import \{([^}]+)\} from "(keyspot[^"]*)";$/gm)].map(([, names, module]) => [
    module!,
    names!
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  ]);
}

test("every export of every entry can be imported, and is defined", () => {
  const entries = Object.keys(
    (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: object }).exports,
  ).filter((entry) => entry !== "./package.json");
  expect(entries).toEqual([".", "./dsp", "./data", "./sound"]);
  const counts = JSON.parse(
    runNode(`
      const counts = {};
      for (const entry of ${JSON.stringify(entries)}) {
        const names = Object.entries(await import("keyspot" + entry.slice(1)));
        for (const [name, value] of names) if (value === undefined) throw new Error(name + " is undefined");
        counts[entry] = names.length;
      }
      process.stdout.write(JSON.stringify(counts), () => process.exit());`),
  ) as Record<string, number>;
  expect(counts["."]).toBeLessThanOrEqual(32);
  for (const entry of entries) expect(counts[entry]).toBeGreaterThan(10);
});

test("what the examples of the docs import is exported, by a consumer's strict types", () => {
  const consumers = docs.map((doc) => {
    const imports = importsOf(readFileSync(join(root, doc), "utf8"));
    expect(imports.length, doc).toBeGreaterThan(0);
    let alias = 0; // several examples of a page may import the same name
    const lines = imports.flatMap(([module, names]) =>
      names.map((name) => `export { ${name} as _${alias++} } from "${module}";`),
    );
    const consumer = join(folder, `${doc.replaceAll(/\W/g, "-")}.ts`);
    writeFileSync(consumer, lines.join("\n"));
    return consumer;
  });
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const flags =
    "--noEmit --strict --skipLibCheck --module nodenext --moduleResolution nodenext --target es2023";
  try {
    execFileSync(process.execPath, [tsc, ...flags.split(" "), ...consumers], {
      cwd: folder,
      encoding: "utf8",
    });
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout);
  }
});

test("a shipped model is found by its name from any folder", () => {
  const kws = join(folder, "package/dist/cli/main.js");
  const json = execFileSync(
    process.execPath,
    [kws, "predict", "kws-8k", "--data", "sample", "--index", "3", "--json", "--quiet"],
    { cwd: folder, encoding: "utf8" },
  );
  expect(JSON.parse(json)).toMatchObject([{ index: 3, label: expect.any(String) }]);
});

test("the tarball holds what the README names", () => {
  const links = [
    ...readFileSync(join(root, "README.md"), "utf8").matchAll(/\]\(((?!https?:)[^)#]+)[^)]*\)/g),
  ].map(([, target]) => target!);
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) expect(files).toContain(link);
});
