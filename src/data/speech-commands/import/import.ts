import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { WavReader } from "../../../audio/wav/reader.js";
import { UserError } from "../../../base/errors.js";
import { runInThreads } from "../../../base/workers.js";
import type { Part } from "../../clips.js";
import { type NpyArray, numberArray, textColumn, writeNpz } from "../../formats/write-npz.js";
import { listWavFiles, noiseFolder, readPartLists } from "../layout.js";
import type { ClipSamples, ReaderSetup, SampleType } from "./clip.js";
import { type Noise, type PlannedClip, planImport } from "./plan.js";

export interface ImportOptions {
  /** Default: the twelve labels of the course, which are those of the official task. */
  readonly labels?: readonly string[];
  /** Hz; a clip is one second. Default: 8000. */
  readonly sampleRate?: number;
  /** Default: int16. */
  readonly dtype?: SampleType;
  /** Fixes the choice of clips of other words and of noise, and the order of all. Default: 42. */
  readonly seed?: number;
  /** Number of threads that read and resample. Default: one per core, at most eight. */
  readonly workers?: number;
  /** Called with the number of clips read and their total. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Clips a task: enough that passing it to a thread costs little, few enough that little is read ahead. */
const clipsAtOnce = 32;

/** Summary of an import. */
export interface ImportSummary {
  readonly clips: number;
  readonly sampleRate: number;
  readonly dtype: SampleType;
  /** Size of the file. */
  readonly bytes: number;
  readonly labels: readonly ({ readonly label: string } & Readonly<Record<Part, number>>)[];
  /** Source of the parts: the data set's lists, or its hash of the speaker. */
  readonly partsFrom: "lists" | "hash";
  /** Number of speakers; null if any file's name lacks one. */
  readonly speakers: number | null;
  /** Notes on what could not be done as intended. */
  readonly notes: readonly string[];
}

/**
 * Converts a folder in the layout of Speech Commands to an `.npz`; see `readFolder` and `planImport`. Its arrays are
 * `wav_vals` (clips, samples), `label_vals`, `word_vals`, `speaker_vals` (empty if unknown; left out if all are),
 * `part_vals` (`train`, `val` or `test`) and `sample_rate`. The file is written in one step; the samples are never all
 * in memory.
 *
 * @throws UserError for a folder that lacks what the labels need, and for a file that is not a valid WAV file
 */
export async function importFolder(
  path: string,
  out: string,
  options: ImportOptions = {},
): Promise<ImportSummary> {
  const { sampleRate = 8000, dtype = "int16", seed = 42, labels, onProgress } = options;
  const workers = options.workers ?? Math.min(availableParallelism(), 8);
  const files = await listWavFiles(path);
  const lists = await readPartLists(path, files);
  const hasLists = lists.files.length > 0;
  if (lists.parts.size > 0 && !files.some(({ name }) => lists.parts.has(name)))
    throw new UserError(
      `${lists.notes.join("; ")}: expected names such as ${files.at(-1)!.name}, or no lists`,
    );
  const noises = files.filter(({ folder }) => folder === noiseFolder).map((file) => measureNoise(path, file));
  const plan = planImport(files, hasLists ? lists.parts : undefined, noises, {
    path,
    seed,
    ...(labels && { labels }),
  });
  const { clips } = plan;

  let clipped = 0;
  async function* samplePieces() {
    let done = 0;
    const tasks = Array.from({ length: Math.ceil(clips.length / clipsAtOnce) }, (_, i) =>
      clips.slice(i * clipsAtOnce, (i + 1) * clipsAtOnce),
    );
    const setup: ReaderSetup = { folder: path, sampleRate, dtype };
    for await (const read of runInThreads<readonly PlannedClip[], ClipSamples>(
      new URL("./clip.js", import.meta.url),
      tasks,
      { threads: Math.min(workers, tasks.length), setup },
    )) {
      clipped += read.clipped;
      done += read.samples.length / sampleRate;
      onProgress?.(done, clips.length);
      yield new Uint8Array(read.samples.buffer);
    }
  }
  const column = (of: (clip: PlannedClip) => string): NpyArray => textColumn(clips.map(of));
  const spoken = clips.filter(({ cut }) => cut === undefined);
  await writeNpz(out, {
    label_vals: column(({ label }) => label),
    word_vals: column(({ word }) => word),
    ...(spoken.some(({ speaker }) => speaker !== "") && { speaker_vals: column(({ speaker }) => speaker) }),
    part_vals: column(({ part }) => part),
    sample_rate: numberArray(sampleRate),
    wav_vals: {
      descr: dtype === "int16" ? "<i2" : "<f4",
      shape: [clips.length, sampleRate],
      pieces: samplePieces,
    },
  });

  const countOf = (label: string, part: Part) =>
    clips.filter((clip) => clip.label === label && clip.part === part).length;
  return {
    clips: clips.length,
    sampleRate,
    dtype,
    bytes: statSync(out).size,
    labels: plan.labels.map((label) => ({
      label,
      train: countOf(label, "train"),
      val: countOf(label, "val"),
      test: countOf(label, "test"),
    })),
    partsFrom: hasLists ? "lists" : "hash",
    speakers: spoken.every(({ speaker }) => speaker !== "")
      ? new Set(spoken.map(({ speaker }) => speaker)).size
      : null,
    notes: [
      ...lists.notes,
      ...plan.notes,
      ...(clipped > 0
        ? [
            `${clipped} ${clipped === 1 ? "recording goes" : "recordings go"} beyond full scale, clipped to 16 bits; float32 keeps them whole`,
          ]
        : []),
    ],
  };
}

function measureNoise(path: string, file: Noise["file"]): Noise {
  const recording = new WavReader(join(path, file.name));
  const { sampleRate, length } = recording;
  recording.close();
  return { file, sampleRate, length };
}
