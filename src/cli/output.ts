import { stderr, stdout } from "node:process";
import { styleText } from "node:util";
import { SingleBar } from "cli-progress";
import { columnsOf } from "../plot/terminal/text.js";

export interface OutputOptions {
  json?: boolean;
  quiet?: boolean;
  color?: boolean;
}

/** Work that takes less time shows no bar. */
const barAfterMs = 500;
/** Interval of progress lines if stderr is not a terminal. */
const lineEveryMs = 10_000;

/**
 * Prints results to stdout and everything else to stderr. With `json`, stdout gets exactly one JSON document.
 */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  private bar: SingleBar | undefined;
  private barLine: (columns: number) => string = () => "";

  constructor(options: OutputOptions) {
    this.json = options.json ?? false;
    this.quiet = options.quiet ?? false;
    // Also for packages that read the environment.
    if (options.color === false) process.env.NO_COLOR = "1";
    process.once("exit", () => this.endBar()); // a stop by Ctrl-C must not leave the cursor hidden
  }

  /** Prints the result of the command: text or, with --json, a document. */
  result(text: string, document: unknown): void {
    this.endBar();
    stdout.write(this.json ? `${JSON.stringify(document)}\n` : `${text}\n`);
  }

  /** Prints a line of progress, unless --quiet is set. */
  log(line: string): void {
    if (!this.quiet) this.line(line);
  }

  /** Prints a warning, also with --quiet. */
  warn(line: string): void {
    this.line(`${paint("yellow", "warning:", stderr)} ${line}`);
  }

  /** Number of columns for results: the terminal's; else that of COLUMNS, or no limit. */
  get width(): number {
    if (stdout.isTTY) return stdout.columns || 80; // unknown in some terminals
    const asked = Number(process.env.COLUMNS);
    return Number.isInteger(asked) && asked > 0 ? asked : Number.POSITIVE_INFINITY;
  }

  /** Whether results are coloured. */
  get color(): boolean {
    return wantsColor(stdout);
  }

  /**
   * Returns a function that shows the progress of work of a known length: as a bar, or as a line now and then if stderr
   * is not a terminal.
   */
  progress(label: string): (done: number, total: number) => void {
    let start: number | undefined;
    let lastLine = 0;
    return (done, total) => {
      if (done >= total) {
        this.endBar();
        start = undefined;
        return;
      }
      const now = performance.now();
      if (start === undefined) start = lastLine = now; // the work may begin later
      if (now - start < barAfterMs) return;
      const share = done / total;
      const text = `${label} ${Math.floor(100 * share)} %`;
      this.showBar((columns) => `${barOf(share, Math.min(30, columns - text.length - 2))} ${text}`);
      if (!stderr.isTTY && now - lastLine > lineEveryMs) {
        lastLine = now;
        this.log(text);
      }
    };
  }

  /** On a terminal, shows a line below all others, which replaces the one before. */
  showBar(line: (columns: number) => string): void {
    if (this.quiet || !stderr.isTTY) return;
    this.barLine = line;
    if (this.bar === undefined) {
      this.bar = new SingleBar({
        format: () => this.barLine((stderr.columns ?? 80) - 1), // some terminals wrap in the last column
        hideCursor: true,
        clearOnComplete: true,
        gracefulExit: false, // main.ts handles Ctrl-C
        stream: stderr,
      });
      this.bar.start(1, 0);
    } else {
      this.bar.update(0);
    }
  }

  /** Removes that line. */
  endBar(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  private line(text: string): void {
    this.endBar();
    stderr.write(`${text}\n`);
  }
}

/** A progress bar of this number of columns. */
export function barOf(share: number, columns: number): string {
  const length = Math.max(0, columns);
  const done = Math.round(length * share);
  return paint("cyan", "━".repeat(done), stderr) + paint("dim", "─".repeat(length - done), stderr);
}

/** Styles a text if the stream shows colours and they are not switched off. */
export function paint(
  format: Parameters<typeof styleText>[0],
  text: string,
  stream: NodeJS.WriteStream = stdout,
): string {
  return wantsColor(stream) ? styleText(format, text, { validateStream: false }) : text;
}

function wantsColor(stream: NodeJS.WriteStream): boolean {
  if (process.env.NO_COLOR) return false;
  return stream.isTTY === true || Boolean(process.env.FORCE_COLOR && process.env.FORCE_COLOR !== "0");
}

/** Any space but the one between a figure and its unit. A combining mark after the letter `s` makes it another letter. */
const breaks = / (?!(?<=\d )(?:%|dB|Hz|s)(?![\p{L}\p{M}\p{N}_]))/u;

/**
 * Breaks a text into lines of at most `width` columns. A figure stays beside its unit, and a word that is longer than a
 * line stays whole.
 *
 * @param indent indent of continuation lines
 * @param first indent of the first line
 */
export function wrapped(text: string, width: number, indent = 0, first = 0): string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(breaks)) {
    if (line === undefined) line = " ".repeat(first) + word;
    else if (columnsOf(line) + 1 + columnsOf(word) <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = " ".repeat(indent) + word;
    }
  }
  return [...lines, line!];
}

/** Formats a loss: `0.1235`, or `3.2e+15` if it has diverged. */
export function lossText(loss: number): string {
  return Math.abs(loss) < 1e5 ? loss.toFixed(4) : loss.toPrecision(2);
}

/** Formats seconds: `4.2 s`, `3:07`, `1:02:45`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

/** Formats a number: `1,234,567`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Formats a number of things: `1 epoch`, `2 epochs`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}
