import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Random } from "../../src/base/random.js";
import { wavFile } from "./wav.js";

/** The ten words of the official task, and others of the data set. */
export const wantedWords = "yes no up down left right on off stop go".split(" ");
export const otherWords = ["bed", "cat", "marvin"];

/**
 * Writes a folder in the layout of Speech Commands: `speakers` people who say each word once, at 16 kHz, and two
 * recordings of noise of 20 and 30 s. Returns the files' names below it, the noise aside.
 */
export function writeSpeechCommands(
  folder: string,
  { words = [...wantedWords, ...otherWords], speakers = 30, rate = 16000 } = {},
): string[] {
  const random = new Random(1, "speech commands");
  const names: string[] = [];
  const write = (name: string, content: Uint8Array) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  words.forEach((word, w) => {
    for (let i = 0; i < speakers; i++) {
      const name = `${word}/${speakerName(i)}_nohash_0.wav`;
      const frequency = 200 + 20 * w + i;
      const length = i === 0 ? rate / 2 : rate;
      write(
        name,
        wavFile(
          [Float32Array.from({ length }, (_, t) => 0.5 * Math.sin((2 * Math.PI * frequency * t) / rate))],
          {
            sampleRate: rate,
          },
        ),
      );
      names.push(name);
    }
  });
  for (const [name, seconds] of [
    ["hum", 20],
    ["rain", 30],
  ] as const) {
    const noise = Float32Array.from({ length: seconds * rate }, () => 0.5 * random.between(-1, 1));
    write(`_background_noise_/${name}.wav`, wavFile([noise], { sampleRate: rate }));
  }
  return names;
}

function speakerName(i: number): string {
  return (0x10000000 + i * 0x01234567).toString(16);
}
