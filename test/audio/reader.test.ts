import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { decodeWav } from "../../src/audio/wav/decode.js";
import { WavReader } from "../../src/audio/wav/reader.js";
import { hasPython, runPython } from "../helpers/python.js";
import { type WavCodec, wavFile } from "../helpers/wav.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-recording-"));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ramp = (count: number, factor = 1) =>
  Float64Array.from({ length: count }, (_, i) => factor * (((i * 37) % 200) / 100 - 1) * 0.9);

function reading<T>(path: string, use: (recording: WavReader) => T): T {
  const recording = new WavReader(path);
  try {
    return use(recording);
  } finally {
    recording.close();
  }
}

const guids = {
  riff: "726966662e91cf11a5d628db04c10000",
  wave: "77617665f3acd3118cd100c04f8edb8a",
  fmt: "666d7420f3acd3118cd100c04f8edb8a",
  data: "64617461f3acd3118cd100c04f8edb8a",
};
const format = Buffer.from("0100010080bb000000770100020010 00".replaceAll(" ", ""), "hex"); // 16 bits, mono, 48 kHz

/** Headers by the formats' definitions: EBU Tech 3306 and Sony's Wave64. */
function rf64Header(dataBytes: bigint): Buffer {
  const head = Buffer.alloc(12 + 36 + 24 + 8);
  head.write("RF64", 0, "latin1");
  head.writeUInt32LE(0xffffffff, 4);
  head.write("WAVEds64", 8, "latin1");
  head.writeUInt32LE(28, 16);
  head.writeBigUInt64LE(dataBytes + 72n, 20);
  head.writeBigUInt64LE(dataBytes, 28);
  head.writeBigUInt64LE(dataBytes / 2n, 36);
  head.write("fmt ", 48, "latin1");
  head.writeUInt32LE(16, 52);
  format.copy(head, 56);
  head.write("data", 72, "latin1");
  head.writeUInt32LE(0xffffffff, 76);
  return head;
}

function wave64Header(dataBytes: bigint): Buffer {
  const chunk = (guid: string, size: bigint) => {
    const head = Buffer.alloc(24);
    head.write(guid, 0, "hex");
    head.writeBigUInt64LE(size, 16);
    return head;
  };
  const wave = Buffer.from(guids.wave, "hex");
  const parts = [wave, chunk(guids.fmt, 40n), format, chunk(guids.data, 24n + dataBytes)];
  return Buffer.concat([chunk(guids.riff, 104n + dataBytes), ...parts]);
}

function plainHeader(dataBytes: bigint): Buffer {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(0xffffffff, 4);
  head.write("WAVEfmt ", 8, "latin1");
  head.writeUInt32LE(16, 16);
  format.copy(head, 20);
  head.write("data", 36, "latin1");
  head.writeUInt32LE(Number(dataBytes > 0xffffffffn ? 0xffffffffn : dataBytes), 40);
  return head;
}

describe("pieces", () => {
  test.each<WavCodec>(["int8", "int16", "int24", "int32", "float32", "float64", "alaw", "mulaw"])(
    "of %s are those of the whole file",
    (codec) => {
      for (const bigEndian of [false, true]) {
        const wav = wavFile([ramp(1000), ramp(1000, -0.5)], { codec, bigEndian });
        writeFileSync(at("codec.wav"), wav);
        const { channels } = decodeWav(wav, "codec.wav");
        reading(at("codec.wav"), (recording) => {
          expect([recording.length, recording.channels, recording.sampleRate]).toEqual([1000, 2, 8000]);
          expect(recording.read(123, 777, 1)).toEqual(channels[1]!.slice(123, 777));
          const mean = Float32Array.from(channels[0]!, (x, i) => (x + channels[1]![i]!) / 2);
          expect(recording.read(0, 1000, "mean")).toEqual(mean);
        });
      }
    },
  );

  test("of IMA ADPCM too, wherever its blocks begin", () => {
    const golden = JSON.parse(readFileSync(new URL("golden/ima-adpcm.json", import.meta.url), "utf8")) as {
      wav: string;
    }[];
    for (const { wav } of golden) {
      writeFileSync(at("adpcm.wav"), Buffer.from(wav, "base64"));
      const whole = decodeWav(Buffer.from(wav, "base64"), "adpcm.wav").channels[0]!;
      reading(at("adpcm.wav"), (recording) => {
        expect(recording.length).toBe(whole.length);
        for (const [from, to] of [
          [0, 1],
          [500, 520],
          [505, 1010],
          [0, whole.length],
          [whole.length - 1, whole.length],
        ])
          expect(recording.read(from!, to!, 0)).toEqual(whole.slice(from, to));
      });
    }
  });
});

