import { resample } from "../dsp/resample.js";

/** Decoded sound: integers divided by 2^(bits - 1), floats unchanged. All channels have the same length. */
export interface Audio {
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: readonly Float32Array[];
}

/**
 * Cuts one clip from a recording: channels are averaged and the sound is resampled. A shorter recording is padded with
 * zeros at its end; of a longer one, the stretch with the most energy is taken (the first of equals).
 *
 * @param sampleRate the clip's rate in Hz
 * @param clipLength the clip's length in samples at that rate
 * @returns the clip, and notes on what was done to the recording; none if it was used unchanged
 */
export function clipFromAudio(
  audio: Audio,
  sampleRate: number,
  clipLength: number,
): { samples: Float32Array; notes: string[] } {
  const { samples, notes } = monoAtRate(audio, sampleRate);
  if (samples.length === clipLength) return { samples, notes };

  const seconds = (length: number) => `${(length / sampleRate).toFixed(2)} s`;
  if (samples.length < clipLength) {
    const padded = new Float32Array(clipLength);
    padded.set(samples);
    const lacking = clipLength - samples.length;
    const [from, to] = [seconds(samples.length), seconds(clipLength)];
    notes.push(
      from === to
        ? `padded by ${lacking} sample${lacking === 1 ? "" : "s"}`
        : `padded from ${from} to ${clipLength / sampleRate} s`,
    );
    return { samples: padded, notes };
  }
  const start = loudestStretch(samples, clipLength);
  const what = clipLength === sampleRate ? "second" : `${clipLength / sampleRate} s`;
  const [from, to] = [seconds(samples.length), seconds(clipLength)];
  notes.push(
    from === to
      ? `took the loudest ${what}, leaving out ${samples.length - clipLength} of ${samples.length} samples`
      : `took the loudest ${what}, from ${seconds(start)} on, of ${from}`,
  );
  return { samples: samples.slice(start, start + clipLength), notes };
}

/** Averages the channels of a recording and resamples it. Returns it with notes on what was done. */
export function monoAtRate(audio: Audio, sampleRate: number): { samples: Float32Array; notes: string[] } {
  const notes: string[] = [];
  let samples = audio.channels[0]!;
  if (audio.channels.length > 1) {
    samples = average(audio.channels);
    notes.push(`mixed ${audio.channels.length} channels`);
  }
  if (audio.sampleRate !== sampleRate) {
    samples = resample(samples, audio.sampleRate, sampleRate);
    notes.push(`resampled from ${audio.sampleRate} Hz to ${sampleRate} Hz`);
  }
  return { samples, notes };
}

/** Computes the mean of channels of equal length, `[samples]`. */
export function average(channels: readonly Float32Array[]): Float32Array {
  if (channels.length === 1) return channels[0]!;
  const sums = new Float64Array(channels[0]!.length);
  for (const channel of channels) for (let i = 0; i < sums.length; i++) sums[i]! += channel[i]!;
  return Float32Array.from(sums, (sum) => sum / channels.length);
}

function loudestStretch(samples: Float32Array, length: number): number {
  let energy = 0;
  for (let i = 0; i < length; i++) energy += samples[i]! ** 2;
  let most = energy;
  let start = 0;
  for (let end = length; end < samples.length; end++) {
    energy += samples[end]! ** 2 - samples[end - length]! ** 2;
    if (energy > most) {
      most = energy;
      start = end - length + 1;
    }
  }
  return start;
}
