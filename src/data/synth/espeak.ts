import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Audio } from "../../audio/clip.js";
import { decodeWav } from "../../audio/wav/decode.js";
import { UserError } from "../../base/errors.js";

/** Options of espeak-ng for speaking a text. */
export interface Manner {
  /** A voice, optionally with a variant: `en-us`, `gmw/en-US+f3`. */
  readonly voice: string;
  /** Words a minute, 80 to 450. */
  readonly speed: number;
  /** 0 to 99, 50 being the voice's own. */
  readonly pitch: number;
}

/** Returns the version of espeak-ng, such as `1.51`. */
export async function espeakVersion(): Promise<string> {
  const text = (await espeak(["--version"])).toString();
  return /\b\d+\.\d+[\w.-]*/.exec(text)?.[0] ?? text.trim();
}

/**
 * Lists the installed voices of a language such as `en`: their names (`en-us`), and the files to pass as voice
 * (`gmw/en-US`). espeak-ng 1.51 ignores a variant after the name `en-gb`, but not after its file.
 */
export async function espeakVoices(language: string): Promise<Map<string, string>> {
  const voices = new Map<string, string>();
  for (const { name, file } of await listVoices(language)) {
    // MBROLA voices ("mb/…") need another program; variants ("!v/…") are listed too if they name a language.
    if (!/^(mb|!v)[/\\]/.test(file)) voices.set(name, file);
  }
  return voices;
}

/** Lists the installed variants, which follow a voice and a plus sign: `f3` in `gmw/en-US+f3`. */
export async function espeakVariants(): Promise<Set<string>> {
  return new Set((await listVoices("variant")).map(({ file }) => file.replace(/^!v[/\\]/, "")));
}

async function listVoices(language: string): Promise<{ name: string; file: string }[]> {
  const [, ...lines] = (await espeak([`--voices=${language}`])).toString().trimEnd().split("\n");
  return lines.map((line) => {
    // Columns: priority, language, age/gender, voice's name, file, and further languages.
    const [, name = "", , , file = ""] = line.trim().split(/\s+/);
    return { name, file };
  });
}

/** Speaks a text: one channel, usually at 22,050 Hz. The samples are the same each time. */
export async function speak(text: string, { voice, speed, pitch }: Manner): Promise<Audio> {
  const wav = await espeak(["--stdout", "-v", voice, "-s", `${speed}`, "-p", `${pitch}`, "--", text]);
  return decodeWav(wav, `espeak-ng's "${text}"`, { streamed: true });
}

/** Returns a text's pronunciation in espeak-ng's own phoneme notation; texts that sound alike have the same. */
export async function phonemes(text: string, voice: string): Promise<string> {
  return (await espeak(["-q", "-x", "-v", voice, "--", text])).toString().trim();
}

/** Returns a text's pronunciation in the International Phonetic Alphabet, on one line. */
export async function ipa(text: string, voice: string): Promise<string> {
  return (await espeak(["-q", "--ipa", "-v", voice, "--", text])).toString().trim().replace(/\s+/g, " ");
}

async function espeak(args: readonly string[]): Promise<Buffer> {
  try {
    const options = { encoding: "buffer", maxBuffer: 2 ** 26, windowsHide: true } as const;
    return (await promisify(execFile)("espeak-ng", args, options)).stdout;
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: Buffer };
    if (code === "ENOENT") {
      throw new UserError(
        "the words are spoken by espeak-ng, but no program of that name was found: install it " +
          "(apt-get install espeak-ng, dnf install espeak-ng, brew install espeak-ng, " +
          "or for Windows from https://github.com/espeak-ng/espeak-ng/releases)",
        { cause: error },
      );
    }
    const reason = stderr?.toString().trim().split("\n")[0] || `exit code ${code}`;
    throw new UserError(`espeak-ng ${args.join(" ")} failed: ${reason}`, { cause: error });
  }
}
