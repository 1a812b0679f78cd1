/**
 * Makes a recording of 1 GB (noise and a sweep, 16 kHz, 16 bits) and stores its spectrogram through the built
 * package: seconds, peak memory of the process, and how much faster two threads compute than one, the
 * computing alone.
 *
 * npm run build && npx tsx bench/recording.ts
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../src/base/random.js";

const RATE = 16_000;
const BYTES = 2 ** 30;
const folder = mkdtempSync(join(tmpdir(), "keyspot-recording-"));
const wav = join(folder, "long.wav");
const dist = (file: string) => new URL(`../dist/${file}`, import.meta.url).href;

function makeRecording(): void {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + BYTES, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(2 * RATE, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(BYTES, 40);
  const random = new Random(1, "recording");
  const noise = Float64Array.from({ length: 2 ** 20 }, () => random.normal());
  const file = openSync(wav, "w");
  writeSync(file, header);
  const piece = new Int16Array(2 ** 20);
  for (let at = 0; at < BYTES / 2; at += piece.length) {
    for (let i = 0; i < piece.length; i++) {
      const t = (at + i) / RATE;
      const shifted = noise[(i * 3 + at / 7) & (2 ** 20 - 1)]!; // not the same noise in every piece
      piece[i] = 1000 * shifted + 8000 * Math.sin(2 * Math.PI * (500 + 0.05 * t) * t);
    }
    writeSync(file, new Uint8Array(piece.buffer));
  }
  closeSync(file);
}

/** Runs a module's text in a process of its own and parses the JSON that it prints. */
function measure<T>(script: string): T {
  const file = join(folder, "measure.mjs");
  writeFileSync(file, script);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as T;
}

function store(workers: number) {
  const out = join(folder, `${workers}.zarr`);
  const result = measure<{ seconds: number; mb: number; frames: number }>(`
import { storeSpectrogram } from ${JSON.stringify(dist("sound/store/write.js"))};
const start = performance.now();
const { frames } = await storeSpectrogram(${JSON.stringify(wav)}, ${JSON.stringify(out)}, { workers: ${workers}, log: true });
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ seconds, mb: process.resourceUsage().maxRSS / 1024, frames }));`);
  rmSync(out, { recursive: true });
  return result;
}

/** Computes some chunks in threads without writing them. Returns seconds, from when the threads are ready. */
function compute(workers: number): number {
  const thread = `
import { parentPort, workerData } from "node:worker_threads";
const { WavReader } = await import(${JSON.stringify(dist("audio/wav/reader.js"))});
const { computeChunk } = await import(${JSON.stringify(dist("sound/store/compute.js"))});
const { resolveStoreSettings } = await import(${JSON.stringify(dist("sound/store/settings.js"))});
const recording = new WavReader(${JSON.stringify(wav)});
const settings = resolveStoreSettings(recording, { log: true });
for (let i = 0; i < 20; i++) computeChunk(recording, settings, i);
parentPort.on("message", () => {
  for (let i = workerData.first; i < 400; i += workerData.step) computeChunk(recording, settings, i);
  parentPort.postMessage("done");
});
parentPort.postMessage("ready");`;
  return measure<number>(`
import { once } from "node:events";
import { Worker } from "node:worker_threads";
const code = new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(thread)}));
const threads = Array.from({ length: ${workers} }, (_, first) => new Worker(code, { workerData: { first, step: ${workers} } }));
await Promise.all(threads.map((thread) => once(thread, "message")));
const start = performance.now();
for (const thread of threads) thread.postMessage("go");
await Promise.all(threads.map((thread) => once(thread, "message")));
console.log((performance.now() - start) / 1000);
process.exit();`);
}

try {
  makeRecording();
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}`);
  const audio = BYTES / 2 / RATE;
  for (const workers of [2, 1]) {
    const { seconds, mb, frames } = store(workers);
    console.log(
      `${workers} workers: ${frames} frames in ${seconds.toFixed(1)} s, ${(audio / seconds).toFixed(0)} times as fast as sound, ` +
        `${(BYTES / 1e6 / seconds).toFixed(0)} MB/s, peak ${mb.toFixed(0)} MB`,
    );
  }
  const rounds = [1, 2, 3].map(() => ({ one: compute(1), two: compute(2) }));
  const [one, two] = [Math.min(...rounds.map(({ one }) => one)), Math.min(...rounds.map(({ two }) => two))];
  console.log(
    `the computing alone, 400 chunks: ${one.toFixed(2)} s with one, ${two.toFixed(2)} s with two: ${(one / two).toFixed(2)} times`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
