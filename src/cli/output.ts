import { stderr, stdout } from "node:process";
import { styleText } from "node:util";
import { Presets, SingleBar } from "cli-progress";

export interface OutputOptions {
  json?: boolean;
  quiet?: boolean;
  color?: boolean;
}

/**
 * Where things are printed: results to stdout, all else to stderr. With `json`, stdout gets exactly one JSON document.
 */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  private bar: SingleBar | undefined;

  constructor(options: OutputOptions) {
    this.json = options.json ?? false;
    this.quiet = options.quiet ?? false;
    // One switch for everything that colours: util.styleText, and what reads the environment.
    if (options.color === false) process.env.NO_COLOR = "1";
  }

  /** The command's answer, for people or, with --json, as a document. */
  result(text: string, document: unknown): void {
    stdout.write(this.json ? `${JSON.stringify(document)}\n` : `${text}\n`);
  }

  /** What happens on the way. */
  log(line: string): void {
    if (!this.quiet) this.line(line);
  }

  /** Something the user should know even with --quiet. */
  warn(line: string): void {
    this.line(`${paint("yellow", "warning:", stderr)} ${line}`);
  }

  /** Columns of the screen that results go to. */
  get width(): number {
    return stdout.columns ?? 80;
  }

  /** Whether results may be coloured. */
  get color(): boolean {
    return wantsColor(stdout);
  }

  /**
   * A bar for work whose length is known, shown once it takes longer than half a second. Where stderr is no terminal, a line every ten
   * seconds.
   */
  progress(label: string): (done: number, total: number) => void {
    let start: number | undefined;
    let lastLine = 0;
    return (done, total) => {
      if (this.quiet) return;
      const now = performance.now();
      if (start === undefined) start = lastLine = now; // the work may begin long after the bar was asked for
      if (stderr.isTTY) {
        if (this.bar === undefined && done < total && now - start > 500) this.bar = startBar(label, total);
        if (done < total) this.bar?.update(done);
        else this.endBar();
      } else if (now - lastLine > 10_000 && done < total) {
        lastLine = now;
        this.line(`${label}: ${Math.floor((100 * done) / total)} %`);
      }
    };
  }

  endBar(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  private line(text: string): void {
    this.endBar();
    stderr.write(`${text}\n`);
  }
}

/** Colours a text where the stream shows colours and nobody asked for none. */
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

function startBar(label: string, total: number): SingleBar {
  const bar = new SingleBar(
    {
      format: `${label} {bar} {percentage} %`,
      barsize: Math.max(8, Math.min(30, (stderr.columns ?? 80) - label.length - 10)),
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      stream: stderr,
    },
    Presets.rect,
  );
  bar.start(total, 0);
  return bar;
}

/** `0.12345` → `12.35 %`. */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Seconds as people say them: `4.2 s`, `3:07`, `1:02:45`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

/** 1234567 → `1,234,567`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}
