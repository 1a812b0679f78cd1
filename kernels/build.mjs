// Compiles the kernels (AssemblyScript) and writes them, as base64, to where they are used: `node kernels/build.mjs`.
// The compiler is fetched for the run: it is 100 MB, and only whoever changes a kernel needs it.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const shared = ["--sharedMemory", "--maximumMemory", "65536", "--enable", "threads"];
build("frames.ts", "src/dsp/fourier/frames-wasm.ts", { framesWasm: [] });
build("speed.ts", "src/data/augment/speed-wasm.ts", { speedWasm: [] });
build("blocks.ts", "src/backend/wasm/blocks-wasm.ts", { blocksWasm: [], blocksSharedWasm: shared });

/** Every variant is one constant, compiled with options of its own. */
function build(sourceName, targetName, variants) {
  const source = fileURLToPath(new URL(sourceName, import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "keyspot-kernels-"));
  const binary = join(folder, "kernel.wasm");
  const options = ["-O3", "--enable", "simd", "--runtime", "stub", "--noAssert", "--importMemory", "-o", binary];
  const hash = createHash("sha256").update(readFileSync(source)).digest("hex");
  let text = `// Made by kernels/build.mjs from kernels/${sourceName}. Do not edit.
export const ${sourceName.replace(".ts", "")}SourceSha256 = "${hash}";
`;
  for (const [name, more] of Object.entries(variants)) {
    execFileSync("npx", ["--yes", "--package", "assemblyscript@0.28.20", "asc", source, ...options, ...more], {
      stdio: "inherit",
      cwd: folder,
    });
    text += `export const ${name} =\n  "${readFileSync(binary).toString("base64")}";\n`;
  }
  writeFileSync(fileURLToPath(new URL(`../${targetName}`, import.meta.url)), text);
  rmSync(folder, { recursive: true });
}
