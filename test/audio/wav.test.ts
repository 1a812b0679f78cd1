import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clipFromAudio } from "../../src/audio/clip.js";
import { decodeWav, encodeWav, readWavFile } from "../../src/audio/wav/decode.js";
import { UserError } from "../../src/base/errors.js";
import { readNpz } from "../../src/data/formats/npz.js";
import {
  decodeG711,
  formatChunk,
  riff,
  type WavCodec,
  type WavOptions,
  wavFile,
  wavOfBytes,
} from "../helpers/wav.js";

const ramp = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i / 3) * 0.9);

describe("decodeWav", () => {
  const steps: Record<Exclude<WavCodec, "alaw" | "mulaw">, number> = {
    int8: 2 ** -7,
    int16: 2 ** -15,
    int24: 2 ** -23,
    int32: 2 ** -24, // of float32, which holds the answer
    float32: 0,
    float64: 2 ** -24,
  };
  const containers: WavOptions[] = [{}, { bigEndian: true }, { extensible: true }];

  for (const [codec, step] of Object.entries(steps) as [keyof typeof steps, number][]) {
    it.each(containers)(`reads ${codec} %j`, (container) => {
      for (const channelCount of [1, 2, 3, 7]) {
        const channels = Array.from({ length: channelCount }, (_, c) => ramp(31).map((x) => x / (c + 1)));
        const audio = decodeWav(wavFile(channels, { codec, sampleRate: 11025, ...container }), "test.wav");
        expect(audio.sampleRate).toBe(11025);
        expect(audio.channels.length).toBe(channelCount);
        audio.channels.forEach((samples, c) => {
          expect(samples.length).toBe(31);
          samples.forEach((x, i) => {
            expect(Math.abs(x - channels[c]![i]!)).toBeLessThanOrEqual(step / 2);
          });
        });
      }
    });
  }

  it("divides integers by 2^(bits - 1)", () => {
    const bytes = {
      int8: [0, 1, 127, 128, 129, 255],
      int16: [0x00, 0x80, 0xff, 0xff, 0x00, 0x00, 0x01, 0x00, 0xff, 0x7f],
      int24: [0x00, 0x00, 0x80, 0xff, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff, 0x7f],
      int32: [0, 0, 0, 0x80, 0, 0, 0, 0xc0, 0, 0, 0, 0x40],
    };
    const decoded = (codec: keyof typeof bytes) =>
      Array.from(decodeWav(wavOfBytes(Uint8Array.from(bytes[codec]), { codec }), "test.wav").channels[0]!);
    expect(decoded("int8")).toEqual([-1, -127 / 128, -1 / 128, 0, 1 / 128, 127 / 128]);
    expect(decoded("int16")).toEqual([-1, -1 / 32768, 0, 1 / 32768, 32767 / 32768]);
    expect(decoded("int24")).toEqual([-1, -1 / 2 ** 23, 1 / 2 ** 23, (2 ** 23 - 1) / 2 ** 23]);
    expect(decoded("int32")).toEqual([-1, -0.5, 0.5]);
  });

  it("reads any float bit for bit, also beyond full scale", () => {
    const finite = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    fc.assert(
      fc.property(finite, fc.boolean(), (values, bigEndian) => {
        const audio = decodeWav(wavFile([values], { codec: "float32", bigEndian }), "test.wav");
        expect(audio.channels[0]).toEqual(Float32Array.from(values));
      }),
    );
  });

  it.each(["alaw", "mulaw"] as const)("reads every code of %s as G.711 defines it", (codec) => {
    const codes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const expected = Float32Array.from(codes, (code) => decodeG711(code, codec) / 32768);
    for (const container of containers) {
      const audio = decodeWav(wavOfBytes(codes, { codec, ...container }), "test.wav");
      audio.channels[0]!.forEach((x, i) => {
        expect(x, `code ${i}`).toBeCloseTo(expected[i]!, 12);
      });
      const stereo = decodeWav(wavOfBytes(codes, { codec, channels: 2, ...container }), "test.wav");
      expect(Array.from(stereo.channels[1]!)).toEqual(
        Array.from(audio.channels[0]!).filter((_, i) => i % 2 === 1),
      );
    }
  });

  // Made and decoded by libsndfile 1.2.2 from two of Speech Commands' recordings; the stereo one clips and its `fact`
  // chunk counts half of the samples.
  const golden = JSON.parse(readFileSync(new URL("golden/ima-adpcm.json", import.meta.url), "utf8")) as {
    name: string;
    channels: number;
    wav: string;
    decoded: string;
  }[];

  describe.each(golden)("IMA ADPCM, $name", ({ channels, wav, decoded }) => {
    const bytes = Buffer.from(wav, "base64");
    const expected = Buffer.from(decoded, "base64");
    const frames = expected.length / 2 / channels;
    const factAt = bytes.indexOf("fact") + 8;

    function expectGolden(audio: ReturnType<typeof decodeWav>, count: number): void {
      expect(audio.channels.length).toBe(channels);
      audio.channels.forEach((samples, channel) => {
        expect(samples.length).toBe(count);
        samples.forEach((x, i) => {
          expect(x * 32768).toBe(expected.readInt16LE(2 * (i * channels + channel)));
        });
      });
    }

    it("decodes to the values that libsndfile has", () => {
      expectGolden(decodeWav(bytes, "test.wav"), frames);
    });

    it("ends where the fact chunk says, within the last block", () => {
      const counted = Buffer.from(bytes);
      counted.writeUInt32LE(1300, factAt);
      expectGolden(decodeWav(counted, "test.wav"), 1300);
      for (const wrong of [0, 3, frames + 1, 0xffffffff]) {
        counted.writeUInt32LE(wrong, factAt);
        expectGolden(decodeWav(counted, "test.wav"), frames);
      }
    });

    it("decodes a short last block as far as it goes", () => {
      // 4 bytes of header and 40 words a channel are left of the last block's 256.
      const dataAt = bytes.indexOf("data");
      const size = bytes.readUInt32LE(dataAt + 4) - (256 - 4 - 160) * channels;
      const shorter = bytes.subarray(0, dataAt + 8 + size);
      shorter.writeUInt32LE(size, dataAt + 4);
      shorter.writeUInt32LE(0, factAt);
      expectGolden(decodeWav(shorter, "test.wav"), 2 * 505 + 1 + 320);
    });
  });

  it("passes over other chunks, odd-sized ones too, and padding behind the samples", () => {
    const samples = Uint8Array.from([128, 192, 64]);
    const wav = wavOfBytes(samples, {
      codec: "int8",
      before: [
        { id: "LIST", body: Buffer.from("INFOISFT\x04\0\0\0abc\0", "latin1") },
        { id: "junk", body: Buffer.alloc(7, 1) },
        { id: "cue ", body: Buffer.from([255, 255, 255, 255]) },
      ],
      after: [{ id: "id3 ", body: Buffer.alloc(3), size: 0xffffffff }],
    });
    expect(Array.from(decodeWav(wav, "test.wav").channels[0]!)).toEqual([0, 0.5, -0.5]);
    const bare = wavOfBytes(samples, { codec: "int8" });
    for (const end of [bare.length, bare.length - 1]) {
      expect(decodeWav(bare.subarray(0, end), "test.wav").channels[0]!.length).toBe(3);
    }
  });

  it("reads the bytes wherever they lie in a larger buffer", () => {
    const wav = wavFile([ramp(20)]);
    const larger = Buffer.concat([Buffer.alloc(3), wav, Buffer.alloc(5)]);
    expect(decodeWav(larger.subarray(3, 3 + wav.length), "test.wav")).toEqual(decodeWav(wav, "test.wav"));
  });

  it("leaves out a last frame that is not whole", () => {
    const bytes = Buffer.alloc(11);
    expect(
      decodeWav(wavOfBytes(bytes, { codec: "int16", channels: 2 }), "test.wav").channels[1]!.length,
    ).toBe(2);
  });

  it("takes the sizes that a pipe's writer leaves for the end of the stream, where it is told so", () => {
    const wav = wavFile([ramp(20)]);
    for (const size of [0xffffffff, 0x80000000, 0x7ffff024]) {
      wav.writeUInt32LE(size, 40);
      expect(decodeWav(wav, "stdin", { streamed: true }).channels[0]!.length).toBe(20);
      expect(() => decodeWav(wav, "test.wav")).toThrow(`promises ${size} bytes of samples, found 40`);
    }
    wav.writeUInt32LE(42, 40);
    expect(() => decodeWav(wav, "stdin", { streamed: true })).toThrow("stdin is truncated");
  });
});

