import { createHash } from "node:crypto";
import { UserError } from "../base/errors.js";
import { quantile } from "../base/numbers.js";
import type { Clips, Part, Split } from "./clips.js";
import { resolveLabels, SILENCE } from "./labels.js";
import { type SplitOptions, splitClips } from "./split.js";
import { indicesByKey } from "./stratify.js";

/** The results of `describeClips`. Rows are those of the data as read. */
export interface DataInfo {
  clips: number;
  /** Hz; a clip is one second. */
  sampleRate: number;
  labels: LabelInfo[];
  speakers: SpeakerInfo | null;
  lengths: LengthInfo;
  levels: { rmsDb: Spread; peakDb: Spread };
  /** Rows with a sample at full scale. */
  clipped: number[];
  /** Rows with labels other than `silence` whose peak is below `nearSilentPeak`. */
  nearSilent: number[];
  /** Groups of rows with identical samples. */
  duplicates: { rows: number[]; labels: string[] }[];
  leaks: LeakAudit | null;
  /** Why there is no split to audit; null if there is one. */
  noSplit: string | null;
}

export interface LabelInfo {
  label: string;
  clips: number;
  /** Number of speakers; null if unknown, and for `silence`, which has no speaker. */
  speakers: number | null;
  /** The words spoken, if they differ from the label; the most frequent first. */
  words: { word: string; clips: number }[];
  /** Median RMS level of the clips, dB below full scale. */
  rmsDb: number;
}

/** Speakers of all clips but those of silence, whose speaker names are not of people. */
interface SpeakerInfo {
  count: number;
  clips: { least: number; median: number; most: number };
}

interface LengthInfo {
  /** Seconds: lengths of the recordings if known, else of the clips without the zeros at their end. */
  seconds: { least: number; median: number; most: number };
  measured: "recordings" | "clips";
  /** Number of clips padded with zeros, and of those cut from recordings longer than a second. */
  padded: number;
  cut: number;
}

/** Distribution of levels over the clips, dB relative to full scale; digital silence counts as -120 dB. */
export interface Spread {
  least: number;
  p5: number;
  median: number;
  p95: number;
  most: number;
}

/** Speakers and clips that are in more than one part of a split. */
export interface LeakAudit {
  split: SplitOptions["kind"];
  parts: Record<Part, number>;
  /** Speakers with clips in more than one part; null if speakers are unknown. */
  speakers: { name: string; parts: Part[] }[] | null;
  /** Groups of clips with identical samples that are in more than one part. */
  clips: { rows: number[]; parts: Part[] }[];
}

/** Peak below which a clip counts as near-silent: -40 dB. */
export const nearSilentPeak = 0.01;
/** The highest 16-bit value; the lowest, -1, is also full scale. */
const fullScale = 32767 / 32768;
const lowestDb = -120;
/** Seconds of zeros at a clip's end from which it counts as padded. */
const paddingSeconds = 0.005;

/** Measures all clips, and audits the split that training with these options would use. */
export function describeClips(
  clips: Clips,
  split: SplitOptions,
  onProgress?: (done: number, total: number) => void,
): DataInfo {
  const { samples, labels, rows, sampleRate } = clips;
  const { count, clipLength } = samples;
  const wave = new Float32Array(clipLength);
  const peaks = new Float64Array(count);
  const levels = new Float64Array(count);
  const soundSeconds = new Float64Array(count);
  const digests: string[] = [];
  for (let row = 0; row < count; row++) {
    samples.read(row, wave);
    let peak = 0;
    let power = 0;
    let end = 0;
    for (let i = 0; i < clipLength; i++) {
      const x = wave[i]!;
      if (x !== 0) end = i + 1;
      peak = Math.max(peak, Math.abs(x));
      power += x * x;
    }
    peaks[row] = peak;
    levels[row] = decibels(Math.sqrt(power / clipLength));
    soundSeconds[row] = end / sampleRate;
    digests.push(createHash("sha1").update(wave).digest("base64"));
    onProgress?.(row + 1, count);
  }
  const rowsWhere = (test: (row: number) => boolean) =>
    [...labels.keys()].filter(test).map((row) => rows[row]!);
  const copies = [...indicesByKey(digests).values()].filter((group) => group.length > 1);
  copies.sort((a, b) => a[0]! - b[0]!);
  const audit = auditSplit(clips, split, copies);
  return {
    clips: count,
    sampleRate,
    labels: labelInfos(clips, levels),
    speakers: speakerInfo(clips),
    lengths: lengthInfo(clips, soundSeconds),
    levels: { rmsDb: spread(levels), peakDb: spread(peaks.map(decibels)) },
    clipped: rowsWhere((row) => peaks[row]! >= fullScale),
    nearSilent: rowsWhere((row) => peaks[row]! < nearSilentPeak && labels[row] !== SILENCE),
    duplicates: copies.map((group) => ({
      rows: group.map((row) => rows[row]!),
      labels: [...new Set(group.map((row) => labels[row]!))],
    })),
    ...audit,
  };
}

