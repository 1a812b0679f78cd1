/** A linear axis: its ends are its first and last tick. */
export interface Axis {
  domain: [number, number];
  ticks: number[];
}

/** Round ticks (1, 2 or 5 times a power of ten apart) from at or below `low` to at or above `high`, in about `count` steps. */
export function niceAxis(low: number, high: number, count: number, smallestStep = 0): Axis {
  const step = Math.max(niceStep((high - low) / count), smallestStep) || 1;
  // The tolerance keeps 0.3 / 0.1 = 2.9999999999999996 from taking one step more.
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => rounded((first + index) * step));
  return { domain: [ticks[0]!, ticks.at(-1)!], ticks };
}

/** The round numbers from `low` to `high` that are at least `gap` and not much more apart. */
export function ticksWithin(low: number, high: number, gap: number): number[] {
  const step = niceStep(gap) || 1;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, index) => rounded((first + index) * step));
}

/** An axis from the first to the last epoch, every tick being an epoch. One alone stands in the middle. */
export function epochAxis(first: number, last: number, count: number): Axis {
  if (first === last) return { domain: [first - 1, first + 1], ticks: [first] };
  const step = Math.max(1, niceStep((last - first) / count));
  const ticks: number[] = [];
  for (let tick = Math.ceil(first / step) * step; tick <= last; tick += step) ticks.push(tick);
  if (ticks.length === 0 || ticks[0]! - first >= step / 2) ticks.unshift(first);
  return { domain: [first, last], ticks };
}

function niceStep(atLeast: number): number {
  if (!(atLeast > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const times = [1, 2, 5, 10].find((candidate) => candidate * power >= atLeast * (1 - 1e-9)) ?? 10;
  return rounded(times * power);
}

function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
