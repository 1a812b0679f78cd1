/**
 * Spectra of a thousand clips with `src/dsp`, librosa and torchaudio in turn, one thread each, and the table for
 * docs/performance.md. What is measured is processor time, of Node with its garbage collector, so that other work on the
 * machine counts little; each time is that of the second of two passes, the first one being to warm up. Needs Python with librosa; torchaudio is left out where it is not installed.
 *
 *   KEYSPOT_PYTHON=python3 npx tsx bench/dsp.ts [rounds]
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Random } from "../src/base/random.js";
import { transpose } from "../src/dsp/fourier/spectrogram.js";
import { stft } from "../src/dsp/fourier/stft.js";
import { logMel } from "../src/dsp/mel.js";

const python = process.env.KEYSPOT_PYTHON ?? "python3";
const rounds = Number(process.argv[2] ?? 5);
const CLIPS = 1000;
const SAMPLES = 8000;

const mel = { sampleRate: 8000, nFft: 512, hop: 128, nMels: 40 };
const spectrum = stft(new Float32Array(SAMPLES), { nFft: 512, hop: 128 });
/** Each task gives a clip's values for comparison, `[bins, frames]` as librosa has them. */
const tasks: { name: string; title: string; run: (clip: Float32Array) => () => Float64Array }[] = [
  {
    name: "stft512",
    title: "STFT, n_fft 512, hop 128",
    run: (clip) => {
      const { re, frames, bins } = stft(clip, { nFft: 512, hop: 128 });
      return () => transpose(re, frames, bins);
    },
  },
  {
    name: "stft512out",
    title: "the same into one memory for all (`out`)",
    run: (clip) => {
      const { re, frames, bins } = stft(clip, { nFft: 512, hop: 128 }, spectrum);
      return () => transpose(re, frames, bins);
    },
  },
  {
    name: "logmel",
    title: "log-mel, n_fft 512, hop 128, 40 bands",
    run: (clip) => {
      const { values, frames, bins } = logMel(clip, mel);
      return () => transpose(values, frames, bins);
    },
  },
  {
    name: "stft258",
    title: "STFT, n_fft 258, hop 64",
    run: (clip) => {
      const { re, frames, bins } = stft(clip, { nFft: 258, hop: 64 });
      return () => transpose(re, frames, bins);
    },
  },
];

/** Answers each line `task way` with the seconds it took, and `task first` with the values of the first clip. */
const server = `
import os, sys
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"
import json, time
import numpy as np, scipy, librosa
clips = np.fromfile(sys.argv[1], np.float32).reshape(${CLIPS}, ${SAMPLES})

def log_mel(y):
    mel = librosa.feature.melspectrogram(y=y, sr=8000, n_fft=512, hop_length=128, n_mels=40)
    return librosa.power_to_db(mel)

outs = {}
def stft_out(y):
    out = outs.get(y.ndim)
    outs[y.ndim] = librosa.stft(y, n_fft=512, hop_length=128, out=out)
    return outs[y.ndim]

peers = {"librosa": {
    "stft512": lambda y: librosa.stft(y, n_fft=512, hop_length=128),
    "stft512out": stft_out,
    "stft258": lambda y: librosa.stft(y, n_fft=258, hop_length=64),
    "logmel": log_mel,
}}
data = {"librosa": clips}
versions = f"librosa {librosa.__version__} (NumPy {np.__version__}, SciPy {scipy.__version__})"
try:
    import torch, torchaudio
    torch.set_num_threads(1)
    spectrogram = torchaudio.transforms.Spectrogram
    to_mel = torchaudio.transforms.MelSpectrogram(8000, n_fft=512, hop_length=128, n_mels=40, norm="slaney",
                                                  mel_scale="slaney", pad_mode="constant")
    to_db = torchaudio.transforms.AmplitudeToDB("power", top_db=80)
    peers["torchaudio"] = {
        "stft512": spectrogram(n_fft=512, hop_length=128, power=None, pad_mode="constant"),
        "stft258": spectrogram(n_fft=258, hop_length=64, power=None, pad_mode="constant"),
        "logmel": lambda y: to_db(to_mel(y)),
    }
    data["torchaudio"] = torch.from_numpy(clips)
    versions += f", torchaudio {torchaudio.__version__} (PyTorch {torch.__version__})"
except Exception as error:
    print(f"torchaudio is left out: {error}", file=sys.stderr)

print(json.dumps({"peers": list(peers), "versions": versions}), flush=True)
for line in sys.stdin:
    peer, task, way = line.split()
    if task not in peers[peer]:
        print("null", flush=True)
        continue
    run, x = peers[peer][task], data[peer]
    if way == "first":
        print(json.dumps(np.asarray(run(x[0])).real.astype(float).ravel().tolist()), flush=True)
        continue
    for timed in (False, True):
        start = time.process_time()
        if way == "clips":
            for clip in x:
                run(clip)
        else:
            run(x)
    print(time.process_time() - start, flush=True)
`;