describe("decodeWav refuses", () => {
  const sound = wavFile([ramp(100)]);
  const data = { id: "data", body: Buffer.alloc(8) };
  const withFormat = (values: Parameters<typeof formatChunk>[0]) => riff([formatChunk(values), data]);

  const cases: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ["an empty file", Buffer.alloc(0), /^x\.wav is empty: a WAV file was expected$/],
    ["a few bytes", Buffer.from("RI"), /^x\.wav is not a WAV file: .* found "RI"$/],
    ["an MP3", Buffer.from("ID3\x04\0\0\0\0\0\0\0\0\0\0", "latin1"), /not a WAV file.*"ID3\.{9}"$/],
    ["an AVI", riff([data]).fill("AVI ", 8, 12), /not a WAV file.*AVI /],
    ["a file cut in its format", sound.subarray(0, 30), /truncated.*"fmt " promises 16 bytes, found 10/],
    ["a file cut before its samples", sound.subarray(0, 38), /"data" chunk .* expected, found the end/],
    ["a file cut in its samples", sound.subarray(0, 144), /promises 200 bytes of samples, found 100$/],
    ["no format", riff([data]), /a "fmt " chunk was expected before its samples/],
    ["a short format", riff([{ id: "fmt ", body: Buffer.alloc(14) }, data]), /at least 16 bytes .* found 14/],
    ["no samples", riff([formatChunk({})]), /"data" chunk .* expected, found the end of the file/],
    ["zero samples", riff([formatChunk({}), { id: "data", body: Buffer.alloc(0) }]), /holds no samples/],
    [
      "half a sample",
      riff([formatChunk({}), { id: "data", body: Buffer.alloc(1) }]),
      /holds no samples.*1 byte/,
    ],
    [
      "a huge data chunk",
      riff([formatChunk({}), { ...data, size: 0xfffffff0 }]),
      /promises 4294967280 bytes/,
    ],
    ["a huge other chunk", riff([{ id: "\x01\nbig", body: data.body, size: 2 ** 31 }]), /"\.\.bi" promises/],
    ["a rate of 0", withFormat({ sampleRate: 0 }), /8000 to 192000 Hz was expected, found 0 Hz/],
    ["a low rate", withFormat({ sampleRate: 7999 }), /found 7999 Hz/],
    ["a huge rate", withFormat({ sampleRate: 0xffffffff }), /found 4294967295 Hz/],
    [
      "no channel",
      withFormat({ channels: 0, blockAlign: 0 }),
      /at least one channel was expected, found none/,
    ],
    ["more channels than data", withFormat({ channels: 32767, blockAlign: 65534 }), /too few for a single/],
    [
      "contradicting sizes",
      withFormat({ channels: 2, blockAlign: 2 }),
      /4 bytes for 2 x 16 bits.*found 2 bytes/,
    ],
    ["12 bits", withFormat({ bits: 12 }), /16, 24 or 32-bit integers.*were expected, found 12 bits/],
    ["16-bit floats", withFormat({ code: 3 }), /found 16 bits a sample \(format 3\)/],
    [
      "MP3 in WAV",
      withFormat({ code: 0x55 }),
      /A-law, mu-law or IMA ADPCM were expected, found format 0x0055/,
    ],
    ["Microsoft ADPCM", withFormat({ code: 2, bits: 4 }), /found format 0x0002/],
    ["an unknown extension", withFormat({ code: 0xfffe }), /found format 0xfffe/],
    [
      "ADPCM in odd blocks",
      withFormat({ code: 17, bits: 4, blockAlign: 6 }),
      /multiple of 4 bytes .* found 6/,
    ],
    [
      "ADPCM in no blocks",
      withFormat({ code: 17, bits: 4, blockAlign: 0 }),
      /multiple of 4 bytes .* found 0/,
    ],
  ];

  it.each(cases)("%s", (_what, bytes, message) => {
    expectUserError(() => decodeWav(bytes, "x.wav"), message);
  });

  it("corrupt IMA ADPCM", () => {
    const body = Buffer.alloc(256);
    body[2] = 89;
    const wav = riff([formatChunk({ code: 17, bits: 4, blockAlign: 256 }), { id: "data", body }]);
    expectUserError(
      () => decodeWav(wav, "x.wav"),
      /corrupt: the block at byte 0 has step index 89, expected at most 88/,
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("%s among the samples", (bad) => {
    for (const codec of ["float32", "float64"] as const) {
      const wav = wavFile([ramp(20), Float32Array.from(ramp(20)).fill(bad, 7, 8)], { codec });
      expectUserError(
        () => decodeWav(wav, "x.wav"),
        new RegExp(
          `^x\\.wav: finite samples were expected, found ${bad} at 0\\.001 s \\(sample 7, channel 1\\)$`,
        ),
      );
    }
  });

  it("a float64 beyond float32", () => {
    expectUserError(() => decodeWav(wavFile([[1e300]], { codec: "float64" }), "x.wav"), /found 1e\+300 at/);
  });

  it("whatever else, by a UserError of one line or by reading it, never otherwise", () => {
    const golden = JSON.parse(readFileSync(new URL("golden/ima-adpcm.json", import.meta.url), "utf8")) as {
      wav: string;
    }[];
    const seeds = [
      sound,
      wavFile([ramp(9), ramp(9)], { codec: "int24", extensible: true }),
      wavFile([ramp(9)], { codec: "float32", bigEndian: true }),
      wavFile([ramp(9)], { codec: "alaw", before: [{ id: "LIST", body: Buffer.from("INFO") }] }),
      Buffer.from(golden[1]!.wav, "base64"),
    ];
    const edits = fc.array(fc.tuple(fc.nat(80), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...seeds), edits, fc.nat(1600), (seed, changes, cut) => {
        const bytes = Buffer.from(seed.subarray(0, cut));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        try {
          const { channels, sampleRate } = decodeWav(bytes, "x.wav");
          expect(channels.length).toBeGreaterThan(0);
          expect(channels.every((c) => c.length === channels[0]!.length && c.every(Number.isFinite))).toBe(
            true,
          );
          expect(sampleRate).toBeGreaterThanOrEqual(8000);
        } catch (error) {
          expectUserError(() => {
            throw error;
          }, /^x\.wav[^\n]*$/);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("clipFromAudio", () => {
  const audio = (sampleRate: number, ...channels: Float32Array[]) => ({ sampleRate, channels });

  it("takes a clip of the right rate and length as it is", () => {
    const samples = ramp(8000);
    expect(clipFromAudio(audio(8000, samples), 8000, 8000)).toEqual({ samples, notes: [] });
  });

  it("averages the channels", () => {
    const clip = clipFromAudio(audio(8000, ramp(8000), new Float32Array(8000).fill(0.5)), 8000, 8000);
    expect(clip.samples[4]).toBeCloseTo((ramp(8000)[4]! + 0.5) / 2, 6);
    expect(clip.notes).toEqual(["mixed 2 channels"]);
  });

  it("pads a shorter one with zeros at its end", () => {
    const clip = clipFromAudio(audio(8000, ramp(4960)), 8000, 8000);
    expect(clip.samples.length).toBe(8000);
    expect(clip.samples.subarray(0, 4960)).toEqual(ramp(4960));
    expect(clip.samples.subarray(4960).every((x) => x === 0)).toBe(true);
    expect(clip.notes).toEqual(["padded from 0.62 s to 1 s"]);
  });

  it("takes the second with the most energy of a longer one", () => {
    const samples = new Float32Array(28000);
    samples.set(ramp(8000), 9920);
    samples[100] = 0.9;
    const clip = clipFromAudio(audio(8000, samples), 8000, 8000);
    // ramp begins with sin(0) = 0, so the window may begin with that or with the next.
    expect(clip.samples.subarray(0, 7990)).toEqual(samples.subarray(9920, 17910));
    expect(clip.notes).toEqual(["took the loudest second, from 1.24 s on, of 3.50 s"]);
  });

  it("finds the loudest stretch as trying every one does, the first of equals", () => {
    const values = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 5, maxLength: 40 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 5 }), (list, length) => {
        const samples = Float32Array.from(list, (x) => x / 4);
        const energies = list
          .slice(0, list.length - length + 1)
          .map((_, start) => list.slice(start, start + length).reduce((sum, x) => sum + x * x, 0));
        const start = energies.indexOf(Math.max(...energies));
        const clip = clipFromAudio(audio(8000, samples), 8000, length);
        expect(clip.samples).toEqual(samples.slice(start, start + length));
      }),
    );
  });

  it("mixes, resamples and pads in turn, and tells", () => {
    const clip = clipFromAudio(audio(16000, ramp(8000), ramp(8000), ramp(8000)), 8000, 8000);
    expect(clip.samples.length).toBe(8000);
    expect(clip.notes).toEqual([
      "mixed 3 channels",
      "resampled from 16000 Hz to 8000 Hz",
      "padded from 0.50 s to 1 s",
    ]);
  });

  it("makes exactly a second of a second at any rate", () => {
    for (const rate of [8000, 11025, 12000, 16000, 22050, 44100, 48000, 96000]) {
      const clip = clipFromAudio(audio(rate, new Float32Array(rate)), 8000, 8000);
      expect(clip.notes).toEqual(rate === 8000 ? [] : [`resampled from ${rate} Hz to 8000 Hz`]);
    }
  });

  it("names the length where a clip is no second", () => {
    expect(clipFromAudio(audio(8000, ramp(8000)), 8000, 4000).notes[0]).toContain("took the loudest 0.5 s, ");
    expect(clipFromAudio(audio(8000, ramp(2000)), 8000, 4000).notes).toEqual(["padded from 0.25 s to 0.5 s"]);
    // Where so few samples are missing or too many that seconds would not tell.
    const noteOf = (length: number) => clipFromAudio(audio(8000, ramp(length)), 8000, 8000).notes;
    expect(noteOf(7999)).toEqual(["padded by 1 sample"]);
    expect(noteOf(7990)).toEqual(["padded by 10 samples"]);
    expect(noteOf(8003)).toEqual(["took the loudest second, leaving out 3 of 8003 samples"]);
  });
});

describe("encodeWav", () => {
  it("writes what decodeWav reads, rounded to 16 bits and clipped", () => {
    const sample = fc.float({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1 }), fc.integer({ min: 8000, max: 48000 }), (list, rate) => {
        const samples = Float32Array.from(list);
        const audio = decodeWav(encodeWav(samples, rate), "test.wav");
        expect(audio.sampleRate).toBe(rate);
        expect(audio.channels.length).toBe(1);
        audio.channels[0]!.forEach((x, i) => {
          const kept = Math.max(-1, Math.min(32767 / 32768, samples[i]!));
          expect(Math.abs(x - kept)).toBeLessThanOrEqual(1 / 65536);
        });
      }),
    );
  });

  it("writes the file that the format's definition gives", () => {
    const samples = ramp(40).map((x) => Math.round(x * 32768) / 32768);
    expect(Buffer.from(encodeWav(samples, 16000))).toEqual(wavFile([samples], { sampleRate: 16000 }));
  });
});

describe("readWavFile", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "keyspot-wav-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("reads a file", async () => {
    const path = join(folder, "a.wav");
    await writeFile(path, wavFile([ramp(30)], { codec: "float32" }));
    expect(await readWavFile(path)).toEqual({ sampleRate: 8000, channels: [ramp(30)] });
  });

  it("names the file that is missing, a folder or no WAV file", async () => {
    const missing = join(folder, "none.wav");
    await expect(readWavFile(missing)).rejects.toThrow(`cannot read ${missing}: no such file or folder`);
    await expect(readWavFile(folder)).rejects.toThrow(`cannot read ${folder}: it is a folder`);
    const text = join(folder, "text.wav");
    await writeFile(text, "Hello, this is a text.");
    const error = await readWavFile(text).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toContain(`${text} is not a WAV file`);
  });
});

