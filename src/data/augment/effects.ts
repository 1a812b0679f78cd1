import type { Random } from "../../base/random.js";
import { irfft, rfft } from "../../dsp/fourier/fft.js";
import { gainFromDecibels, rms, scale } from "../../dsp/level.js";
import type { SampleStore } from "../sample-store.js";
import { playAtSpeed } from "./speed.js";

/** Changes a clip `[samples]` in place. Everything random in it comes from `random`. */
export type Augmentation = (wave: Float32Array, sampleRate: number, random: Random) => void;

/** Clips to take noise from. */
export interface NoiseClips {
  readonly samples: SampleStore;
  /** Rows of `samples`. */
  readonly rows: Int32Array;
}

/** Moves the clip earlier or later by up to `maxMs`, uniformly; zeros come in where it left. */
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

/** Makes the clip louder or softer by up to `maxDb`, uniformly in dB. Nothing is clipped. */
export function gain(maxDb: number): Augmentation {
  return (wave, _sampleRate, random) => scale(wave, gainFromDecibels(random.between(-maxDb, maxDb)));
}

/**
 * Plays the clip faster or slower about its middle, by a factor between 1 / (1 + `most`) and 1 + `most`, uniformly on a
 * logarithmic scale; pitch and formants move with it (T. Ko et al., "Audio augmentation for speech recognition", 2015).
 */
export function changeSpeed(most: number): Augmentation {
  return (wave, _sampleRate, random) => {
    const octaves = Math.log2(1 + most);
    playAtSpeed(wave, 2 ** random.between(-octaves, octaves));
  };
}

/**
 * Puts the clip into a room, with the given probability: behind the direct sound comes white Gaussian noise that dies
 * away by 60 dB in RT60 (J.-D. Polack's model of diffuse reverberation, 1988), `directDb` below it in energy. RT60 and
 * the ratio are uniform in their ranges. The clip's energy stays as it was.
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
 * Mixes noise in, with the given probability: one of the noise clips, begun at a random place and going on with its
 * beginning behind its end, at a signal-to-noise ratio uniform in its range.
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
 * Adds noise to a clip in place, as loud as makes the ratio of their powers over the whole clip `snrDb`. Where either is
 * digital silence there is no such ratio, and the clip stays as it is.
 *
 * @param signal the clip's root mean square, where it is to count as another than it is
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

/** A clip of noise, begun at a random place and going on with its beginning behind its end: few serve for many. */
export function turnedNoise(samples: SampleStore, row: number, random: Random): Float32Array {
  const noise = new Float32Array(samples.clipLength);
  samples.read(row, noise);
  const start = random.integer(noise.length);
  const turned = new Float32Array(noise.length);
  turned.set(noise.subarray(start));
  turned.set(noise.subarray(0, start), noise.length - start);
  return turned;
}

/** The first `wave.length` samples of the convolution. */
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
