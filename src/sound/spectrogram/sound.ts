import { type Audio, monoAtRate } from "../../audio/clip.js";
import { usageError } from "../../base/errors.js";
import { requireInteger, requirePositive } from "../../dsp/checks.js";
import { type LazySpectrogram, levelSpectrogram, pictureLevels } from "./levels.js";
import { checkStftLevelOptions, requireChannel, type StftLevelOptions } from "./options.js";

export interface SoundOptions extends StftLevelOptions {
  /** One channel by its number from 0, the mean of all, or each by itself. Default: mean. */
  channel?: number | "mean" | "stack";
  /** With either of these, the levels are those of `pictureSpectrogram` instead of the STFT's. */
  frameSize?: number;
  factor?: number;
}

/** Spectrograms in dB of the chosen channels. */
export interface SoundSpectrogram {
  /** Hz */
  readonly sampleRate: number;
  readonly seconds: number;
  readonly channels: readonly { name?: string; samples: Float32Array; spectrogram: LazySpectrogram }[];
  /** Whether the levels are those of `pictureSpectrogram`. */
  readonly bare: boolean;
}

/** @throws UserError (exit 2) for options that are wrong for every recording */
export function checkSoundOptions(options: SoundOptions & { scale?: string }): void {
  const { frameSize, factor, channel, scale, ...others } = options;
  if (typeof channel === "number") requireInteger("channel", channel, 0);
  if (frameSize !== undefined) requireInteger("frameSize", frameSize, 2);
  if (factor !== undefined) requirePositive("factor", factor);
  checkStftLevelOptions(options);
  if (isBare(options)) {
    const [other] = Object.entries({ ...others, scale }).find(([, value]) => value !== undefined) ?? [];
    if (other !== undefined)
      throw usageError(`frameSize and factor are of another spectrogram, which has no ${other}`);
  }
  if (scale === "log" && options.minFrequency === 0)
    throw usageError("a logarithmic frequency axis begins above 0 Hz, got minFrequency 0");
}

/**
 * Returns the spectrogram of each chosen channel.
 *
 * @param name name of the recording in messages
 * @throws UserError (exit 2) as `checkSoundOptions`; (exit 1) for a channel that the recording lacks, and as
 * `levelSpectrogram`
 */
export function soundSpectrogram(
  audio: Audio,
  options: SoundOptions,
  name = "the recording",
): SoundSpectrogram {
  const { sampleRate } = audio;
  const bare = isBare(options);
  const channels = chooseChannels(audio, options.channel ?? "mean", name).map((channel) => ({
    ...channel,
    spectrogram: bare
      ? pictureLevels(channel.samples, sampleRate, options)
      : levelSpectrogram(channel.samples, sampleRate, options, name),
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
  requireChannel(choice, channels.length, name);
  return [{ samples: channels[choice]! }];
}
