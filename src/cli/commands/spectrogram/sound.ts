import { basename, extname } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Audio } from "../../../audio/clip.js";
import { usageError } from "../../../base/errors.js";
import type { SoundOptions } from "../../../sound/spectrogram/sound.js";
import type { Output } from "../../output.js";
import { defined, type SpectrogramFlags } from "./flags.js";
import { chooseOutput, pictureAsPng, rangeText, writeNumbers, writePicture } from "./output.js";

/** Shows a sound, a WAV file or a clip of a data set, as a picture or as numbers. */
export async function showSound(file: string, flags: SpectrogramFlags, output: Output): Promise<void> {
  const { format, out } = chooseOutput(flags);
  const { checkSoundOptions, soundSpectrogram } = await import("../../../sound/spectrogram/sound.js");
  const options = soundOptions(flags);
  checkSoundOptions({ ...options, ...defined({ scale: flags.scale }) });
  if (flags.index === undefined && (file === "sample" || extname(file) === ".npz"))
    throw usageError(`${file} is a data set: expected --index with a row of it`);
  const { audio, title, about } =
    flags.index === undefined ? await readSound(file) : await readRow(file, flags.index, flags.seed, output);
  const sound = soundSpectrogram(audio, options, file === "-" ? "stdin" : file);
  const { sampleRate, seconds } = sound;
  const { count: frames, frequencies } = sound.channels[0]!.spectrogram;
  const bins = frequencies.length;
  const document = {
    ...{ file, ...about, sampleRate, seconds, channels: audio.channels.length, frames, bins },
  };
  if (format === "csv" || format === "npy") {
    const { soundCsv, soundNpy } = await import("../../../sound/spectrogram/numbers.js");
    await writeNumbers(format === "csv" ? soundCsv(sound) : soundNpy(sound), out!);
    if (out !== "-") output.result(`${out}: ${frames} frames of ${bins} values`, { ...document, out });
    return;
  }
  const { soundPicture } = await import("../../../sound/picture/sound-picture.js");
  const { svg, decibels } = soundPicture(sound, { ...flags, title });
  if (out === undefined) {
    const png = Buffer.from(await pictureAsPng(svg)).toString("base64");
    output.result(png, { ...document, decibels, png });
    return;
  }
  await writePicture(svg, format, out);
  if (out === "-") return;
  const text = `${out}: ${seconds.toFixed(2)} s at ${sampleRate} Hz, ${rangeText(decibels)}`;
  output.result(text, { ...document, decibels, out });
}

function soundOptions(flags: SpectrogramFlags): SoundOptions {
  const { channel, nFft, hop, winLength, window, minFrequency, maxFrequency, frameSize, factor } = flags;
  return defined({ channel, nFft, hop, winLength, window, minFrequency, maxFrequency, frameSize, factor });
}

interface Source {
  audio: Audio;
  title: string;
  /** Fields of the JSON document. */
  about: { index?: number; label?: string };
}

async function readSound(file: string): Promise<Source> {
  const { decodeWav, readWavFile } = await import("../../../audio/wav/decode.js");
  if (file !== "-") return { audio: await readWavFile(file), title: basename(file), about: {} };
  const audio = decodeWav(await buffer(process.stdin), "stdin", { streamed: true });
  return { audio, title: "stdin", about: {} };
}

async function readRow(
  data: string,
  index: number | "random",
  seed: number,
  output: Output,
): Promise<Source> {
  const [{ loadClips }, { chooseClip, readClip }] = await Promise.all([
    import("../../../data/load.js"),
    import("../../../data/choose.js"),
  ]);
  const clips = await loadClips([data], { seed, onProgress: output.progress("reading the data") });
  const at = chooseClip(clips, index, seed);
  const [row, label] = [clips.rows[at]!, clips.labels[at]!];
  return {
    audio: { sampleRate: clips.sampleRate, channels: [readClip(clips, at)] },
    title: `${basename(data)} row ${row}: ${label}`,
    about: { index: row, label },
  };
}
