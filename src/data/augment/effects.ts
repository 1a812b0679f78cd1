import type { Random } from "../../base/random.js";
import { irfft, rfft } from "../../dsp/fourier/fft.js";
import { gainFromDecibels, rms, scale } from "../../dsp/level.js";
import type { SampleStore } from "../sample-store.js";
import { playAtSpeed } from "./speed.js";

/** Changes a clip, `[samples]`, in place. Random values are drawn from `random`. */
export type Augmentation = (wave: Float32Array, sampleRate: number, random: Random) => void;

/** Clips of noise. */
export interface NoiseClips {
  readonly samples: SampleStore;
  /** Rows of `samples`. */
  readonly rows: Int32Array;
}

/** Shifts the clip in time by up to `maxMs` either way, uniformly; the gap is filled with zeros. */
export function timeShift(maxMs: number): Augmentation {
  return (wave, sampleRate, random) => {
    const most = Math.min(wave.length, Math.round((maxMs / 1000) * sampleRate));
    const shift = random.integer(2 * most + 1) - most;
    if (shift > 0) {
      wave.copyWithin(shift, 0);
      wave.fill(0, 0, shift);
    } else if (shift < 0) {
      wave.copyWithin(0, -shift);
      wave.fill(0, wave.length + shift);
    }
  };
}

/** Changes the level by up to `maxDb` either way, uniformly in dB. Nothing is clipped. */
export function gain(maxDb: number): Augmentation {
  return (wave, _sampleRate, random) => scale(wave, gainFromDecibels(random.between(-maxDb, maxDb)));
}

/**
 * Plays the clip faster or slower about its middle, by a factor between 1 / (1 + `most`) and 1 + `most`, uniform on a
 * logarithmic scale. Pitch and formants change too. Source: T. Ko et al., "Audio augmentation for speech recognition"
 * (2015).
 */
export function changeSpeed(most: number): Augmentation {
  return (wave, _sampleRate, random) => {
    const octaves = Math.log2(1 + most);
    playAtSpeed(wave, 2 ** random.between(-octaves, octaves));
  };
}

/**
 * Adds reverberation with the given probability. The impulse response is the direct sound followed by white Gaussian
 * noise that decays by 60 dB in RT60 (J.-D. Polack's model of diffuse reverberation, 1988), with an energy `directDb`
 * below the direct sound's. RT60 and the ratio are uniform in their ranges. The clip's energy does not change.
 */
export function reverberation({ probability, rt60Ms, directDb }: ReverbStrengths): Augmentation {
  return (wave, sampleRate, random) => {
    if (random.uniform() >= probability) return;
    const rt60 = (random.between(...rt60Ms) / 1000) * sampleRate; // in samples
    const ratio = gainFromDecibels(random.between(...directDb));
    const echo = new Float64Array(Math.min(wave.length, Math.max(2, Math.ceil(rt60))));
    const decay = 10 ** (-3 / rt60);
    let power = 0;
    for (let i = 1, envelope = decay; i < echo.length; i++, envelope *= decay) {
      const value = random.normal() * envelope;
      echo[i] = value;
      power += value * value;
    }
    const size = 1 / (ratio * Math.sqrt(power));
    for (let i = 1; i < echo.length; i++) echo[i]! *= size;
    echo[0] = 1;
    const before = rms(wave);
    wave.set(convolve(wave, echo));
    const after = rms(wave);
    if (after > 0) scale(wave, before / after);
  };
}

export interface ReverbStrengths {
  probability: number;
  rt60Ms: readonly [number, number];
  directDb: readonly [number, number];
}

/**
 * Mixes in noise with the given probability: one of the noise clips, rotated by a random offset, at a signal-to-noise
 * ratio uniform in its range.
 */
export function addNoise(
  { probability, snrDb }: { probability: number; snrDb: readonly [number, number] },
  { samples, rows }: NoiseClips,
): Augmentation {
  return (wave, _sampleRate, random) => {
    if (random.uniform() >= probability) return;
    const noise = turnedNoise(samples, rows[random.integer(rows.length)]!, random);
    mixAtSnr(wave, noise, random.between(...snrDb));
  };
}

/**
 * Adds noise to a clip in place, scaled so that the ratio of their powers over the whole clip is `snrDb`. If either is
 * digital silence there is no such ratio, and the clip is not changed.
 *
 * @param signal RMS to use instead of the clip's own
 */
export function mixAtSnr(
  wave: Float32Array,
  noise: Float32Array,
  snrDb: number,
  signal: number = rms(wave),
): void {
  const background = rms(noise);
  if (signal === 0 || background === 0) return;
  const size = signal / (background * gainFromDecibels(snrDb));
  for (let i = 0; i < wave.length; i++) wave[i]! += size * noise[i]!;
}

/** Reads a clip of noise, rotated by a random offset, so that few clips give many different noises. */
export function turnedNoise(samples: SampleStore, row: number, random: Random): Float32Array {
  const noise = new Float32Array(samples.clipLength);
  samples.read(row, noise);
  const start = random.integer(noise.length);
  const turned = new Float32Array(noise.length);
  turned.set(noise.subarray(start));
  turned.set(noise.subarray(0, start), noise.length - start);
  return turned;
}

/** Computes the first `wave.length` samples of the convolution. */
function convolve(wave: Float32Array, response: Float64Array): Float64Array {
  const length = 2 ** Math.ceil(Math.log2(wave.length + response.length));
  const padded = new Float64Array(length);
  padded.set(wave);
  const a = rfft(padded);
  padded.fill(0);
  padded.set(response);
  const b = rfft(padded);
  for (let k = 0; k < a.re.length; k++) {
    const [x, y] = [a.re[k]!, a.im[k]!];
    a.re[k] = x * b.re[k]! - y * b.im[k]!;
    a.im[k] = x * b.im[k]! + y * b.re[k]!;
  }
  return irfft(a, length).subarray(0, wave.length);
}
