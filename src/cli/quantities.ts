import { usageError } from "../base/errors.js";
import { numberOrText } from "./options.js";

/** Parsers of flags that are physical quantities. */

export function anyNumber(flag: string): (text: string) => number {
  return (text) => {
    const value = numberOrText(text);
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw usageError(`${flag}: expected a number, found ${JSON.stringify(text)}`);
  };
}

/** A frequency in Hz. */
export function frequency(flag: string): (text: string) => number {
  return (text) => {
    const value = numberOrText(text);
    if (typeof value === "number" && value >= 0 && Number.isFinite(value)) return value;
    throw usageError(`${flag}: expected a frequency in Hz of at least 0, found ${JSON.stringify(text)}`);
  };
}

/** What 64 bits of nanoseconds hold, 292 years. */
const longestSeconds = 2 ** 63 / 1e9;
const secondsOf: Record<string, number> = { ms: 0.001, s: 1, min: 60, h: 3600 };

/** `100ms`, `2s`, `1.5min` or `1h` in seconds. */
export function seconds(flag: string): (text: string) => number {
  return (text) => {
    const [, amount = "", unit = ""] = /^([\d.]+(?:e[+-]?\d+)?) ?(ms|s|min|h)$/.exec(text.trim()) ?? [];
    const value = Number(amount) * secondsOf[unit]!;
    if (value > 0 && value <= longestSeconds) return value;
    throw usageError(
      `${flag}: expected a time such as 100ms, 2s, 1.5min or 1h, found ${JSON.stringify(text)}`,
    );
  };
}