const shared = new URL("../../../shared/data/", import.meta.url);

describe.skipIf(!existsSync(shared))("recordings of Speech Commands, beside the npz made of them", () => {
  it("agree with the rows that the manifest names", async () => {
    const wavs = new URL("wavs/", shared);
    const [header, ...lines] = readFileSync(new URL("manifest.csv", wavs), "utf8").trim().split(/\r?\n/);
    expect(header).toBe("file,label,word,speaker,npz_row");
    const { samples, labels } = await readNpz(
      fileURLToPath(new URL("speech_commands_8k_subset.npz", shared)),
    );
    const expected = new Float32Array(8000);
    let compared = 0;
    for (const line of lines) {
      const [file = "", label, , , row] = line.split(",");
      if (Number(row) < 0) continue;
      const audio = await readWavFile(fileURLToPath(new URL(file, wavs)));
      const clip = clipFromAudio(audio, 8000, 8000);
      expect(clip.notes).toEqual(["resampled from 16000 Hz to 8000 Hz"]);
      samples.read(Number(row), expected);
      expect(labels[Number(row)]).toBe(label);
      expect(correlation(clip.samples, expected), file).toBeGreaterThan(0.999);
      compared++;
    }
    expect(compared).toBe(12);
  });
});

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (values: Float32Array) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((x, i) => {
    ab += (x - meanA) * (b[i]! - meanB);
    aa += (x - meanA) ** 2;
    bb += (b[i]! - meanB) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

function expectUserError(action: () => unknown, message: RegExp): void {
  let caught: unknown;
  try {
    action();
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(UserError);
  expect((caught as UserError).message).toMatch(message);
  expect((caught as UserError).message).not.toContain("\n");
  expect((caught as UserError).exitCode).toBe(1);
}
