import { UserError } from "../base/errors.js";
import type { ComplexArray } from "../dsp/complex.js";
import { monoAtRate } from "./clip.js";
import { decodeWav } from "./wav/decode.js";

export interface Signal extends ComplexArray {
  /** Hz, if the file states it. */
  sampleRate?: number;
  /** Notes on what was done to the file's sound. */
  notes: string[];
}

/** Parses a complex number: `3`, `-2.5e-3`, `2i`, `-i`, `-2+2i`, `0.3 - 0.9i`. Returns undefined for anything else. */
export function parseComplex(text: string): { re: number; im: number } | undefined {
  const compact = text.trim().replace(/\s*([+-])\s*/g, "$1");
  for (const form of complexForms) {
    const found = form.exec(compact)?.groups;
    if (found === undefined) continue;
    const { re = "0", im = "0" } = found;
    const value = { re: Number(re), im: Number(/\d/.test(im) ? im : `${im}1`) };
    return Number.isFinite(value.re) && Number.isFinite(value.im) ? value : undefined;
  }
  return undefined;
}

const digits = String.raw`(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?`;
const complexForms = [
  new RegExp(`^(?<re>[+-]?${digits})$`, "i"),
  new RegExp(`^(?<im>[+-]?(?:${digits})?)[ij]$`, "i"),
  new RegExp(`^(?<re>[+-]?${digits})(?<im>[+-](?:${digits})?)[ij]$`, "i"),
];

/** Formats a complex number as `-2+2i`, with at most `decimals` decimals; a part that is zero is left out. */
export function formatComplex(re: number, im: number, decimals: number): string {
  const [real, imaginary] = [rounded(re, decimals), rounded(im, decimals)];
  if (imaginary === "0") return real;
  if (real === "0") return `${imaginary}i`;
  return `${real}${imaginary.startsWith("-") ? "" : "+"}${imaginary}i`;
}

/** Formats a number with at most `decimals` decimals, without trailing zeros and without a negative zero. */
export function rounded(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  const short = text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
  return short === "-0" ? "0" : short;
}

/**
 * Decodes a WAV file (the mean of its channels), or a CSV with one number per line in the last of one or two columns;
 * the first of two is an index or a time. A first line without a number is a header.
 *
 * @param name the file's name in messages
 * @throws UserError that names the line, for anything that is not a number
 */
export function decodeSignal(bytes: Uint8Array, name: string, options: { streamed?: boolean } = {}): Signal {
  if (!/^(RIF|RF64|BW64|riff)/.test(Buffer.from(bytes.subarray(0, 4)).toString("latin1")))
    return parseCsv(bytes, name);
  const audio = decodeWav(bytes, name, options);
  const { samples, notes } = monoAtRate(audio, audio.sampleRate);
  const re = Float64Array.from(samples);
  return { re, im: new Float64Array(re.length), sampleRate: audio.sampleRate, notes };
}

function parseCsv(bytes: Uint8Array, name: string): Signal {
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  const re: number[] = [];
  const im: number[] = [];
  lines.forEach((line, index) => {
    if (line.trim() === "") return;
    const cells = line.split(",");
    // A first line without a digit is a header: i and j are names there, not numbers.
    if (index === 0 && !/\d/.test(line) && !cells.some((cell) => /^\s*[+-]?(nan|inf)/i.test(cell))) return;
    const value = cells.length <= 2 ? parseComplex(cells.at(-1)!) : undefined;
    if (value !== undefined) {
      re.push(value.re);
      im.push(value.im);
      return;
    }
    throw new UserError(
      `${name} line ${index + 1}: expected a number, or an index and a number, found ${JSON.stringify(line.slice(0, 60))}`,
    );
  });
  if (re.length === 0)
    throw new UserError(`${name}: expected a WAV file, or a CSV with one number per line, found no number`);
  return { re: Float64Array.from(re), im: Float64Array.from(im), notes: [] };
}
