import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { usageError } from "../../../base/errors.js";
import { type Format, formats, type SpectrogramFlags } from "./flags.js";

/** Decides the format and the file of the result. Without `out`, the PNG is printed as base64. */
export function chooseOutput({ out, format, csv, npy, base64, json }: SpectrogramFlags): {
  format: Format;
  out?: string;
} {
  const asked = [format, csv && "csv", npy && "npy", base64 && "png"].filter(
    (name) => typeof name === "string",
  );
  const suffix = formats.find((known) => out?.toLowerCase().endsWith(`.${known}`));
  const chosen = (asked[0] ?? suffix) as Format | undefined;
  if (new Set(asked).size > 1) throw usageError(`expected one format, found ${asked.join(" and ")}`);
  if (suffix !== undefined && chosen !== suffix)
    throw usageError(`expected --out with a name that ends in .${chosen}, found ${out}`);
  if (base64) {
    if (out !== undefined) throw usageError("expected --base64 or --out, found both");
    return { format: "png" };
  }
  if (out === undefined && chosen !== "csv" && chosen !== "npy")
    throw usageError("expected --out with a .png or .svg file, --base64, --csv or --npy, found none of them");
  if (chosen === undefined)
    throw usageError(
      out === "-"
        ? "--out - needs --format png or svg, --csv or --npy"
        : `--out ${out}: expected a name that ends in .png, .svg, .csv or .npy, or --format`,
    );
  if (json && (out ?? "-") === "-")
    throw usageError("--json and the result both go to stdout: give --out a file");
  return { format: chosen, out: out ?? "-" };
}

/** Writes numbers piece by piece to a file, or to stdout for `-`. */
export async function writeNumbers(
  pieces: Iterable<string | Uint8Array> | AsyncIterable<string>,
  out: string,
): Promise<void> {
  const stream = Readable.from(pieces, { objectMode: false });
  if (out === "-") return pipeline(stream, process.stdout, { end: false });
  const { writeStreamAtomic } = await import("../../../base/files.js");
  await writeStreamAtomic(out, stream);
}

/** Writes a picture to a file, or to stdout for `-`. */
export async function writePicture(svg: string, format: "png" | "svg", out: string): Promise<void> {
  const picture = format === "svg" ? svg : await pictureAsPng(svg);
  const { writeFileAtomic } = await import("../../../base/files.js");
  if (out === "-") process.stdout.write(picture);
  else writeFileAtomic(out, picture);
}

export async function pictureAsPng(svg: string): Promise<Uint8Array> {
  const { svgToPng } = await import("../../../plot/png.js");
  return svgToPng(svg, { scale: 1 });
}

/** Formats the values of the lowest and the highest colour: `-80 to 0 dB`. */
export function rangeText(decibels: readonly number[]): string {
  return `${decibels.map((value) => value.toFixed(0)).join(" to ")} dB`;
}
