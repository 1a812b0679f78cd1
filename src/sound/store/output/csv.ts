import type { StoreSelection } from "../read.js";
import { formatUtc } from "../time.js";

/**
 * Yields a selection as CSV. Each line is a frame: its time in UTC, then its values; NaN is left empty. The
 * header line lists the frequencies in Hz, or `title` for selections with one value per frame.
 */
export async function* selectionCsv(selection: StoreSelection, title?: string): AsyncGenerator<string> {
  yield `${["time UTC", ...(title === undefined ? Array.from(selection.frequencies, short) : [title])].join(",")}\n`;
  for await (const { times, values, frames, bins } of selection.blocks()) {
    let lines = "";
    for (let t = 0; t < frames; t++) {
      lines += formatUtc(times[t]!);
      for (let k = t * bins; k < (t + 1) * bins; k++)
        lines += Number.isNaN(values[k]!) ? "," : `,${short(values[k]!)}`;
      lines += "\n";
    }
    yield lines;
  }
}

/** Rounds to nine digits, enough to distinguish any two float32 values. */
function short(value: number): string {
  return String(Number(value.toPrecision(9)));
}
