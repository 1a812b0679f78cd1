import { spawnSync } from "node:child_process";
import { describe, expect, it, vi } from "vitest";
import type { Clips } from "../../src/data/clips.js";
import { espeakVersion, phonemes, speak } from "../../src/data/synth/espeak.js";
import { chooseSpeakers } from "../../src/data/synth/speakers.js";
import { synthesize } from "../../src/data/synth/synthesise.js";
import { otherWords } from "../../src/data/synth/words.js";

const hasEspeak = spawnSync("espeak-ng", ["--version"]).status === 0;
if (!hasEspeak) console.warn("skipped: espeak-ng is not installed");

const row = (clips: Clips, i: number) => {
  const out = new Float32Array(clips.samples.clipLength);
  clips.samples.read(i, out);
  return out;
};
const rms = (samples: Float32Array) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
const peak = (samples: Float32Array) => samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

const count = (values: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};

/** Each clip of a label with its speaker, as text, in an order of its own. */
const clipsOf = (clips: Clips, label: string) =>
  clips.labels
    .flatMap((own, i) => (own === label ? [`${clips.speakers![i]} ${row(clips, i).join()}`] : []))
    .sort();

describe.skipIf(!hasEspeak)("synthesize, with espeak-ng", () => {
  const options = {
    words: ["hey kodi", "stop"],
    clipsPerWord: 6,
    unknownClips: 5,
    unknownWords: ["hey", "bed"],
    silenceClips: 4,
    speakers: 3,
  };
  const made = hasEspeak ? synthesize(options) : undefined;

  it("makes as many clips of each label as asked for, spoken by the speakers in turn", async () => {
    const clips = (await made)!;
    expect(clips.sampleRate).toBe(8000);
    expect(clips.samples.clipLength).toBe(8000);
    expect(clips.samples.count).toBe(21);
    expect(count(clips.labels)).toEqual({ "hey kodi": 6, stop: 6, unknown: 5, silence: 4 });
    const speakers = new Set(clips.speakers);
    expect(speakers.size).toBe(3);
    for (const speaker of speakers) {
      const spoken = clips.labels.filter((_, i) => clips.speakers![i] === speaker);
      expect(spoken.filter((label) => label === "stop")).toHaveLength(2);
    }
    clips.labels.forEach((label, i) => {
      if (label === "unknown") expect(["hey", "bed"]).toContain(clips.words![i]);
      else expect(clips.words![i]).toBe(label);
    });
    expect([...clips.rows]).toEqual([...clips.labels.keys()]);
  });

  it("shuffles the rows", async () => {
    const { labels } = (await made)!;
    const changes = labels.filter((label, i) => i > 0 && label !== labels[i - 1]).length;
    expect(changes).toBeGreaterThan(6); // sorted labels change three times
  });

  it("each clip is unlike the others, none is clipped, and words stand out of their noise", async () => {
    const clips = (await made)!;
    const rows = clips.labels.map((_, i) => row(clips, i));
    expect(new Set(rows.map((samples) => samples.join())).size).toBe(rows.length);
    rows.forEach((samples, i) => {
      expect(peak(samples)).toBeLessThan(0.99);
      if (clips.labels[i] === "silence") return;
      expect(peak(samples)).toBeGreaterThan(0.15);
      const frames = Array.from({ length: 100 }, (_, k) => rms(samples.subarray(80 * k, 80 * (k + 1))));
      frames.sort((a, b) => a - b);
      expect(frames[99]! / frames[10]!).toBeGreaterThan(4);
    });
  });

  it("words are whole: none is loud where its clip begins or ends", async () => {
    const clips = (await made)!;
    clips.labels.forEach((label, i) => {
      if (label === "silence") return;
      const frames = Array.from({ length: 100 }, (_, k) => rms(row(clips, i).subarray(80 * k, 80 * (k + 1))));
      expect(Math.max(frames[0]!, frames[99]!) / Math.max(...frames), clips.words![i]).toBeLessThan(0.4);
    });
  });

  it("the same seed makes the same clips, another one others", async () => {
    const same = await synthesize(options);
    const other = await synthesize({ ...options, seed: 43 });
    const first = (await made)!;
    expect(same.labels).toEqual(first.labels);
    expect(same.speakers).toEqual(first.speakers);
    for (let i = 0; i < 21; i++) expect(row(same, i)).toEqual(row(first, i));
    expect(clipsOf(other, "stop")).not.toEqual(clipsOf(first, "stop"));
    expect(clipsOf(other, "silence")).not.toEqual(clipsOf(first, "silence"));
  });

  it("neither other words nor more clips change the clips that there were", async () => {
    const clips = await synthesize({ ...options, words: ["stop"], clipsPerWord: 4, unknownClips: 0 });
    expect(count(clips.labels)).toEqual({ stop: 4, silence: 4 });
    const first = (await made)!;
    expect(clipsOf(first, "silence")).toEqual(clipsOf(clips, "silence"));
    const stops = new Set(clipsOf(first, "stop"));
    for (const clip of clipsOf(clips, "stop")) expect(stops).toContain(clip);
  });

  it("makes clips of one second at another rate, and tells how far it is", async () => {
    const told: number[][] = [];
    const onProgress = (done: number, total: number) => told.push([done, total]);
    const words = ["yes"];
    const clips = await synthesize({
      words,
      clipsPerWord: 2,
      unknownClips: 0,
      sampleRate: 16000,
      onProgress,
    });
    expect(clips.sampleRate).toBe(16000);
    expect(clips.samples.clipLength).toBe(16000);
    expect(told).toEqual([1, 2, 3, 4].map((done) => [done, 4]));
  });

  it("speaks a long phrase faster until it fits, and says so when none can", async () => {
    const few = { clipsPerWord: 1, unknownClips: 0, silenceClips: 0 };
    const long = "seven hundred and seventy";
    const { channels, sampleRate } = await speak(long, { voice: "gmw/en-US+f2", speed: 90, pitch: 50 });
    expect(channels[0]!.length / sampleRate).toBeGreaterThan(1.2);
    expect((await synthesize({ words: [long], ...few })).samples.count).toBe(1);
    await expect(synthesize({ words: ["incomprehensibilities ".repeat(4)], ...few })).rejects.toThrow(
      /must fit into a clip of one second, but even spoken fast it takes \d\.\d\d s$/,
    );
  });

  it("a word that has no sound is an error, and one that looks like an option is a word", async () => {
    const few = { clipsPerWord: 1, unknownClips: 0, silenceClips: 0 };
    const saltillo = "\ua78c"; // a letter, but none that English has
    await expect(synthesize({ words: [saltillo], ...few })).rejects.toThrow(
      `espeak-ng says nothing for "${saltillo}"`,
    );
    expect((await synthesize({ words: ["-v"], ...few })).labels).toEqual(["-v"]);
  });

  it("asks for no more speakers than there are", async () => {
    await expect(chooseSpeakers(100_000)).rejects.toThrow(
      /expected 1 to \d+ voices of espeak-ng, found 100000/,
    );
    await expect(chooseSpeakers(0)).rejects.toThrow(/found 0/);
  });

  it("has speakers with names of their own, whose voices espeak-ng tells apart", async () => {
    const speakers = await chooseSpeakers(72);
    expect(new Set(speakers.map((speaker) => speaker.id)).size).toBe(72);
    const variant = (id: string) => /\+(.*)-/.exec(id)![1];
    expect(new Set(speakers.slice(0, 36).map(({ id }) => variant(id))).size).toBe(36);
    // espeak-ng does not say so where it ignores a variant.
    const said = await Promise.all(speakers.map(({ say }) => say("go out later", 1.15, 50)));
    expect(new Set(said.map(({ channels }) => channels[0]!.join())).size).toBe(72);
  });
});