const folder = mkdtempSync(join(tmpdir(), "keyspot-bench-"));
try {
  const random = new Random(1, "bench dsp");
  const all = Float32Array.from({ length: CLIPS * SAMPLES }, () => random.between(-0.5, 0.5));
  const clips = Array.from({ length: CLIPS }, (_, i) => all.slice(i * SAMPLES, (i + 1) * SAMPLES));
  const file = join(folder, "clips.f32");
  writeFileSync(file, new Uint8Array(all.buffer));
  const child = spawn(python, ["-c", server, file], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => JSON.parse((await lines.next()).value as string);
  const ask = (...words: string[]) => {
    child.stdin.write(`${words.join(" ")}\n`);
    return read();
  };
  const { peers, versions } = (await read()) as { peers: string[]; versions: string };
  const ways = peers.flatMap((peer) => ["clips", "array"].map((way) => [peer, way] as const));

  console.log(
    `Node ${process.versions.node}, ${versions}, ${cpus()[0]?.model.trim()}; best of ${rounds} rounds\n`,
  );
  console.log(
    `| ${CLIPS} clips | keyspot | ${ways.map(([peer, way]) => `${peer}, ${titleOf(way)}`).join(" | ")} |`,
  );
  console.log(`| --- | ---: | ${ways.map(() => "---:").join(" | ")} |`);
  for (const { name, title, run } of tasks) {
    const largest = largestDifference(run(clips[0]!)(), await ask("librosa", name, "first"));
    if (!(largest < 1e-4)) throw new Error(`${name} differs from librosa by ${largest} of its maximum`);
    const best = new Array<number>(1 + ways.length).fill(Number.POSITIVE_INFINITY);
    for (let round = 0; round < rounds; round++) {
      for (const clip of clips) run(clip);
      const start = process.cpuUsage();
      for (const clip of clips) run(clip);
      const { user, system } = process.cpuUsage(start);
      best[0] = Math.min(best[0]!, (user + system) / 1e6);
      for (const [i, [peer, way]] of ways.entries())
        best[i + 1] = Math.min(best[i + 1]!, (await ask(peer, name, way)) ?? Number.POSITIVE_INFINITY);
    }
    const [ours, ...theirs] = best as [number, ...number[]];
    const cells = theirs.map((seconds) =>
      Number.isFinite(seconds) ? `${milliseconds(seconds)} (${(seconds / ours).toFixed(1)})` : "",
    );
    console.log(`| ${title} | ${milliseconds(ours)} | ${cells.join(" | ")} |`);
  }
  child.stdin.end();
} finally {
  rmSync(folder, { recursive: true });
}

function titleOf(way: string): string {
  return way === "clips" ? "clip by clip" : "all in one array";
}

function milliseconds(seconds: number): string {
  return `${(1000 * seconds).toFixed(0)} ms`;
}

/** As a share of the expected values' largest. */
function largestDifference(actual: Float64Array, expected: number[]): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const size = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return actual.reduce((a, value, i) => Math.max(a, Math.abs(value - expected[i]!)), 0) / size;
}
