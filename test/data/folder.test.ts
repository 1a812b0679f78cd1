import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clipFromAudio } from "../../src/audio/clip.js";
import { decodeWav } from "../../src/audio/wav/decode.js";
import { UserError } from "../../src/base/errors.js";
import type { Clips } from "../../src/data/clips.js";
import { readFolder } from "../../src/data/speech-commands/folder.js";
import { wavFile } from "../helpers/wav.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "keyspot-folder-"));
});
afterEach(() => rm(root, { recursive: true }));

/** 16-bit samples that tell one clip from another, none of them -0. */
function tone(number: number, length = 8000): Float32Array {
  return Float32Array.from(
    { length },
    (_, i) => (Math.round(9000 * Math.sin(i * 0.01 * (number + 1))) + 0) / 32768,
  );
}

async function write(name: string, content: Uint8Array | string): Promise<void> {
  const path = join(root, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

function row(clips: Clips, index: number): Float32Array {
  const out = new Float32Array(clips.samples.clipLength);
  clips.samples.read(index, out);
  return out;
}

describe("readFolder", () => {
  it("reads words, speakers and samples, in the order of the names", async () => {
    await write("yes/bbbb_nohash_1.wav", wavFile([tone(3)]));
    await write("yes/bbbb_nohash_0.wav", wavFile([tone(2)]));
    await write("yes/aaaa_nohash_0.WAV", wavFile([tone(1)]));
    await write("no/cc_nohash_x_nohash_0.wav", wavFile([tone(0)]));
    await write("yes/._bbbb_nohash_0.wav", "hidden");
    await write("yes/notes.txt", "no sound");
    await write(".cache/aaaa_nohash_0.wav", "hidden");
    await write("README.md", "what this is");
    const progress: number[][] = [];
    const clips = await readFolder(root, {
      sampleRate: 8000,
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(clips.sampleRate).toBe(8000);
    expect(clips.labels).toEqual(["no", "yes", "yes", "yes"]);
    expect(clips.words).toEqual(clips.labels);
    expect(clips.speakers).toEqual(["cc_nohash_x", "aaaa", "bbbb", "bbbb"]);
    expect(clips.officialParts).toBeUndefined();
    expect(Array.from(clips.rows)).toEqual([0, 1, 2, 3]);
    for (let i = 0; i < 4; i++) expect(row(clips, i)).toEqual(tone(i));
    expect(progress).toEqual([1, 2, 3, 4].map((done) => [done, 4]));
    expect(clips.sources).toEqual([{ path: root, fingerprint: expect.any(String), rows: 4 }]);
  });

  it("keeps rows and files together when there are more than it reads ahead", async () => {
    const names = Array.from({ length: 70 }, (_, i) => `w${i % 7}/s${i}_nohash_0.wav`).sort();
    for (const [i, name] of names.entries()) await write(name, wavFile([tone(i)]));
    const clips = await readFolder(root, { sampleRate: 8000 });
    expect(clips.samples.count).toBe(70);
    for (const [i, name] of names.entries()) {
      expect(clips.labels[i]).toBe(name.slice(0, 2));
      expect(row(clips, i)).toEqual(tone(i));
    }
  });

  it("has no speakers where one file name tells none", async () => {
    await write("yes/aaaa_nohash_0.wav", wavFile([tone(0)]));
    await write("no/recording.wav", wavFile([tone(0)]));
    expect(await readFolder(root, { sampleRate: 8000 })).not.toHaveProperty("speakers");
  });

  it("mends the course's spelling and the names of the test archive's folders", async () => {
    for (const folder of ["unknow", "slience", "_silence_", "_unknown_", "zero"]) {
      await write(`${folder}/aaaa_nohash_0.wav`, wavFile([tone(0)]));
    }
    const { labels } = await readFolder(root, { sampleRate: 8000 });
    expect(labels).toEqual(["silence", "unknown", "silence", "unknown", "zero"]);
  });

  it("follows links to folders and files, and passes over one that leads nowhere", async () => {
    await write("real/aaaa_nohash_0.wav", wavFile([tone(4)]));
    await symlink(join(root, "real"), join(root, "yes"));
    await symlink(join(root, "gone"), join(root, "no"));
    const clips = await readFolder(root, { sampleRate: 8000 });
    expect(clips.labels).toEqual(["real", "yes"]);
    expect(row(clips, 1)).toEqual(tone(4));
  });

  it("makes clips of the rate that is asked for, rounded to 16 bits where they were resampled", async () => {
    const long = Float32Array.from({ length: 40000 }, (_, i) => 0.9 * Math.sin(i * 0.05));
    await write("yes/aaaa_nohash_0.wav", wavFile([long, long], { sampleRate: 16000 }));
    await write("yes/bbbb_nohash_0.wav", wavFile([tone(1, 3000)]));
    const clips = await readFolder(root, { sampleRate: 8000 });
    const audio = decodeWav(wavFile([long, long], { sampleRate: 16000 }), "test.wav");
    const { samples: expected } = clipFromAudio(audio, 8000, 8000);
    row(clips, 0).forEach((x, i) => {
      expect(Math.abs(x - expected[i]!)).toBeLessThanOrEqual(0.5 / 32768);
      expect(x * 32768).toBe(Math.round(x * 32768));
    });
    expect(row(clips, 1).subarray(0, 3000)).toEqual(tone(1, 3000));
    expect(
      row(clips, 1)
        .subarray(3000)
        .every((x) => x === 0),
    ).toBe(true);
  });

  it("keeps floats as they are, and beyond full scale also resampled ones", async () => {
    const loud = Float32Array.from({ length: 16000 }, (_, i) => 3 * Math.sin(i * 0.05));
    await write("yes/a_nohash_0.wav", wavFile([loud], { sampleRate: 16000, codec: "float32" }));
    await write("yes/b_nohash_0.wav", wavFile([loud.subarray(0, 8000)], { codec: "float32" }));
    const clips = await readFolder(root, { sampleRate: 8000 });
    expect(Math.max(...row(clips, 0))).toBeGreaterThan(2.9);
    expect(row(clips, 1)).toEqual(loud.slice(0, 8000));
  });

  it("cuts background noise into seconds of silence, with segments of ten seconds as speakers", async () => {
    const noise = Float32Array.from({ length: 8000 * 12 + 5000 }, (_, i) => ((i * 7919) % 20011) / 32768);
    await write("_background_noise_/running_tap.wav", wavFile([noise]));
    await write("_background_noise_/short.wav", wavFile([tone(0, 100)]));
    await write("_background_noise_/README.md", "where the noise comes from");
    await write("yes/aaaa_nohash_0.wav", wavFile([tone(0)]));
    const clips = await readFolder(root, { sampleRate: 8000 });
    expect(clips.labels).toEqual([...Array(13).fill("silence"), "yes"]);
    expect(clips.speakers).toEqual([
      ...Array(10).fill("bg_running_tap_00"),
      ...Array(2).fill("bg_running_tap_01"),
      "bg_short_00",
      "aaaa",
    ]);
    for (let second = 0; second < 12; second++) {
      const exact = noise.slice(second * 8000, (second + 1) * 8000);
      expect(row(clips, second)).toEqual(exact);
    }
    expect(row(clips, 12).subarray(0, 100)).toEqual(tone(0, 100));
  });

  it("takes the parts from the data set's lists, and those of noise from its rule", async () => {
    // Segments whose parts were computed from the SHA-1 of their names, as the data set's README has it.
    const minute = new Float32Array(8000 * 60);
    await write("_background_noise_/pink_noise.wav", wavFile([minute]));
    for (const speaker of ["aaaa", "bbbb", "cccc"]) {
      await write(`yes/${speaker}_nohash_0.wav`, wavFile([tone(0)]));
    }
    await write("validation_list.txt", "yes/bbbb_nohash_0.wav\r\nno/elsewhere_nohash_0.wav\r\n");
    await write("testing_list.txt", "yes/cccc_nohash_0.wav\n\n");
    const clips = await readFolder(root, { sampleRate: 8000 });
    const parts = clips.officialParts!;
    expect(parts.slice(-3)).toEqual(["train", "val", "test"]);
    expect(clips.officialNotes).toEqual([
      `1 of 2 lines of ${join(root, "validation_list.txt")} name no file here (first: no/elsewhere_nohash_0.wav)`,
    ]);
    const ofSegments = [0, 1, 2, 3, 4, 5].map(
      (segment) => new Set(parts.slice(segment * 10, segment * 10 + 10)),
    );
    expect(ofSegments.map((set) => [...set])).toEqual([
      ["train"],
      ["train"],
      ["val"],
      ["val"],
      ["train"],
      ["test"],
    ]);
  });

  it("takes lists with the paths of Windows, and has no note where every line names a file", async () => {
    for (const speaker of ["aaaa", "bbbb", "cccc"])
      await write(`yes/${speaker}_nohash_0.wav`, wavFile([tone(0)]));
    await write("validation_list.txt", "yes\\bbbb_nohash_0.wav\r\n");
    await write("testing_list.txt", "yes\\cccc_nohash_0.wav\r\n");
    const clips = await readFolder(root, { sampleRate: 8000 });
    expect(clips.officialParts).toEqual(["train", "val", "test"]);
    expect(clips).not.toHaveProperty("officialNotes");
  });

  it("takes lists of which one names nothing here, or that are empty", async () => {
    for (const speaker of ["aaaa", "bbbb"]) await write(`yes/${speaker}_nohash_0.wav`, wavFile([tone(0)]));
    await write("validation_list.txt", "no/x_nohash_0.wav\nno/y_nohash_0.wav\n");
    await write("testing_list.txt", "yes/bbbb_nohash_0.wav\n");
    const { officialParts, officialNotes } = await readFolder(root, { sampleRate: 8000 });
    expect(officialParts).toEqual(["train", "test"]);
    expect(officialNotes).toEqual([
      expect.stringMatching(/^2 of 2 lines of .*validation_list\.txt name no file/),
    ]);
    for (const name of ["validation_list.txt", "testing_list.txt"]) await write(name, "\n");
    expect((await readFolder(root, { sampleRate: 8000 })).officialParts).toEqual(["train", "train"]);
  });

  it("has a fingerprint of the content, wherever the folder lies", async () => {
    await write("a/yes/aaaa_nohash_0.wav", wavFile([tone(0)]));
    await write("a/no/aaaa_nohash_0.wav", wavFile([tone(1)]));
    await write("a/testing_list.txt", "yes/aaaa_nohash_0.wav\n");
    await cp(join(root, "a"), join(root, "b"), { recursive: true });
    const print = async (name: string) =>
      (await readFolder(join(root, name), { sampleRate: 8000 })).sources[0]!.fingerprint;
    const original = await print("a");
    const hash = createHash("sha256");
    const list = Buffer.from("yes/aaaa_nohash_0.wav\n");
    const [no, yes] = [wavFile([tone(1)]), wavFile([tone(0)])];
    hash.update(`testing_list.txt\0${list.length}\0`).update(list);
    hash.update(`no/aaaa_nohash_0.wav\0${no.length}\0`).update(no);
    hash.update(`yes/aaaa_nohash_0.wav\0${yes.length}\0`).update(yes);
    expect(original).toBe(hash.digest("hex"));
    expect(await print("b")).toBe(original);

    await rename(join(root, "b/yes/aaaa_nohash_0.wav"), join(root, "b/yes/aaab_nohash_0.wav"));
    expect(await print("b")).not.toBe(original);
    await rename(join(root, "b/yes/aaab_nohash_0.wav"), join(root, "b/yes/aaaa_nohash_0.wav"));
    await write("b/testing_list.txt", "no/aaaa_nohash_0.wav\n");
    expect(await print("b")).not.toBe(original);
    await write("b/testing_list.txt", "yes/aaaa_nohash_0.wav\n");
    await write("b/yes/aaaa_nohash_0.wav", wavFile([tone(2)]));
    expect(await print("b")).not.toBe(original);
  });
});

describe("readFolder refuses", () => {
  const read = () => readFolder(root, { sampleRate: 8000 });

  it("a folder that is missing, or a file", async () => {
    await expectUserError(
      readFolder(join(root, "none"), { sampleRate: 8000 }),
      /^cannot read .*none: no such file/,
    );
    await write("file", "text");
    await expectUserError(
      readFolder(join(root, "file"), { sampleRate: 8000 }),
      /file: a part of the path is not/,
    );
  });

  it("an empty folder and WAVs without word folders, showing the layout", async () => {
    const layout = /has no word folders with WAV files: expected <word>\/<speaker>_nohash_<n>\.wav, such as/;
    await expectUserError(read(), layout);
    await write("yes_aaaa_nohash_0.wav", wavFile([tone(0)]));
    await write("yes/readme.txt", "no sound");
    await expectUserError(read(), layout);
  });

  it("a damaged file among sound ones, naming it", async () => {
    for (let i = 0; i < 40; i++) await write(`yes/s${i}_nohash_0.wav`, wavFile([tone(i)]));
    await write("yes/s20_nohash_0.wav", wavFile([tone(0)]).subarray(0, 1000));
    // Read ahead while the damaged one fails: must not surface as an unhandled rejection.
    await mkdir(join(root, "yes/s21_nohash_0.wav.d"));
    await rename(join(root, "yes/s21_nohash_0.wav"), join(root, "yes/s21"));
    await rename(join(root, "yes/s21_nohash_0.wav.d"), join(root, "yes/s21_nohash_0.wav"));
    await expectUserError(read(), /yes\/s20_nohash_0\.wav is truncated: its header promises 16000 bytes/);
    await write("yes/s20_nohash_0.wav", wavFile([tone(0)]));
    await expectUserError(
      read(),
      /^cannot read .*yes\/s21_nohash_0\.wav: it is a folder, a file was expected$/,
    );
  });

  it("a file that both lists name", async () => {
    await write("yes/aaaa_nohash_0.wav", wavFile([tone(0)]));
    await write("validation_list.txt", "yes/aaaa_nohash_0.wav\n");
    await write("testing_list.txt", "yes/aaaa_nohash_0.wav\n");
    await expectUserError(
      read(),
      /testing_list\.txt lists yes\/aaaa_nohash_0\.wav, which validation_list\.txt lists too$/,
    );
  });
});

async function expectUserError(action: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await action.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).message).toMatch(message);
  expect((error as UserError).exitCode).toBe(1);
}
