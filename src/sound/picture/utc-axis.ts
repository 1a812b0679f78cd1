import { ticksWithin } from "../../plot/ticks.js";

export interface TimeTick {
  /** Seconds, on the picture's time axis. */
  at: number;
  label: string;
}

const day = 86_400;
/** Steps that divide a minute, in seconds, and the same in minutes. */
const steps = [1, 2, 5, 10, 15, 30].flatMap((step) => [step, 60 * step]);
const roundSteps = [...steps, ...[1, 2, 3, 6, 12].map((hours) => 3600 * hours), day].sort((a, b) => a - b);

/**
 * Returns ticks at round UTC times that are at least `gap` seconds apart.
 *
 * @param origin time of second 0 of the axis, in seconds since 1970
 */
export function utcTicks(start: number, end: number, gap: number, origin: number): TimeTick[] {
  const step = roundSteps.find((candidate) => candidate >= gap * (1 - 1e-9));
  if (gap < 1 && step === 1) {
    // Fractions of a second are counted from a whole second, where numbers are small enough to be exact.
    const whole = Math.floor(origin + start);
    const ticks = ticksWithin(origin + start - whole, origin + end - whole, gap);
    const digits = Math.max(0, ...ticks.map((tick) => (String(tick).split(".")[1] ?? "").length));
    return ticks.map((tick) => ({ at: whole - origin + tick, label: clock(whole, tick, digits) }));
  }
  const dayStep = Math.max(1, Math.ceil(gap / day));
  const each = step ?? (ticksWithin(0, 20 * dayStep, dayStep)[1] ?? dayStep) * day;
  const first = Math.ceil((origin + start) / each - 1e-9);
  const count = Math.floor((origin + end) / each + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => {
    const time = (first + i) * each;
    const text = new Date(time * 1000).toISOString();
    const label =
      each % day === 0 ? text.slice(0, 10) : each % 60 === 0 ? text.slice(11, 16) : text.slice(11, 19);
    return { at: time - origin, label };
  });
}

/** Returns the title of a UTC axis: the day, or the first and the last day. */
export function utcTitle(start: number, end: number, origin: number): string {
  const [first, last] = [start, end].map((at) => new Date((origin + at) * 1000).toISOString().slice(0, 10));
  return first === last ? `${first} (UTC)` : `${first} to ${last} (UTC)`;
}

function clock(whole: number, part: number, digits: number): string {
  const seconds = Math.floor(part + 1e-9);
  const time = new Date((whole + seconds) * 1000).toISOString().slice(11, 19);
  return digits === 0 ? time : `${time}${(part - seconds).toFixed(digits).slice(1)}`;
}