describe.skipIf(!hasEspeak)("otherWords", () => {
  it("leaves out what sounds like a wanted word, however it is spelt", async () => {
    expect(await phonemes("know", "en-us")).toBe(await phonemes("no", "en-us"));
    expect(
      await otherWords(["no", "right", "two"], ["know", "write", "too", "bed", "red", "read", "bed"]),
    ).toEqual([
      "bed",
      "red",
      "read", // in the present tense
    ]);
  });

  it("has the single words of a phrase, but not those that are wanted themselves", async () => {
    const others = await otherWords(["hey kodi", "kodi", "wow"]);
    expect(others).toContain("hey");
    expect(others).not.toContain("kodi");
    expect(others).not.toContain("wow");
    expect(others.length).toBeGreaterThan(50);
    expect(new Set(others).size).toBe(others.length);
  });

  it("is an error when none is left", async () => {
    await expect(otherWords(["no"], ["know"])).rejects.toThrow(/no word is left/);
  });
});

describe("synthesize, what the user can mend", () => {
  it("says what to install where there is no espeak-ng", async () => {
    vi.stubEnv("PATH", "");
    await expect(synthesize({ words: ["yes"] })).rejects.toMatchObject({
      name: "UserError",
      exitCode: 1,
      message: expect.stringMatching(/^the words are spoken by espeak-ng, .*apt-get install espeak-ng.*$/),
    });
    await expect(espeakVersion()).rejects.toThrow(/install it/);
    vi.unstubAllEnvs();
  });

  it.each<[Partial<Parameters<typeof synthesize>[0]>, RegExp]>([
    [{ words: [] }, /at least one word/],
    [{ words: ["yes", " "] }, /none empty/],
    [{ words: ["yes", "no", "yes "] }, /"yes" is asked for twice/],
    [{ words: ["silence"] }, /"silence" is not spoken/],
    [{ words: ["unknown"] }, /"unknown" is not spoken/],
    [{ words: ["yes", "!!!"] }, /^words are spoken: expected letters or digits in each, found "!!!"$/],
    [{ words: ["yes"], unknownWords: ["…"] }, /expected letters or digits in each, found "…"$/],
    [{ clipsPerWord: 0 }, /clipsPerWord must be a whole number of at least 1, got 0/],
    [{ unknownClips: -1 }, /unknownClips must be a whole number of at least 0, got -1/],
    [{ silenceClips: 1.5 }, /silenceClips must be a whole number of at least 0, got 1.5/],
    [{ sampleRate: 96000 }, /sampleRate must be a whole number from 4000 to 48000 Hz, got 96000/],
  ])("wrong usage: %j", async (options, message) => {
    const failing = synthesize({ words: ["yes"], ...options });
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.toMatchObject({ name: "UserError", exitCode: 2 });
  });
});
