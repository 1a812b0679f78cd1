import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Audio } from "../../audio/clip.js";
import { readWavFile } from "../../audio/wav/decode.js";
import { UserError } from "../../base/errors.js";

/** One of the speakers of a voice model of piper (https://github.com/OHF-Voice/piper1-gpl). */
export interface PiperVoice {
  /** The model, `….onnx`, with `….onnx.json` beside it. */
  readonly model: string;
  /** Its number in a model of several speakers. */
  readonly speaker?: number;
}

/**
 * Returns the speakers of a voice model with their names.
 *
 * @throws UserError if the model or the description beside it is missing or invalid
 */
export function piperVoices(model: string): { id: string; voice: PiperVoice }[] {
  const description = `${model}.json`;
  for (const path of [model, description]) {
    if (!existsSync(path))
      throw new UserError(
        `${path} does not exist: expected a voice of piper, a .onnx with a .onnx.json beside it`,
      );
  }
  let people: unknown;
  try {
    people = (JSON.parse(readFileSync(description, "utf8")) as { num_speakers?: unknown }).num_speakers ?? 1;
  } catch (error) {
    throw new UserError(`${description}: expected a voice's description in JSON`, { cause: error });
  }
  if (typeof people !== "number" || !Number.isSafeInteger(people) || people < 1)
    throw new UserError(
      `${description}: expected num_speakers to be a whole number above 0, found ${people}`,
    );
  const name = basename(model, ".onnx");
  if (people === 1) return [{ id: name, voice: { model } }];
  return Array.from({ length: people }, (_, speaker) => ({
    id: `${name}-${speaker}`,
    voice: { model, speaker },
  }));
}

/**
 * Speaks a text. The result differs each time, since piper draws at random and has no seed.
 *
 * @param lengthScale 1 is the voice's own pace, 2 takes twice as long
 */
export async function piperSpeak(
  text: string,
  { model, speaker }: PiperVoice,
  lengthScale: number,
): Promise<Audio> {
  temporary ??= makeTemporary();
  const wav = join(temporary, `${spokenCount++}.wav`);
  try {
    // The spellings that all its versions accept.
    const args = ["--model", model, "--output_file", wav, "--length_scale", lengthScale.toFixed(3)];
    if (speaker !== undefined) args.push("--speaker", `${speaker}`);
    await piper(args, `${text}\n`);
    return await readWavFile(wav);
  } finally {
    await rm(wav, { force: true });
  }
}

/** One folder for all files of this process, removed when it exits, after Ctrl-C too. */
let temporary: string | undefined;
let spokenCount = 0;

function makeTemporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "keyspot-piper-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function piper(args: readonly string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("piper", args, { stdio: ["pipe", "ignore", "pipe"], windowsHide: true });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-10_000);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      const missing =
        "--piper-voice needs piper, but no program of that name was found: install it (pip install piper-tts)";
      reject(error.code === "ENOENT" ? new UserError(missing, { cause: error }) : error);
    });
    child.on("close", (code) => {
      // The last line of a Python traceback states the error.
      const reason = stderr.trim().split("\n").at(-1) || `exit code ${code}`;
      if (code === 0) resolve();
      else reject(new UserError(`piper ${args.join(" ")} failed: ${reason}`));
    });
    child.stdin.on("error", () => {}); // it ended before it read the text; the close event reports why
    child.stdin.end(input);
  });
}
