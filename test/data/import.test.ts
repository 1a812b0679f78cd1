import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clipFromAudio } from "../../src/audio/clip.js";
import { readWavFile } from "../../src/audio/wav/decode.js";
import { WavReader } from "../../src/audio/wav/reader.js";
import { readClip } from "../../src/data/choose.js";
import type { Clips, Part } from "../../src/data/clips.js";
import { readNpz } from "../../src/data/formats/npz.js";
import { readFolder } from "../../src/data/speech-commands/folder.js";
import { importFolder } from "../../src/data/speech-commands/import/import.js";
import { planImport } from "../../src/data/speech-commands/import/plan.js";
import { hasPython, runPython } from "../helpers/python.js";
import { otherWords, wantedWords, writeSpeechCommands } from "../helpers/speech-commands.js";
import { wavFile } from "../helpers/wav.js";

const root = mkdtempSync(join(tmpdir(), "keyspot-import-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folder = join(root, "speech_commands");
const listed = join(root, "listed");
const parts: readonly Part[] = ["train", "val", "test"];

/** `which_set` of the data set's README, read as it is written there. */
function whichSet(name: string): Part {
  const hashName = name.replace(/^.*\//, "").replace(/_nohash_.*$/, "");
  const largest = 2 ** 27 - 1;
  const hash = BigInt(`0x${createHash("sha1").update(hashName).digest("hex")}`);
  const percentage = Number(hash % BigInt(largest + 1)) * (100 / largest);
  if (percentage < 10) return "val";
  return percentage < 20 ? "test" : "train";
}

const rowsOf = (clips: Clips, label: string, part?: Part) =>
  [...clips.labels.keys()].filter(
    (row) => clips.labels[row] === label && (part === undefined || clips.officialParts![row] === part),
  );

describe("importFolder", () => {
  let files: string[];
  let clips: Clips;
  beforeAll(async () => {
    files = writeSpeechCommands(folder);
    await importFolder(folder, join(root, "hashed.npz"), { workers: 2 });
    clips = await readNpz(join(root, "hashed.npz"));
  });

  test("takes every clip of the ten words, in the part of the official hash", () => {
    for (const word of wantedWords) {
      const expected = files.filter((name) => name.startsWith(`${word}/`));
      const said = rowsOf(clips, word).map((row) => [clips.speakers![row], clips.officialParts![row]]);
      expect(said.sort()).toEqual(
        expected.map((name) => [/\/(.*)_nohash_/.exec(name)![1], whichSet(name)]).sort(),
      );
    }
  });

  test("adds to each part a tenth of its words, rounded up, of other words and of noise", () => {
    for (const part of parts) {
      const words = files.filter(
        (name) => wantedWords.includes(name.split("/")[0]!) && whichSet(name) === part,
      );
      expect(words.length).toBeGreaterThan(0);
      const extra = Math.ceil(words.length / 10);
      const unknown = rowsOf(clips, "unknown", part);
      expect(unknown).toHaveLength(extra);
      expect(rowsOf(clips, "silence", part)).toHaveLength(extra);
      for (const row of unknown) {
        expect(otherWords).toContain(clips.words![row]);
        expect(whichSet(`${clips.speakers![row]}_nohash_0.wav`)).toBe(part);
      }
      const drawn = unknown.map((row) => `${clips.words![row]} ${clips.speakers![row]}`);
      expect(new Set(drawn).size).toBe(extra); // none twice
    }
  });

  test("the clips are those that a folder gives that is read as data", async () => {
    const read = await readFolder(folder, { sampleRate: 8000 });
    const key = (of: Clips, row: number) => `${of.words![row]} ${of.speakers![row]}`;
    const rows = new Map([...read.labels.keys()].map((row) => [key(read, row), row]));
    for (const label of ["yes", "go", "unknown"]) {
      for (const row of rowsOf(clips, label)) {
        const original = readClip(read, rows.get(key(clips, row))!);
        expect(readClip(clips, row)).toEqual(original);
      }
    }
  });

  test("silence is a second of the noise at some volume, no stretch of noise in two parts", async () => {
    const stretches: Record<Part, Set<string>> = { train: new Set(), val: new Set(), test: new Set() };
    for (const row of rowsOf(clips, "silence")) {
      const [, recording, stretch] = /^bg_(hum|rain)_0(\d)$/.exec(clips.speakers![row]!)!;
      const part = clips.officialParts![row]!;
      expect(part).toBe({ 8: "val", 9: "test" }[stretch!] ?? "train");
      stretches[part].add(clips.speakers![row]!);
      // The clip must be found within its stretch: the highest correlation with any second of it is all but 1.
      const noise = await readWavFile(join(folder, "_background_noise_", `${recording}.wav`));
      const whole = noise.channels[0]!;
      const tenth = whole.length / 10;
      const from = Number(stretch) * tenth;
      const clip = readClip(clips, row);
      let best = 0;
      for (let start = from; start <= from + tenth - 16000; start += 1) {
        best = Math.max(best, quickLikeness(clip, whole, start));
        if (best > 0.9) break;
      }
      expect(best).toBeGreaterThan(0.6);
    }
    expect(stretches.train.size).toBeGreaterThan(4);
  });

  test("volumes are spread, as in the official code", () => {
    const levels = rowsOf(clips, "silence").map((row) => rms(readClip(clips, row)));
    // Uniform noise of amplitude 0.5, half of whose band is kept, at a volume from 0 to 1.
    const loudest = 0.5 / Math.sqrt(3) / Math.SQRT2;
    expect(Math.max(...levels)).toBeLessThan(1.1 * loudest);
    expect(Math.max(...levels)).toBeGreaterThan(0.6 * loudest);
    expect(Math.min(...levels)).toBeLessThan(0.3 * loudest);
  });

  test("the same seed gives the same file, whatever the threads; another seed other clips", async () => {
    const bytes = async (name: string, options: Parameters<typeof importFolder>[2]) => {
      await importFolder(folder, join(root, name), options);
      return readFileSync(join(root, name));
    };
    const first = readFileSync(join(root, "hashed.npz"));
    expect((await bytes("again.npz", { workers: 1 })).equals(first)).toBe(true);
    expect((await bytes("other.npz", { seed: 7 })).equals(first)).toBe(false);
    const other = await readNpz(join(root, "other.npz"));
    const said = (of: Clips) => rowsOf(of, "unknown").map((row) => `${of.words![row]} ${of.speakers![row]}`);
    expect(said(other).sort()).not.toEqual(said(clips).sort());
    expect(other.labels).not.toEqual(clips.labels); // shuffled otherwise
  });

  test("takes the data set's own lists where they are there", async () => {
    writeSpeechCommands(listed, { speakers: 6 });
    const speaker = (i: number) => (0x10000000 + i * 0x01234567).toString(16);
    const list = (i: number) =>
      [...wantedWords, ...otherWords].map((word) => `${word}/${speaker(i)}_nohash_0.wav`).join("\n");
    writeFileSync(join(listed, "validation_list.txt"), list(0));
    writeFileSync(join(listed, "testing_list.txt"), `${list(1)}\n`);
    const summary = await importFolder(listed, join(root, "listed.npz"), { workers: 1 });
    expect(summary).toMatchObject({ clips: 72, partsFrom: "lists", speakers: 6, notes: [] });
    expect(summary.labels).toHaveLength(12);
    expect(summary.labels[0]).toEqual({ label: "yes", train: 4, val: 1, test: 1 });
    expect(summary.labels[10]).toEqual({ label: "unknown", train: 4, val: 1, test: 1 });
    writeFileSync(join(listed, "testing_list.txt"), `${list(1)}\nno/nobody_nohash_0.wav\n`);
    const { notes } = await importFolder(listed, join(root, "more.npz"), { workers: 1 });
    expect(notes).toEqual([
      `1 of 14 lines of ${join(listed, "testing_list.txt")} name no file here (first: no/nobody_nohash_0.wav)`,
    ]);
    const made = await readNpz(join(root, "listed.npz"));
    for (const word of wantedWords) {
      expect(rowsOf(made, word, "val").map((row) => made.speakers![row])).toEqual([speaker(0)]);
      expect(rowsOf(made, word, "test").map((row) => made.speakers![row])).toEqual([speaker(1)]);
    }
  });

  test("16 kHz, float32, other labels: the recordings as they are", async () => {
    const out = join(root, "float.npz");
    const progress: number[][] = [];
    const summary = await importFolder(folder, out, {
      ...{ sampleRate: 16000, dtype: "float32", labels: ["cat", "bed"], workers: 2 },
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(summary).toMatchObject({ clips: 60, sampleRate: 16000, dtype: "float32" });
    expect(progress.at(-1)).toEqual([60, 60]);
    const made = await readNpz(out);
    expect(made.sampleRate).toBe(16000);
    expect(new Set(made.labels)).toEqual(new Set(["cat", "bed"]));
    for (const row of [0, 7, 59]) {
      const { channels } = await readWavFile(
        join(folder, made.labels[row]!, `${made.speakers![row]}_nohash_0.wav`),
      );
      const expected = new Float32Array(16000);
      expected.set(channels[0]!);
      expect(readClip(made, row)).toEqual(expected);
    }
  });

  test("folders of unknown and silence of one's own are taken as they are", async () => {
    const own = join(root, "own");
    writeSpeechCommands(own, { words: ["hey", "_unknown_", "silence"], speakers: 10 });
    const summary = await importFolder(own, join(root, "own.npz"), {
      labels: ["hey", "unknown", "silence"],
      workers: 1,
    });
    expect(summary.labels.map(({ label, train, val, test }) => [label, train + val + test])).toEqual([
      ["hey", 10],
      ["unknown", 10],
      ["silence", 10],
    ]);
  });

  test("names without a speaker are hashed whole, and leave the speakers out", async () => {
    const plain = join(root, "plain");
    for (const word of ["a", "b"]) {
      mkdirSync(join(plain, word), { recursive: true });
      for (let i = 0; i < 40; i++)
        writeFileSync(join(plain, word, `${i}.wav`), wavFile([[0.5, 0.25, i / 100]]));
    }
    const summary = await importFolder(plain, join(root, "plain.npz"), { labels: ["a", "b"], workers: 1 });
    expect(summary.speakers).toBeNull();
    const made = await readNpz(join(root, "plain.npz"));
    expect(made.speakers).toBeUndefined();
    for (const row of made.labels.keys()) {
      const number = Math.round(readClip(made, row)[2]! * 100);
      expect(made.officialParts![row]).toBe(whichSet(`${number}.wav`));
    }
  });

  test("says how many recordings were clipped; float32 keeps them", async () => {
    const loud = join(root, "loud");
    for (const word of ["a", "b"]) mkdirSync(join(loud, word), { recursive: true });
    writeFileSync(join(loud, "a/1.wav"), wavFile([[0.5, 2, -3]], { codec: "float32" }));
    writeFileSync(join(loud, "b/1.wav"), wavFile([[0.5, 1, -1]], { codec: "float32" }));
    const out = join(root, "loud.npz");
    const labels = ["a", "b"];
    const { notes } = await importFolder(loud, out, { labels, workers: 1 });
    expect(notes).toEqual([expect.stringMatching(/^1 recording goes beyond full scale/)]);
    expect((await importFolder(loud, out, { labels, dtype: "float32", workers: 1 })).notes).toEqual([]);
    const made = await readNpz(out);
    expect(Array.from(readClip(made, made.labels.indexOf("a")).subarray(0, 3))).toEqual([0.5, 2, -3]);
  });

  describe("what the user can mend", () => {
    const failing = (path: string, labels?: string[]) =>
      importFolder(path, join(root, "never.npz"), { workers: 1, ...(labels && { labels }) });

    test.each<[string, string[] | undefined, RegExp, number]>([
      ["listed", ["yes", "maybe", "never"], /listed has no folder for maybe, never: .* found bed, cat, /, 1],
      [
        "plain",
        undefined,
        /plain has no folder for yes, no, .*, go: expected one for each label, found a, b$/,
        1,
      ],
      ["plain", ["a", "b", "unknown"], /plain has no folders of other words, which "unknown" is made of/, 1],
      ["plain", ["a", "b", "silence"], /plain has no _background_noise_ with WAV files/, 1],
      ["plain", ["a", "a"], /--labels: "a" is asked for twice/, 2],
      ["plain", ["a", ""], /--labels: an empty label/, 2],
      ["plain", ["unknown", "silence"], /at least one word was expected/, 2],
      ["absent", undefined, /cannot read .*absent: no such file or folder/, 1],
      ["empty", undefined, /empty has no word folders with WAV files/, 1],
    ])("%s %j", async (name, labels, message, exitCode) => {
      mkdirSync(join(root, "empty"), { recursive: true });
      await expect(failing(join(root, name), labels)).rejects.toMatchObject({
        name: "UserError",
        message: expect.stringMatching(message),
        exitCode,
      });
    });

    test("lists of which no line names a file", async () => {
      const useless = join(root, "useless");
      writeSpeechCommands(useless, { words: ["a", "b"], speakers: 2, rate: 8000 });
      writeFileSync(join(useless, "testing_list.txt"), "a/nobody_nohash_0.wav\ndata/b/nobody_nohash_0.wav\n");
      await expect(failing(useless, ["a", "b"])).rejects.toMatchObject({
        name: "UserError",
        message: expect.stringMatching(
          /^2 of 2 lines of .*testing_list\.txt name no file here \(first: a\/nobody_nohash_0\.wav\): expected names such as b\/\w+_nohash_0\.wav, or no lists$/,
        ),
      });
    });

    test("a file that is no WAV is named, and nothing is left behind", async () => {
      const bad = join(root, "bad");
      writeSpeechCommands(bad, { words: ["a", "b"], speakers: 80, rate: 8000 });
      writeFileSync(join(bad, "b", "zz_nohash_0.wav"), "RIFF, but no sound");
      const out = join(root, "bad-out");
      mkdirSync(out);
      await expect(
        importFolder(bad, join(out, "bad.npz"), { labels: ["a", "b"], workers: 2 }),
      ).rejects.toMatchObject({
        name: "UserError",
        message: expect.stringContaining(join("b", "zz_nohash_0.wav")),
      });
      expect(readdirSync(out)).toEqual([]);
    });

    test("noise of less than ten seconds is left out, and said; nothing else is an error", async () => {
      const short = join(root, "short");
      writeSpeechCommands(short, { words: ["a", "b"], speakers: 10, rate: 8000 });
      writeFileSync(
        join(short, "_background_noise_", "click.wav"),
        wavFile([new Float32Array(79_999)], { sampleRate: 8000 }),
      );
      const labels = ["a", "b", "silence"];
      const { notes } = await importFolder(short, join(root, "short.npz"), { labels, workers: 1 });
      expect(notes).toEqual([
        expect.stringMatching(
          /^_background_noise_\/click\.wav: too short, left out; noise must last at least 10 s, /,
        ),
      ]);
      for (const name of ["hum", "rain"]) rmSync(join(short, "_background_noise_", `${name}.wav`));
      await expect(failing(short, labels)).rejects.toMatchObject({
        message: expect.stringMatching(/all shorter$/),
      });
    });
  });

  describe.skipIf(!hasPython("numpy"))("against NumPy and the official code (Python)", () => {
    test("NumPy reads the arrays, and hashlib gives the same parts", () => {
      const found = runPython<Record<string, unknown>>(
        `
import hashlib, re
data = np.load(input["path"])
def which_set(name):
    largest = 2 ** 27 - 1
    digest = int(hashlib.sha1(re.sub(r"_nohash_.*$", "", name).encode()).hexdigest(), 16)
    percentage = (digest % (largest + 1)) * (100.0 / largest)
    return "val" if percentage < 10 else "test" if percentage < 20 else "train"
voices = data["speaker_vals"][:, 0]
spoken = data["label_vals"][:, 0] != "silence"
output = {
    "names": sorted(data.files),
    "shapes": [list(data[name].shape) for name in sorted(data.files)],
    "dtype": str(data["wav_vals"].dtype),
    "rate": int(data["sample_rate"]),
    "wrong": int(sum(which_set(v) != p for v, p in zip(voices[spoken], data["part_vals"][spoken, 0]))),
    "peak": int(np.abs(data["wav_vals"][spoken].astype(int)[:, 100:3900]).max()),
}
`,
        { path: join(root, "hashed.npz") },
      );
      const rows = clips.labels.length;
      expect(found).toEqual({
        names: ["label_vals", "part_vals", "sample_rate", "speaker_vals", "wav_vals", "word_vals"],
        shapes: [[rows, 1], [rows, 1], [], [rows, 1], [rows, 8000], [rows, 1]],
        dtype: "int16",
        rate: 8000,
        wrong: 0,
        peak: expect.closeTo(16384, -2),
      });
    });
  });
});

describe("planImport", () => {
  test("makes of v0.02's counts the official task's 36,923, 4,445 and 4,890 clips", () => {
    // Clips of the ten words in v0.02's own lists.
    const counts = { train: 30769, val: 3703, test: 4074 };
    const list = new Map<string, Part>();
    const files: { name: string; folder: string; base: string }[] = [];
    for (const part of parts) {
      for (let i = 0; i < counts[part]; i++) {
        for (const folder of [wantedWords[i % 10]!, "bed"]) {
          const base = `${part}${i}_nohash_0`;
          files.push({ name: `${folder}/${base}.wav`, folder, base });
          if (part !== "train") list.set(`${folder}/${base}.wav`, part);
        }
      }
    }
    const noise = {
      file: { name: "_background_noise_/x.wav", folder: "", base: "x" },
      sampleRate: 10,
      length: 105,
    };
    const plan = planImport(files, list, [noise], { path: "x", seed: 1 });
    const found = parts.map((part) => plan.clips.filter((clip) => clip.part === part).length);
    expect(found).toEqual([36923, 4445, 4890]);
    // No second of noise reaches over the border of its part's stretches, and the whole of them is used.
    const starts = (part: Part) =>
      plan.clips.flatMap((clip) => (clip.part === part && clip.cut ? [clip.cut.start] : []));
    expect([Math.min(...starts("train")), Math.max(...starts("train"))]).toEqual([0, 74]); // up to 84
    expect(new Set(starts("val"))).toEqual(new Set([84])); // up to 94
    expect(new Set(starts("test"))).toEqual(new Set([94, 95])); // up to 105
  });
});

const shared = fileURLToPath(new URL("../../../shared/data/wavs/", import.meta.url));

describe.skipIf(!existsSync(shared))("importFolder, on real recordings", () => {
  test("the clips of the official test set are in the test part, and their samples are the files'", async () => {
    const real = join(root, "real");
    const [, ...lines] = readFileSync(join(shared, "manifest.csv"), "utf8").trim().split("\n");
    const rows = lines.map((line) => line.split(","));
    for (const [file, label, word] of rows) {
      if (label === "silence") continue;
      mkdirSync(join(real, word!), { recursive: true });
      copyFileSync(join(shared, file!), join(real, word!, file!.slice(word!.length + 1)));
    }
    const labels = readdirSync(real);
    const out = join(root, "real.npz");
    const summary = await importFolder(real, out, { labels, sampleRate: 16000, workers: 2 });
    expect(summary.clips).toBe(39);
    // All but the few from v0.01 are clips of the official test set of v0.02.
    expect(summary.labels.reduce((sum, { test }) => sum + test, 0)).toBeGreaterThan(30);
    const made = await readNpz(out);
    for (const row of made.labels.keys()) {
      const name = readdirSync(join(real, made.labels[row]!)).find((each) =>
        each.startsWith(`${made.speakers![row]}_`),
      )!;
      const recording = new WavReader(join(real, made.labels[row]!, name));
      const samples = recording.read(0, recording.length, "mean");
      recording.close();
      const audio = { sampleRate: 16000, channels: [samples] };
      expect(readClip(made, row)).toEqual(clipFromAudio(audio, 16000, 16000).samples);
    }
  });
});

/** Correlation of an 8 kHz clip with a 16 kHz noise from `start` on, over a few hundred samples. */
function quickLikeness(clip: Float32Array, noise: Float32Array, start: number): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 200; i < 700; i++) {
    const a = clip[i]!;
    // Half the rate: the mean of a sample with its neighbours comes near what the resampler keeps.
    const at = start + 2 * i;
    const b = 0.25 * noise[at - 1]! + 0.5 * noise[at]! + 0.25 * noise[at + 1]!;
    ab += a * b;
    aa += a * a;
    bb += b * b;
  }
  return ab / Math.sqrt(aa * bb);
}

function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
}
