import { type Audio, monoAtRate } from "../../audio/clip.js";
import { UserError, usageError } from "../../base/errors.js";
import { npyHeader } from "../../data/formats/write-npz.js";
import { requireInteger, requirePositive } from "../../dsp/checks.js";
import {
  checkLevelOptions,
  type Frames,
  type LevelOptions,
  levelFrames,
  pictureFrames,
  pooledFrames,
  silenceDb,
} from "../frames.js";
import { type Colormap, type FrequencyScale, spectrogramSvg } from "./spectrogram.js";

export interface SoundOptions extends LevelOptions {
  /** One channel by its number from 0, the mean of all, or each by itself. Default: mean. */
  channel?: number | "mean" | "stack";
  /** Either of these asks for the frames of `pictureSpectrogram` in place of the STFT's levels. */
  frameSize?: number;
  factor?: number;
}

/** The spectrogram in dB of each channel that was chosen. */
export interface SoundFrames {
  /** Hz */
  readonly sampleRate: number;
  readonly seconds: number;
  readonly channels: readonly { name?: string; samples: Float32Array; frames: Frames }[];
  /** The numbers are those of `pictureSpectrogram`. */
  readonly bare: boolean;
}

/** @throws UserError (exit 2) for options that are wrong for every recording */
export function checkSoundOptions(options: SoundOptions & { scale?: FrequencyScale }): void {
  const { frameSize, factor, channel, scale, ...others } = options;
  if (typeof channel === "number") requireInteger("channel", channel, 0);
  if (frameSize !== undefined) requireInteger("frameSize", frameSize, 2);
  if (factor !== undefined) requirePositive("factor", factor);
  checkLevelOptions(options);
  if (isBare(options)) {
    const [other] = Object.entries({ ...others, scale }).find(([, value]) => value !== undefined) ?? [];
    if (other !== undefined)
      throw usageError(`frameSize and factor are of another spectrogram, which has no ${other}`);
  }
  if (scale === "log" && options.minFrequency === 0)
    throw usageError("a logarithmic frequency axis begins above 0 Hz, got minFrequency 0");
}

/**
 * @param name what messages call the recording
 * @throws UserError (exit 2) as `checkSoundOptions`; (exit 1) for a channel that the recording lacks and what else does not fit it
 */
export function soundFrames(audio: Audio, options: SoundOptions, name = "the recording"): SoundFrames {
  const { sampleRate } = audio;
  const bare = isBare(options);
  const channels = chooseChannels(audio, options.channel ?? "mean", name).map((channel) => ({
    ...channel,
    frames: bare
      ? pictureFrames(channel.samples, sampleRate, options)
      : levelFrames(channel.samples, sampleRate, options, name),
  }));
  return { sampleRate, seconds: channels[0]!.samples.length / sampleRate, channels, bare };
}

function isBare({ frameSize, factor }: SoundOptions): boolean {
  return frameSize !== undefined || factor !== undefined;
}

function chooseChannels(audio: Audio, choice: number | "mean" | "stack", name: string) {
  const { channels, sampleRate } = audio;
  if (choice === "mean") return [{ samples: monoAtRate(audio, sampleRate).samples }];
  if (choice === "stack")
    return channels.map((samples, index) => ({
      samples,
      ...(channels.length > 1 && { name: `channel ${index}` }),
    }));
  const samples = channels[choice];
  if (samples === undefined)
    throw new UserError(
      `${name} has no channel ${choice}, but ${channels.length === 1 ? "channel 0" : `channels 0 to ${channels.length - 1}`}`,
    );
  return [{ samples }];
}

export interface SoundPictureOptions {
  /** Of the frequency axis. Default: linear; the bare picture's groups are equally high. */
  scale?: FrequencyScale;
  minFrequency?: number;
  maxFrequency?: number;
  /** The lowest colour is that many dB below the loudest value. Default: 80. */
  topDb?: number;
  colormap?: Colormap;
  /** px */
  size?: readonly [number, number];
  plain?: boolean;
  /** The waveform is drawn too. */
  wave?: boolean;
  title?: string;
}

/** The picture as SVG, and the values of its lowest and highest colour. */
export function soundPicture(
  sound: SoundFrames,
  options: SoundPictureOptions = {},
): { svg: string; decibels: [number, number] } {
  const { channels, sampleRate, seconds, bare } = sound;
  const { scale = "linear", topDb = 80, size = [1600, 800], wave = false } = options;
  const { title, colormap, plain } = options;
  requirePositive("topDb", topDb);
  const panels = channels.map(({ name, samples, frames }) => ({
    spectrogram: pooledFrames(frames, size[0]),
    ...(name !== undefined && { name }),
    ...(wave && { samples }),
  }));
  const decibels = decibelRange(
    panels.map(({ spectrogram }) => spectrogram.values),
    topDb,
  );
  const firstBin = channels[0]!.frames.frequencies.find((hz) => hz > 0) ?? 0;
  const lowest = options.minFrequency ?? (scale === "log" ? firstBin : 0);
  const svg = spectrogramSvg({
    panels,
    timeRange: [0, seconds],
    valueRange: decibels,
    valueTitle: bare ? "dB re 10e-6" : "dB of full scale",
    size,
    ...(bare
      ? { scale: "even" }
      : { scale, frequencyRange: [lowest, options.maxFrequency ?? sampleRate / 2] as const }),
    ...(title !== undefined && { title }),
    ...(colormap !== undefined && { colormap }),
    ...(plain !== undefined && { plain }),
  });
  return { svg, decibels };
}

/** Ends at the loudest value; of silence, whose values are all the lowest there are, at 0 dB, so that it is dark. */
function decibelRange(spectrograms: readonly Float64Array[], topDb: number): [number, number] {
  let loudest = Number.NEGATIVE_INFINITY;
  for (const values of spectrograms) for (const value of values) if (value > loudest) loudest = value;
  const high = loudest > silenceDb ? loudest : 0;
  return [high - topDb, high];
}

/** The numbers as CSV, a line a frame: its time in seconds, then the dB of each frequency; of several channels, their numbers first. */
export function* soundCsv({ channels }: SoundFrames): Generator<string> {
  const numbered = channels.length > 1;
  const frequencies = Array.from(channels[0]!.frames.frequencies, short);
  yield `${[...(numbered ? ["channel"] : []), "time s", ...frequencies].join(",")}\n`;
  for (const [channel, { frames }] of channels.entries()) {
    let t = 0;
    for (const { values, bins } of frames.blocks())
      for (let at = 0; at < values.length; at += bins, t++) {
        const row = Array.from(values.subarray(at, at + bins), (value) => value.toFixed(6));
        yield `${[...(numbered ? [channel] : []), short(t * frames.seconds), ...row].join(",")}\n`;
      }
  }
}

/** The numbers as a NumPy file of float64, `[frames, bins]`, or of several channels `[channels, frames, bins]`. */
export function* soundNpy({ channels }: SoundFrames): Generator<Uint8Array> {
  const { count, frequencies } = channels[0]!.frames;
  const each = [count, frequencies.length];
  yield npyHeader("<f8", channels.length > 1 ? [channels.length, ...each] : each);
  for (const { frames } of channels)
    for (const { values } of frames.blocks())
      yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** At most ten digits: seconds and Hz without the last bits' noise. */
function short(value: number): string {
  return String(Number(value.toPrecision(10)));
}
