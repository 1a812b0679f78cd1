/**
 * Loads files of the course's full size, 50,620 clips of 8,000 float32 samples, with the built package and with NumPy
 * in turn, each time in a process of its own, and prints the table for docs/performance.md. Each file is made, read and
 * deleted before the next one: it needs 2 GB of disk and 4 GB of memory, and Python with NumPy.
 *
 *   npm run build && KEYSPOT_PYTHON=python3 npx tsx bench/load.ts [rounds]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

const python = process.env.KEYSPOT_PYTHON ?? "python3";
const rounds = Number(process.argv[2] ?? 3);

/** What peak memory (GB) and time (as a multiple of NumPy's) are meant to stay within. */
const files = [
  { name: "exact 16-bit values, savez", scale: 1, save: "savez", goalGB: 1.3 },
  { name: "exact 16-bit values, savez_compressed", scale: 1, save: "savez_compressed", goalGB: 1.3 },
  { name: "other values, savez", scale: 0.77, save: "savez", goalGB: 2.1 },
  { name: "other values, savez_compressed", scale: 0.77, save: "savez_compressed", goalGB: 2.1 },
];
const GOAL_RATIO = 1.5;

/** Bursts of noise at 16 bits, about as hard to compress as the recordings. */
const make = `
import sys
import numpy as np
path, scale, save = sys.argv[1], float(sys.argv[2]), sys.argv[3]
rng = np.random.default_rng(0)
labels = "yes no up down left right on off stop go unknow slience".split()
n = 50620
x = np.empty((n, 8000), np.float32)
envelope = np.exp(-(((np.arange(8000) - 4000) / 1500) ** 2)).astype(np.float32)
for i in range(0, n, 1000):
    rows = x[i : i + 1000]
    rows[:] = rng.standard_normal(rows.shape, np.float32) * envelope * rng.uniform(200, 6000, (len(rows), 1))
    np.clip(np.round(rows, out=rows), -32768, 32767, out=rows)
    rows *= np.float32(scale / 32768)
y = np.array(labels, "<U7")[rng.integers(0, 12, (n, 1))]
getattr(np, save)(path, wav_vals=x, label_vals=y)
`;

const loadWithNumpy = `
import json, resource, sys, time
import numpy as np
start = time.perf_counter()
with np.load(sys.argv[1]) as data:
    x = data["wav_vals"]
    y = data["label_vals"]
seconds = time.perf_counter() - start
print(json.dumps([len(x), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6 * 1.024]))
`;

const loadWithKeyspot = `
import { readNpz } from ${JSON.stringify(new URL("../dist/data/formats/npz.js", import.meta.url).href)};
const start = performance.now();
const clips = await readNpz(process.argv[1]);
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify([clips.samples.count, seconds, process.resourceUsage().maxRSS / 1e6 * 1.024]));
`;

interface Measured {
  seconds: number[];
  peakGB: number;
}

function measure(into: Measured, command: string, args: readonly string[]): void {
  const [count, seconds, peakGB] = JSON.parse(execFileSync(command, args, { encoding: "utf8" }));
  if (count !== 50620) throw new Error(`${command} read ${count} clips`);
  into.seconds.push(seconds);
  into.peakGB = Math.max(into.peakGB, peakGB);
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const folder = mkdtempSync(join(tmpdir(), "keyspot-bench-"));
let held = true;
try {
  const numpyVersion = execFileSync(python, ["-c", "import numpy; print(numpy.__version__)"], {
    encoding: "utf8",
  });
  console.log(
    `Node ${process.versions.node}, NumPy ${numpyVersion.trim()}, ${cpus()[0]?.model}, ${rounds} rounds\n`,
  );
  console.log("| file | size | keyspot | NumPy | ratio | keyspot's peak | NumPy's peak |");
  console.log("| --- | --: | --: | --: | --: | --: | --: |");
  for (const { name, scale, save, goalGB } of files) {
    const path = join(folder, "full.npz");
    execFileSync(python, ["-c", make, path, String(scale), save]);
    const ours: Measured = { seconds: [], peakGB: 0 };
    const theirs: Measured = { seconds: [], peakGB: 0 };
    for (let round = 0; round < rounds; round++) {
      measure(theirs, python, ["-c", loadWithNumpy, path]);
      measure(ours, process.execPath, ["--input-type=module", "-e", loadWithKeyspot, path]);
    }
    const size = statSync(path).size / 1e9;
    rmSync(path);
    const ratio = median(ours.seconds) / median(theirs.seconds);
    held &&= ratio <= GOAL_RATIO && ours.peakGB <= goalGB;
    console.log(
      `| ${name} | ${size.toFixed(2)} GB | ${median(ours.seconds).toFixed(2)} s | ${median(theirs.seconds).toFixed(2)} s ` +
        `| ${ratio.toFixed(2)} | ${ours.peakGB.toFixed(2)} GB | ${theirs.peakGB.toFixed(2)} GB |`,
    );
  }
  console.log(held ? "\nThe goals hold." : "\nA goal is missed.");
} finally {
  rmSync(folder, { recursive: true });
}
