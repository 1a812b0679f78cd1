// Compiles frames.ts (AssemblyScript) and writes it, as base64, to src/dsp/frames-wasm.ts: `node kernels/build.mjs`.
// The compiler is fetched for the run: it is 100 MB, and only whoever changes the kernel needs it.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("frames.ts", import.meta.url));
const target = fileURLToPath(new URL("../src/dsp/frames-wasm.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "keyspot-kernels-"));
const binary = join(folder, "frames.wasm");
const options = ["-O3", "--enable", "simd", "--runtime", "stub", "--noAssert", "--importMemory", "-o", binary];
execFileSync("npx", ["--yes", "--package", "assemblyscript@0.28.20", "asc", source, ...options], {
  stdio: "inherit",
  cwd: folder,
});
const hash = createHash("sha256").update(readFileSync(source)).digest("hex");
writeFileSync(
  target,
  `// Made by kernels/build.mjs from kernels/frames.ts. Do not edit.
export const framesSourceSha256 = "${hash}";
export const framesWasm =
  "${readFileSync(binary).toString("base64")}";
`,
);
rmSync(folder, { recursive: true });
