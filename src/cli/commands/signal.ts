import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import type { Signal } from "../../audio/signal.js";
import { usageError } from "../../base/errors.js";
import type { ComplexArray } from "../../dsp/complex.js";
import {
  type CommonFlags,
  command,
  mostNumbers,
  outputFor,
  requiredOption,
  wholeNumber,
} from "../options.js";
import type { Output } from "../output.js";
import { anyNumber, seconds } from "../quantities.js";

export function signalCommand(): Command {
  return new Command("signal")
    .description("generate and transform signals")
    .addCommand(sineCommand())
    .addCommand(complexSineCommand())
    .addCommand(transformCommand("dft"))
    .addCommand(transformCommand("idft"));
}

interface SineFlags extends CommonFlags {
  frequency: number;
  amplitude: number;
  phase: number;
  rate: number;
  duration: number;
  csv?: boolean;
}

function sineCommand(): Command {
  return command(
    "sine",
    "the samples of amplitude * cos(2 pi * frequency * t + phase)",
    "kws signal sine --frequency 10 --amplitude 1 --phase 1 --rate 50 --duration 100ms --csv",
  )
    .addOption(requiredOption("--frequency <hz>", "at most half the rate", anyNumber("--frequency")))
    .option("--amplitude <a>", "peak value", anyNumber("--amplitude"), 1)
    .option("--phase <radians>", "phase at time 0", anyNumber("--phase"), 0)
    .addOption(requiredOption("--rate <hz>", "samples per second", anyNumber("--rate")))
    .addOption(requiredOption("--duration <time>", "such as 100ms or 2s", seconds("--duration")))
    .option("--csv", "lines of time in ms and value")
    .action(async ({ frequency, amplitude, phase, rate, duration, ...flags }: SineFlags) => {
      if (rate * duration > mostNumbers)
        throw usageError(
          `expected at most ${mostNumbers} samples, found --rate ${rate} for ${duration} s: ${rate * duration}`,
        );
      const { sine } = await import("../../dsp/generators.js");
      // In single precision, as in published tables of this kind; the relative error of the frequency is at most 6e-8.
      const interval = Math.fround(1 / rate);
      const values = sine({ frequency, amplitude, phase, sampleRate: rate, seconds: duration, interval });
      await print(values, { sampleRate: rate }, flags, rate);
    });
}

function complexSineCommand(): Command {
  return command(
    "complex-sine",
    "the complex sine of a DFT bin: e^(-2 pi i * k * j / n) for j = 0 to n - 1",
    "kws signal complex-sine --k 1 --n 5",
  )
    .addOption(requiredOption("--k <k>", "bin, a whole number", anyNumber("--k")))
    .addOption(requiredOption("--n <n>", "number of points", wholeNumber("--n", 1, mostNumbers)))
    .option("--csv", "lines of index and value")
    .action(async ({ k, n, ...flags }: CommonFlags & { k: number; n: number; csv?: boolean }) => {
      const { complexSine } = await import("../../dsp/generators.js");
      await print(complexSine(k, n), { n }, flags);
    });
}

interface TransformFlags extends CommonFlags {
  n?: number;
  magnitude?: boolean;
  csv?: boolean;
}

function transformCommand(name: "dft" | "idft"): Command {
  const created = command(
    name,
    name === "dft"
      ? "the discrete Fourier transform of numbers"
      : "the inverse discrete Fourier transform of numbers",
    ...(name === "dft"
      ? ["kws signal dft 1 2 3 4 --magnitude", "kws signal dft recording.wav --n 512 --csv"]
      : ["kws signal idft 10 -2+2i -2 -2-2i", "kws signal idft spectrum.csv --csv"]),
  )
    .argument("<values...>", "numbers such as 3, -1.5 or -2+2i; or a WAV or CSV file, - for one from stdin")
    .option(
      "--n <n>",
      "transform blocks of n numbers, the last padded with zeros (default: one block)",
      wholeNumber("--n", 1, mostNumbers),
    )
    .option("--csv", "lines of index and value")
    .allowUnknownOption() // -2+2i looks like an option
    .action(async (values: string[], flags: TransformFlags) => {
      const output = outputFor(flags);
      const signal = await readSignal(values, output);
      const [{ fft, ifft }, { transformBlocks }] = await Promise.all([
        import("../../dsp/fourier/fft.js"),
        import("../../dsp/fourier/dft.js"),
      ]);
      const { n = signal.re.length } = flags;
      const result = transformBlocks(signal, n, name === "dft" ? fft : ifft);
      const about = { n, ...(signal.sampleRate !== undefined && { sampleRate: signal.sampleRate }) };
      const { magnitude } = await import("../../dsp/complex.js");
      await print(flags.magnitude ? magnitude(result) : result, about, flags);
    });
  return name === "dft" ? created.option("--magnitude", "only the magnitude of each number") : created;
}

async function readSignal(values: readonly string[], output: Output): Promise<Signal> {
  const { decodeSignal, parseComplex } = await import("../../audio/signal.js");
  const numbers = values.map(parseComplex);
  const wrong = numbers.indexOf(undefined);
  if (wrong < 0)
    return {
      re: Float64Array.from(numbers, (value) => value!.re),
      im: Float64Array.from(numbers, (value) => value!.im),
      notes: [],
    };
  const text = values[wrong]!;
  if (values.length > 1 || (text.startsWith("-") && text !== "-"))
    throw usageError(`expected numbers such as 3, -1.5 or -2+2i, or one file, found ${JSON.stringify(text)}`);
  const { readWavBytes } = await import("../../audio/wav/decode.js");
  const signal =
    text === "-"
      ? decodeSignal(await buffer(process.stdin), "stdin", { streamed: true })
      : decodeSignal(await readWavBytes(text), text);
  if (signal.notes.length > 0) output.log(`${text}: ${signal.notes.join(", ")}`);
  return signal;
}

const decimals = { text: 6, csv: 10 };

/** Prints numbers on one line; as CSV, one per line after its index or, given a rate in Hz, its time; or as JSON. */
async function print(
  numbers: ComplexArray | Float64Array,
  about: { n?: number; sampleRate?: number },
  { csv, ...flags }: CommonFlags & { csv?: boolean },
  rate?: number,
): Promise<void> {
  const { formatComplex, rounded } = await import("../../audio/signal.js");
  if (csv) {
    if (flags.json) throw usageError("expected --csv or --json, found both");
    const lines = function* () {
      yield rate === undefined ? "index,value\n" : "time ms,value\n";
      const place = (i: number) => (rate === undefined ? i : rounded((1000 * i) / rate, decimals.csv));
      if (numbers instanceof Float64Array)
        for (const [i, value] of numbers.entries()) yield `${place(i)},${value.toFixed(decimals.csv)}\n`;
      else
        for (const [i, re] of numbers.re.entries())
          yield `${place(i)},${formatComplex(re, numbers.im[i]!, decimals.csv)}\n`;
    };
    await pipeline(Readable.from(lines()), process.stdout, { end: false });
    return;
  }
  const output = outputFor(flags);
  if (numbers instanceof Float64Array) {
    const values = Array.from(numbers);
    output.result(values.map((value) => rounded(value, decimals.text)).join(", "), { ...about, values });
  } else {
    const [re, im] = [Array.from(numbers.re), Array.from(numbers.im)];
    const words = re.map((value, i) => formatComplex(value, im[i]!, decimals.text));
    output.result(words.join(", "), { ...about, re, im });
  }
}