describe("beyond 4 GB", () => {
  const dataBytes = 5n * 2n ** 30n;
  test.each([
    ["RF64", rf64Header],
    ["Wave64", wave64Header],
    ["WAV whose size has no room in its header", plainHeader],
  ])("%s, a sparse file", (_, header) => {
    const file = openSync(at("large"), "w");
    const head = header(dataBytes);
    writeSync(file, head);
    ftruncateSync(file, head.length + Number(dataBytes));
    const sample = 2_500_000_000; // its byte has no room in 32 bits
    writeSync(file, Buffer.from(Int16Array.of(16384, -8192).buffer), 0, 4, head.length + 2 * sample);
    closeSync(file);
    reading(at("large"), (recording) => {
      expect(recording.length).toBe(Number(dataBytes) / 2);
      expect(recording.sampleRate).toBe(48_000);
      expect([...recording.read(sample - 1, sample + 3, "mean")]).toEqual([0, 0.5, -0.25, 0]);
    });
    rmSync(at("large"));
  });
});

describe.skipIf(!hasPython("soundfile"))("files of libsndfile (Python)", () => {
  test.each(["RF64", "W64", "WAV"])("%s", (kind) => {
    const expected = runPython<number[]>(
      `
import soundfile
samples = (np.arange(3001) % 97 / 100 - 0.4).astype(np.float32)
soundfile.write(input["path"], samples, 22050, format=input["kind"], subtype="PCM_24")
output = soundfile.read(input["path"], dtype="float32")[0]
`,
      { path: at("python"), kind },
    );
    reading(at("python"), (recording) => {
      expect(recording.sampleRate).toBe(22_050);
      expect([...recording.read(0, recording.length, "mean")]).toEqual(expected);
    });
  });
});

describe("refuses", () => {
  test.each([
    ["no file", "absent.wav", undefined, /cannot read .*absent.wav: no such file/],
    ["a folder", ".", undefined, /cannot read/],
    ["something else", "x.wav", Buffer.from("hello world"), /x.wav is not a WAV file/],
    [
      "a truncated RF64",
      "x.wav",
      Buffer.concat([rf64Header(1000n), Buffer.alloc(998)]),
      /promises 1000 bytes of samples, found 998/,
    ],
    [
      "a truncated Wave64",
      "x.wav",
      Buffer.concat([wave64Header(1000n), Buffer.alloc(1)]),
      /promises 1000 bytes of samples, found 1/,
    ],
    ["no samples", "x.wav", wave64Header(0n), /holds no samples/],
  ])("%s", (_, name, bytes, message) => {
    if (bytes !== undefined) writeFileSync(at(name), bytes);
    expect(() => reading(at(name), (recording) => recording.read(0, 1, 0))).toThrow(message);
  });

  test("NaN, with its place", () => {
    writeFileSync(at("nan.wav"), wavFile([[0, 0, Number.NaN]], { codec: "float32" }));
    expect(() => reading(at("nan.wav"), (recording) => recording.read(1, 3, 0))).toThrow(
      /nan.wav: finite samples were expected, found NaN at 0.000 s \(sample 2, channel 0\)/,
    );
  });
});
