/** Formats figures for tables, pages and the terminal. */

/** Formats a share as a percentage: `0.12345` → `12.35 %`. */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Formats the interval of a difference of two shares, in percentage points: `-1.2 to +3.4`. */
export function pointsInterval([low, high]: readonly [number, number]): string {
  const points = (share: number) => {
    const text = (100 * share).toFixed(1);
    return Number(text) > 0 ? `+${text}` : text.replace("-0.0", "0.0");
  };
  return `${points(low)} to ${points(high)}`;
}

export function pValue(p: number): string {
  return p < 0.0001 ? p.toExponential(1) : p.toFixed(4);
}
