import { usageError } from "../../base/errors.js";
import { hzToMel, melToHz } from "../../dsp/mel.js";
import { ticksWithin } from "../../plot/ticks.js";

export const frequencyScales = ["linear", "log", "mel"] as const;
/** Mel is Slaney's: linear below 1000 Hz, logarithmic above. */
export type FrequencyScale = (typeof frequencyScales)[number];

/** An ascending frequency axis. */
export interface FrequencyAxis {
  /** Returns the position of a frequency in Hz, as a share of the axis. */
  position(hz: number): number;
  /** Returns the frequency in Hz at a share of the axis. */
  frequency(position: number): number;
  /** Returns round frequencies that are at least `gap` apart, a share of the axis. */
  ticks(gap: number): number[];
}

/** Returns an axis from `low` to `high` Hz. */
export function frequencyAxis(scale: FrequencyScale, low: number, high: number): FrequencyAxis {
  if (scale === "log" && !(low > 0))
    throw usageError(`a logarithmic frequency axis begins above 0 Hz, got ${low}`);
  const { to, from } = maps[scale];
  const [bottom, top] = [to(low), to(high)];
  const position = (hz: number) => (to(hz) - bottom) / (top - bottom);
  return {
    position,
    frequency: (share) => from(bottom + share * (top - bottom)),
    ticks: (gap) =>
      scale === "linear" ? ticksWithin(low, high, gap * (high - low)) : roundTicks(low, high, position, gap),
  };
}

/** Returns an axis on which all bins are equally high, whatever their frequencies (ascending, Hz). */
export function evenAxis(frequencies: ArrayLike<number>): FrequencyAxis {
  const bins = frequencies.length;
  const frequency = (share: number) => {
    if (bins === 1) return frequencies[0]!;
    const place = share * bins - 0.5;
    const below = Math.min(bins - 2, Math.max(0, Math.floor(place)));
    return frequencies[below]! + (place - below) * (frequencies[below + 1]! - frequencies[below]!);
  };
  const position = (hz: number) => {
    if (bins === 1) return 0.5;
    let below = 0;
    while (below < bins - 2 && frequencies[below + 1]! <= hz) below++;
    const beyond = (hz - frequencies[below]!) / (frequencies[below + 1]! - frequencies[below]!);
    return (below + beyond + 0.5) / bins;
  };
  const [low, high] = [Math.max(0, frequency(0)), frequency(1)];
  return { position, frequency, ticks: (gap) => roundTicks(low, high, position, gap) };
}

const same = (value: number) => value;
const maps: Record<FrequencyScale, { to: (hz: number) => number; from: (value: number) => number }> = {
  linear: { to: same, from: same },
  log: { to: Math.log, from: Math.exp },
  mel: { to: (hz) => hzToMel(hz), from: (mel) => melToHz(mel) },
};

/** Returns 0 and numbers of one significant digit that are far enough apart, the roundest first chosen. */
function roundTicks(low: number, high: number, position: (hz: number) => number, gap: number): number[] {
  const chosen: number[] = [];
  const add = (hz: number) => {
    const inside = hz >= low * (1 - 1e-9) && hz <= high * (1 + 1e-9);
    if (inside && chosen.every((other) => Math.abs(position(other) - position(hz)) >= gap)) chosen.push(hz);
  };
  add(0);
  for (const digits of [[1], [5], [2], [3], [4, 6, 8], [7, 9]])
    for (let power = 10 ** Math.floor(Math.log10(high)); power >= Math.max(low, high / 1e6) / 10; power /= 10)
      for (const digit of digits) add(Number((digit * power).toPrecision(1)));
  return chosen.sort((a, b) => a - b);
}