/**
 * Finds speakers and clips that are in more than one part of a split.
 *
 * @param copies groups of rows with identical samples
 */
export function findLeaks(
  clips: Clips,
  split: Split,
  copies: readonly (readonly number[])[],
): Pick<LeakAudit, "speakers" | "clips"> {
  const partsOf = Array.from(clips.labels, () => new Set<Part>());
  for (const part of ["train", "val", "test"] as const)
    for (const row of split[part]) partsOf[row]!.add(part);
  const together = (group: readonly number[]) => [...new Set(group.flatMap((row) => [...partsOf[row]!]))];
  const bySpeaker = clips.speakers && [...indicesByKey(clips.speakers)];
  return {
    speakers:
      bySpeaker
        ?.map(([name, group]) => ({ name, parts: together(group) }))
        .filter(({ parts }) => parts.length > 1) ?? null,
    clips: copies
      .map((group) => ({ rows: group.map((row) => clips.rows[row]!), parts: together(group) }))
      .filter(({ parts }) => parts.length > 1),
  };
}

function auditSplit(
  clips: Clips,
  options: SplitOptions,
  copies: readonly (readonly number[])[],
): Pick<DataInfo, "leaks" | "noSplit"> {
  let split: Split;
  try {
    split = splitClips(clips, options);
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode === 2) throw error;
    return { leaks: null, noSplit: error.message };
  }
  const { train, val, test } = split;
  const parts = { train: train.length, val: val.length, test: test.length };
  return {
    leaks: { split: options.kind, parts, ...findLeaks(clips, split, copies) },
    noSplit: null,
  };
}

/** Describes the labels, in the order of a model's outputs. */
function labelInfos({ labels, speakers, words }: Clips, levels: Float64Array): LabelInfo[] {
  const groups = indicesByKey(labels);
  return resolveLabels(labels)
    .filter((label) => groups.has(label))
    .map((label) => {
      const group = groups.get(label)!;
      const said = indicesByKey(group.map((row) => words?.[row] ?? label).filter((word) => word !== label));
      return {
        label,
        clips: group.length,
        speakers:
          speakers === undefined || label === SILENCE
            ? null
            : new Set(group.map((row) => speakers[row]!)).size,
        words: [...said]
          .map(([word, { length }]) => ({ word, clips: length }))
          .sort((a, b) => b.clips - a.clips),
        rmsDb: round(quantile(Float64Array.from(group, (row) => levels[row]!).sort(), 0.5), 1),
      };
    });
}

function speakerInfo({ labels, speakers }: Clips): SpeakerInfo | null {
  const people = (speakers ?? []).filter((_, row) => labels[row] !== SILENCE);
  if (people.length === 0) return null;
  const counts = Float64Array.from(indicesByKey(people).values(), (group) => group.length).sort();
  return { count: counts.length, clips: leastMedianMost(counts) };
}

function lengthInfo({ recordedSeconds }: Clips, soundSeconds: Float64Array): LengthInfo {
  const seconds = recordedSeconds === undefined ? soundSeconds : Float64Array.from(recordedSeconds);
  const shortest = recordedSeconds === undefined ? 1 - paddingSeconds : 1;
  return {
    seconds: leastMedianMost(seconds.slice().sort()),
    measured: recordedSeconds === undefined ? "clips" : "recordings",
    padded: seconds.filter((length) => length < shortest).length,
    cut: seconds.filter((length) => length > 1).length,
  };
}

function leastMedianMost(sorted: Float64Array) {
  return {
    least: round(sorted[0]!, 3),
    median: round(quantile(sorted, 0.5), 3),
    most: round(sorted.at(-1)!, 3),
  };
}

function spread(values: Float64Array): Spread {
  const sorted = values.slice().sort();
  const at = (share: number) => round(quantile(sorted, share), 1);
  return { least: at(0), p5: at(0.05), median: at(0.5), p95: at(0.95), most: at(1) };
}

function decibels(amplitude: number): number {
  return Math.max(lowestDb, 20 * Math.log10(amplitude));
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
