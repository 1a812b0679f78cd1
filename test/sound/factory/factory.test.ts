import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readWavFile } from "../../../src/audio/wav/decode.js";
import { UserError } from "../../../src/base/errors.js";
import { Random } from "../../../src/base/random.js";
import { resample } from "../../../src/dsp/resample.js";
import { windowNames } from "../../../src/dsp/windows.js";
import { SpectrogramFactory } from "../../../src/sound/factory/factory.js";
import { arrayItem, fromTensor, toTensor } from "../../../src/sound/factory/real-array.js";
import type { FactorySettings } from "../../../src/sound/factory/settings.js";
import { paddingNames } from "../../../src/sound/factory/steps/padding.js";
import { scaler } from "../../../src/sound/factory/steps/scaler.js";
import { expectNear } from "../../helpers/near.js";
import { hasPython, runPython } from "../../helpers/python.js";
import { type WavCodec, wavFile } from "../../helpers/wav.js";

const folder = mkdtempSync(join(tmpdir(), "factory-"));
beforeAll(async () => {
  tf.enableProdMode(); // without it TensorFlow.js prints a banner
  await tf.setBackend("cpu");
});
afterAll(() => rmSync(folder, { recursive: true }));

function noise(length: number, stream: string | number = 0): Float32Array {
  const random = new Random(1, "factory test", stream);
  return Float32Array.from({ length }, () => random.between(-1, 1));
}
const stereo = (length: number) => ({ sampleRate: 8000, channels: [noise(length, "l"), noise(length, "r")] });
const basic: FactorySettings = { sampleRate: 8000, stft: { nFft: 128, hop: 32 } };

/** The largest difference of two sounds' samples; their channels and lengths must be the same. */
function difference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  expect(a.map(({ length }) => length)).toEqual(b.map(({ length }) => length));
  let largest = 0;
  for (const [channel, samples] of a.entries())
    for (const [i, value] of samples.entries()) {
      const distance = Math.abs(value - b[channel]![i]!);
      expect(distance).not.toBeNaN();
      largest = Math.max(largest, distance);
    }
  return largest;
}

describe.skipIf(!hasPython("librosa"))("against librosa (Python)", () => {
  const sound = stereo(1000);
  const stft = { nFft: 200, hop: 50, winLength: 160, window: "hamming" } as const;
  const make = (settings: Partial<FactorySettings>) =>
    new SpectrogramFactory({ sampleRate: 8000, stft, ...settings });

  test("layouts are its STFT's parts, channel after channel or in the order asked for", () => {
    const expected = runPython<Record<string, number[]> & { shape: number[] }>(
      `
import librosa
z = librosa.stft(np.array(input), n_fft=200, hop_length=50, win_length=160, window="hamming")
parts = lambda *fs: np.stack([f(c) for c in z for f in fs])
output = {
  "shape": parts(np.real, np.imag).shape,
  "real-imaginary": parts(np.real, np.imag).ravel(),
  "magnitude-phase": parts(np.abs, np.angle).ravel(),
  "ordered": parts(np.real, np.imag)[[3, 0, 2, 1]].ravel(),
}
`,
      sound.channels,
    );
    for (const processor of ["real-imaginary", "magnitude-phase"] as const) {
      const { data, shape, samples } = make({ processor }).forward(sound);
      expect(shape).toEqual(expected.shape);
      expect(samples).toBe(1000);
      expectNear(data, expected[processor]!, 1e-6, processor);
    }
    // As NumPy indexes: place i holds array order[i].
    const ordered = make({ order: [3, 0, 2, 1] }).forward(sound);
    expect(ordered.shape).toEqual(expected.shape);
    expectNear(ordered.data, expected.ordered!, 1e-6);
  });

  test("its inverse of the arrays is the sound, and is what the way back gives", () => {
    const [parts, polar] = [make({}).forward(sound), make({ processor: "magnitude-phase" }).forward(sound)];
    const changed = { ...polar, data: polar.data.map((value, i) => (i % 7 === 0 ? 0.5 * value : value)) };
    const expected = runPython<{ parts: number[][]; polar: number[][]; changed: number[][] }>(
      `
import librosa
back = lambda z: librosa.istft(z, hop_length=50, win_length=160, window="hamming", length=1000)
take = lambda name: np.array(input[name]).reshape(input["shape"])
a, b, c = take("parts"), take("polar"), take("changed")
output = {
  "parts": back(a[0::2] + 1j * a[1::2]),
  "polar": back(b[0::2] * np.exp(1j * b[1::2])),
  "changed": back(c[0::2] * np.exp(1j * c[1::2])),
}
`,
      { parts: parts.data, polar: polar.data, changed: changed.data, shape: parts.shape },
    );
    const floats = (channels: number[][]) => channels.map((samples) => Float32Array.from(samples));
    expect(difference(floats(expected.parts), sound.channels)).toBeLessThan(1e-5);
    expect(difference(floats(expected.polar), sound.channels)).toBeLessThan(1e-5);
    const back = make({ processor: "magnitude-phase" }).backward(changed).channels;
    expect(difference(back, floats(expected.changed))).toBeLessThan(1e-5);
    expect(difference(back, sound.channels)).toBeGreaterThan(0.1);
  });
});

describe("the way there and back", () => {
  test("gives the sound within 1e-5, whatever the settings", async () => {
    const cases = fc.record({
      nFft: fc.integer({ min: 12, max: 160 }),
      share: fc.double({ min: 0.5, max: 1, noNaN: true }),
      hopShare: fc.double({ min: 0.05, max: 0.7, noNaN: true }),
      window: fc.constantFrom(...windowNames),
      padMode: fc.constantFrom("constant", "reflect", "edge"),
      processor: fc.constantFrom("real-imaginary", "magnitude-phase"),
      policy: fc.option(fc.constantFrom(...paddingNames), { nil: undefined }),
      length: fc.integer({ min: 1, max: 700 }),
      paddedLength: fc.integer({ min: 1, max: 700 }),
      places: fc.constantFrom([0, 1], [1, 0], [2, 0, 3, 1], [0, 2, 1, 3], [5, 0, 3, 2, 1, 4]),
      scale: fc.constantFrom(undefined, {}, { range: [0, 1], mean: 0.5 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async (c) => {
        const winLength = Math.ceil(c.share * c.nFft);
        const factory = new SpectrogramFactory({
          sampleRate: 8000,
          stft: {
            nFft: c.nFft,
            winLength,
            hop: Math.max(1, Math.floor(c.hopShare * winLength)),
            window: c.window,
            padMode: c.padMode as "constant",
          },
          processor: c.processor as "real-imaginary",
          order: c.places,
          ...(c.policy !== undefined && { padding: { length: c.paddedLength, policy: c.policy } }),
          ...(c.scale !== undefined && { transforms: [scaler(c.scale as { range: [number, number] })] }),
        });
        const channels = Array.from({ length: c.places.length / 2 }, (_, i) => noise(c.length, i));
        const sound = { sampleRate: 8000, channels };
        await factory.fit([sound]);
        const dataset = await factory.dataset([sound]);
        const length = c.policy === undefined ? c.length : c.paddedLength;
        expect(dataset.shape.slice(0, 3)).toEqual([1, c.places.length, Math.floor(c.nFft / 2) + 1]);
        expect([...dataset.samples]).toEqual([length]);
        const back = factory.backward({ ...arrayItem(dataset, 0), samples: dataset.samples[0]! });
        const copied = Math.min(length, c.length);
        const shift = c.policy === undefined ? 0 : offset(c.policy, c.length, c.paddedLength);
        const expected = channels.map((samples) => {
          const wanted = new Float32Array(length);
          for (let i = 0; i < copied; i++) wanted[Math.max(0, shift) + i] = samples[Math.max(0, -shift) + i]!;
          return wanted;
        });
        expect(back.sampleRate).toBe(8000);
        expect(difference(back.channels, expected)).toBeLessThan(1e-5);
      }),
      { numRuns: 150 },
    );
  });

  /** Where the sound's first sample comes to lie. */
  function offset(policy: string, from: number, to: number): number {
    const way = policy.split("-")[from < to ? 0 : 1]!;
    if (way === "center") return from < to ? Math.floor((to - from) / 2) : -Math.floor((from - to) / 2);
    return way.startsWith("l") ? to - from : 0;
  }

  test("from file to dataset to file", async () => {
    const sounds = [stereo(1537), stereo(1537)];
    const paths = sounds.map((_, i) => join(folder, `in-${i}.wav`));
    paths.forEach((path, i) => {
      writeFileSync(path, wavFile(sounds[i]!.channels));
    });
    const factory = new SpectrogramFactory({
      ...basic,
      processor: "magnitude-phase",
      transforms: [scaler({ mean: 0 })],
    });
    await factory.fit(paths);
    const dataset = await factory.dataset(paths);
    expect(dataset.shape).toEqual([2, 4, 65, 49]);
    expect(Math.max(...dataset.data)).toBeLessThanOrEqual(1);
    expect(Math.min(...dataset.data)).toBeGreaterThanOrEqual(-1);
    const outputs = [join(folder, "deep", "er", "0.wav"), join(folder, "1.wav")];
    await factory.writeAudio(dataset, outputs);
    for (const [i, path] of outputs.entries()) {
      const [before, after] = [await readWavFile(paths[i]!), await readWavFile(path)];
      expect(after.sampleRate).toBe(8000);
      expect(difference(after.channels, before.channels)).toBeLessThan(1e-5);
    }
    expect(readdirSync(join(folder, "deep", "er"))).toEqual(["0.wav"]);
  });

  test("what no array tells the length of is as long as the padding, or as whole hops are", () => {
    const { data, shape } = new SpectrogramFactory(basic).forward(noise(1010));
    expect(new SpectrogramFactory(basic).backward({ data, shape }).channels[0]!.length).toBe(31 * 32);
    const padded = new SpectrogramFactory({ ...basic, padding: { length: 1010 } });
    expect(padded.backward({ data, shape }).channels[0]!.length).toBe(1010);
    // A model that makes fewer frames makes a shorter sound.
    const fewer = { data: new Float32Array(2 * 65 * 10), shape: [2, 65, 10] };
    expect(padded.backward(fewer).channels[0]!.length).toBe(9 * 32);
    const notCentred = new SpectrogramFactory({ ...basic, stft: { nFft: 128, hop: 32, center: false } });
    expect(notCentred.backward(fewer).channels[0]!.length).toBe(9 * 32 + 128);
  });
});

describe("sources", () => {
  test.each<WavCodec>(["int8", "int16", "int24", "int32", "float32", "float64", "alaw", "mulaw"])(
    "a WAV file of %s, several channels kept as channels",
    async (codec) => {
      const path = join(folder, `${codec}.wav`);
      writeFileSync(path, wavFile([noise(500, 1), noise(500, 2), noise(500, 3)], { codec }));
      const factory = new SpectrogramFactory(basic);
      const dataset = await factory.dataset([path]);
      expect(dataset.shape).toEqual([1, 6, 65, 16]);
      expect(arrayItem(dataset, 0).data).toEqual(factory.forward(await readWavFile(path)).data);
    },
  );

  test("files, sound and samples may be mixed", async () => {
    const path = join(folder, "mixed.wav");
    writeFileSync(path, wavFile([noise(500)], { codec: "float32" }));
    const factory = new SpectrogramFactory(basic);
    const dataset = await factory.dataset([path, noise(500), { sampleRate: 8000, channels: [noise(500)] }]);
    expect(dataset.shape).toEqual([3, 2, 65, 16]);
    expect(arrayItem(dataset, 1).data).toEqual(arrayItem(dataset, 0).data);
    expect(arrayItem(dataset, 2).data).toEqual(arrayItem(dataset, 0).data);
  });

  test("another sample rate is resampled to the factory's", async () => {
    const path = join(folder, "16k.wav");
    writeFileSync(path, wavFile([noise(1000)], { codec: "float32", sampleRate: 16000 }));
    const factory = new SpectrogramFactory(basic);
    const expected = factory.forward(resample(noise(1000), 16000, 8000));
    expect(arrayItem(await factory.dataset([path]), 0).data).toEqual(expected.data);
    expect(factory.forward({ sampleRate: 16000, channels: [noise(1000)] })).toEqual(expected);
  });

  test("what they are given stays as it is", () => {
    const samples = noise(300);
    const factory = new SpectrogramFactory({ ...basic, padding: { length: 300 } });
    const example = factory.forward(samples);
    const copy = example.data.slice();
    factory.backward(example);
    expect(samples).toEqual(noise(300));
    expect(example.data).toEqual(copy);
  });

  const factory = new SpectrogramFactory(basic);
  test.each<[string, () => unknown, RegExp]>([
    ["no recordings", () => factory.dataset([]), /^a dataset needs at least one recording, got none$/],
    [
      "a missing file",
      () => factory.dataset([join(folder, "none.wav")]),
      /^cannot read .*none.wav: no such file/,
    ],
    [
      "recordings of several lengths",
      () => factory.dataset([noise(500), noise(600)]),
      /^examples of one shape were expected: recording 0 is \[2, 65, 16\], recording 1 \[2, 65, 19\]; give the factory a padding, or/,
    ],
    [
      "recordings of several channels",
      () => factory.dataset([noise(500), stereo(500)]),
      /recording 0 is \[2, 65, 16\], recording 1 \[4, 65, 16\]/,
    ],
    ["no samples", () => factory.dataset([new Float32Array()]), /^recording 0 is empty/],
    [
      "no channels",
      () => factory.dataset([{ sampleRate: 8000, channels: [] }]),
      /^recording 0 has no channel/,
    ],
    [
      "channels of several lengths",
      () => factory.dataset([{ sampleRate: 8000, channels: [noise(5), noise(6)] }]),
      /^recording 0: channels of equal length .* channel 0 has 5 samples and channel 1 has 6$/,
    ],
    [
      "NaN",
      () =>
        factory.dataset([
          noise(9),
          { sampleRate: 8000, channels: [noise(9), noise(9).fill(Number.NaN, 4, 5)] },
        ]),
      /^recording 1, channel 1 has NaN at sample 4/,
    ],
    [
      "an order for other channels",
      () => new SpectrogramFactory({ ...basic, order: [0, 2, 1, 3] }).dataset([noise(500)]),
      /^order has 4 indices, recording 0 has 2 arrays$/,
    ],
  ])("%s: an error", async (_, read, message) => {
    await expect(read()).rejects.toThrow(UserError);
    await expect(read()).rejects.toThrow(message);
  });
});

describe("settings", () => {
  test.each<[string, object, RegExp]>([
    [
      "no sample rate",
      { sampleRate: undefined },
      /^sampleRate must be a whole number of at least 1, got undefined/,
    ],
    ["a sample rate of NaN", { sampleRate: Number.NaN }, /^sampleRate must be .* got NaN/],
    ["no STFT", { stft: undefined }, /^stft must be an object, got undefined/],
    ["a hop of 0", { stft: { nFft: 128, hop: 0 } }, /^hop must be a whole number of at least 1, got 0/],
    ["a hop of NaN", { stft: { nFft: 128, hop: Number.NaN } }, /^hop must be .* got NaN/],
    ["an nFft of NaN", { stft: { nFft: Number.NaN } }, /^nFft must be .* got NaN/],
    ["a window of NaN points", { stft: { nFft: 8, winLength: Number.NaN } }, /^winLength must be .* got NaN/],
    [
      "a window longer than nFft",
      { stft: { nFft: 128, winLength: 129 } },
      /must not be longer than nFft: got winLength 129, nFft 128/,
    ],
    ["an unknown window", { stft: { nFft: 128, window: "kaiser" } }, /^window must be one of hann/],
    ["a window's NaN", { stft: { nFft: 2, window: [1, Number.NaN] } }, /window's values must be finite/],
    ["an unknown pad mode", { stft: { nFft: 128, padMode: "wrap" } }, /^padMode must be one of/],
    [
      "a misspelt setting",
      { transform: [] },
      /^settings has no transform; sampleRate, stft, .* were expected/,
    ],
    ["a misspelt STFT setting", { stft: { nFft: 128, hopLength: 1 } }, /^stft has no hopLength; nFft, hop/],
    ["a misspelt padding", { padding: { length: 1, mode: "x" } }, /^padding has no mode/],
    ["a padding of NaN", { padding: { length: Number.NaN } }, /^padding.length must be .* got NaN/],
    [
      "an unknown policy",
      { padding: { length: 1, policy: "rcut" } },
      /^padding.policy must be one of rpad-rcut/,
    ],
    [
      "an unknown processor",
      { processor: "polar" },
      /^processor must be one of real-imaginary, magnitude-phase, or an object, got polar/,
    ],
    ["an object's member as processor", { processor: "toString" }, /^processor must be one of/],
    [
      "a processor that lacks a part",
      { processor: { name: "x", arrays: ["a"] } },
      /^a processor must have a name/,
    ],
    [
      "a processor without arrays",
      { processor: { name: "x", arrays: [], forward() {}, backward() {} } },
      /^a processor must have a name/,
    ],
    [
      "a processor under a name of ours",
      { processor: { name: "magnitude-phase", arrays: ["a"], forward() {}, backward() {} } },
      /needs another name than magnitude-phase/,
    ],
    [
      "a transform without backward",
      { transforms: [{ name: "x", forward() {} }] },
      /^transform 0 must have a name, forward and backward/,
    ],
    [
      "an order with a place twice",
      { order: [0, 0] },
      /^order must have each of the indices 0 to 1 once, got 0, 0$/,
    ],
    ["an order with a place that is not there", { order: [1, 2] }, /0 to 1 once, got 1, 2$/],
    ["an order of NaN", { order: [0, Number.NaN] }, /once, got 0, NaN$/],
    ["an order of half places", { order: [0, 0.5] }, /once, got 0, 0.5$/],
    ["an empty order", { order: [] }, /^order must have each of the indices/],
    [
      "an order of three arrays",
      { order: [0, 2, 1] },
      /^order must have 2 indices per channel, one for each array of the processor, got 3$/,
    ],
  ])("%s: wrong usage", (_, settings, message) => {
    const make = () => new SpectrogramFactory({ ...basic, ...settings } as FactorySettings);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ name: "UserError", exitCode: 2 }));
  });

  test("an order is taken exactly if it is a permutation", () => {
    const places = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 6, maxLength: 6 });
    const order = fc.oneof(places, fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }));
    fc.assert(
      fc.property(order, (order) => {
        const make = () => new SpectrogramFactory({ ...basic, order });
        if (new Set(order).size === 6) expect(make().settings.order).toEqual(order);
        else expect(make).toThrow("order must have each of the indices 0 to 5 once");
      }),
    );
  });

  test("defaults are filled in", () => {
    const { stft, processor } = new SpectrogramFactory({ sampleRate: 8000, stft: { nFft: 512 } }).settings;
    expect(stft).toEqual({
      nFft: 512,
      hop: 128,
      winLength: 512,
      window: "hann",
      center: true,
      padMode: "constant",
    });
    expect(processor.name).toBe("real-imaginary");
  });

  test("a window that cannot be inverted is an error on the way back", () => {
    // The second could be in exact arithmetic, but not in 32 bits.
    for (const hop of [128, 120]) {
      const factory = new SpectrogramFactory({ ...basic, stft: { nFft: 128, hop } });
      const example = factory.forward(noise(1000));
      const back = () => factory.backward(example);
      expect(back).toThrow(
        /^this window with a hop of 1\d\d cannot be inverted within 1e-5: at sample \d+ of/,
      );
      expect(back).toThrow(expect.objectContaining({ exitCode: 2 }));
    }
  });
});

describe("the ends of a sound", () => {
  const framesOf = (length: number, stft: FactorySettings["stft"]) =>
    new SpectrogramFactory({ sampleRate: 8000, stft }).forward(noise(length)).shape[2];

  test("have a frame more where the windows overlap too little to reach them", () => {
    expect(framesOf(1023, { nFft: 128, hop: 64 })).toBe(1 + 16);
    expect(framesOf(1024, { nFft: 128, hop: 64 })).toBe(1 + 16);
    expect(framesOf(1026, { nFft: 128, hop: 64 })).toBe(1 + 17);
    // As librosa has them where there is no need, or nobody asked for the ends.
    expect(framesOf(1023, { nFft: 128, hop: 32 })).toBe(1 + 31);
    expect(framesOf(1023, { nFft: 128, hop: 64, window: "rectangular" })).toBe(1 + 15);
    expect(framesOf(1023, { nFft: 128, hop: 64, center: false })).toBe(14);
  });

  test("come back under a padding too, when a model leaves the length out", () => {
    const factory = new SpectrogramFactory({
      ...basic,
      stft: { nFft: 128, hop: 64 },
      padding: { length: 1023 },
    });
    const { data, shape } = factory.forward(noise(1023));
    expect(difference(factory.backward({ data, shape }).channels, [noise(1023)])).toBeLessThan(1e-5);
  });

  test("come back as zeros without centring, where a window's flank would make a click of a small error", () => {
    const factory = new SpectrogramFactory({ ...basic, stft: { nFft: 128, hop: 32, center: false } });
    const samples = noise(10 * 32 + 128);
    const { data, shape } = factory.forward(samples);
    const wrong = { data: data.map((value, i) => value + (i % 2 ? 1e-3 : -1e-3)), shape };
    const [exact, noisy] = [factory.backward({ data, shape }), factory.backward(wrong)].map(
      ({ channels }) => channels[0]!,
    );
    // A squared Hann window of 128 is below 0.5 % of the overlap's 1.5 up to its value 12, and from its value
    // 116 on.
    const flank = 13;
    const inner = (x: Float32Array) => x.subarray(flank, x.length - flank + 1);
    expect([...exact!.subarray(0, flank), ...exact!.subarray(exact!.length - flank + 1)]).toEqual(
      new Array(2 * flank - 1).fill(0),
    );
    expect(difference([inner(exact!)], [inner(samples)])).toBeLessThan(1e-5);
    expect(difference([noisy!], [exact!])).toBeLessThan(0.1);
  });
});

describe("a model's output", () => {
  const factory = new SpectrogramFactory({ ...basic, padding: { length: 1000 } });

  test("of a model, as a tensor, becomes sound; no tensor stays behind", async () => {
    const model = tf.sequential({
      layers: [tf.layers.activation({ activation: "linear", inputShape: [4, 65, 32] })],
    });
    const sounds = [stereo(1000), stereo(900)];
    const paths = ["model-0.wav", "model-1.wav"].map((name) => join(folder, name));
    const before = tf.memory();
    for await (const tensor of factory.tensors(sounds, { batchSize: 2 })) {
      expect(tensor.shape).toEqual([2, 4, 65, 32]);
      const output = model.predict(tensor) as tf.Tensor;
      await factory.writeAudio(output, paths);
      expect(output.isDisposed).toBe(false);
      tf.dispose([tensor, output]);
    }
    expect(tf.memory()).toEqual(before);
    const [first, second] = await Promise.all(paths.map(readWavFile));
    expect(difference(first!.channels, sounds[0]!.channels)).toBeLessThan(1e-5);
    const shorter = second!.channels.map((samples) => samples.subarray(0, 900));
    expect(difference(shorter, sounds[1]!.channels)).toBeLessThan(1e-5);
    model.dispose();
  });

  test("as an array becomes sound too", async () => {
    const { data, shape } = await factory.dataset([noise(1000)]);
    const path = join(folder, "array.wav");
    await factory.writeAudio({ data, shape }, [path]);
    expect(difference((await readWavFile(path)).channels, [noise(1000)])).toBeLessThan(1e-5);
  });

  test("louder than full scale is kept", async () => {
    const loud = noise(1000).map((value) => 3 * value);
    const path = join(folder, "loud.wav");
    await factory.writeAudio(await factory.dataset([loud]), [path]);
    expect(difference((await readWavFile(path)).channels, [loud])).toBeLessThan(3e-5);
  });

  const zeros = (...shape: number[]) => ({
    data: new Float32Array(shape.reduce((a, b) => a * b)),
    shape,
  });
  test.each<[string, ReturnType<typeof zeros>, RegExp]>([
    [
      "another number of dimensions",
      zeros(65, 32),
      /^an example must have the shape \[arrays, bins, frames\], got \[65, 32\]/,
    ],
    ["another number of bins", zeros(2, 64, 32), /^nFft 128 has 65 bins, the example has 64$/],
    [
      "half a channel",
      zeros(3, 65, 32),
      /^the processor real-imaginary has 2 arrays per channel, the example has 3 in all$/,
    ],
    ["no frames", zeros(2, 65, 0), /must have the shape .* got \[2, 65, 0\]/],
    [
      "too few numbers",
      { data: new Float32Array(5), shape: [2, 65, 1] },
      /must have 130 values for its shape \[2, 65, 1\], got 5$/,
    ],
  ])("of %s is an error", (_, example, message) => {
    expect(() => factory.backward(example)).toThrow(message);
  });

  test("with NaN is an error that says where", () => {
    const example = zeros(2, 65, 32);
    example.data[65 * 32 + 3 * 32 + 7] = Number.NaN;
    expect(() => factory.backward(example)).toThrow(/found NaN at \[1, 3, 7\] of the example$/);
  });

  test("needs a path for each example", async () => {
    const output = zeros(2, 2, 65, 32);
    await expect(factory.writeAudio(output, ["a.wav"])).rejects.toThrow(
      /each of the 2 examples was expected, got 1/,
    );
    await expect(factory.writeAudio(zeros(2, 65, 32), ["a.wav"])).rejects.toThrow(
      /^the output must have the shape/,
    );
  });
});

test("tensors hold an array's numbers and are the caller's", async () => {
  const before = tf.memory().numTensors;
  const array = new SpectrogramFactory(basic).forward(noise(400));
  const tensor = toTensor(array);
  expect(tensor.shape).toEqual(array.shape);
  expect(tensor.dtype).toBe("float32");
  expect(await fromTensor(tensor)).toEqual({ data: array.data, shape: array.shape });
  expect(tf.memory().numTensors).toBe(before + 1);
  tensor.dispose();
});

describe.skipIf(!hasPython("scipy"))("against SciPy (Python)", () => {
  test("the WAV files are read by others, with their channels", async () => {
    const factory = new SpectrogramFactory(basic);
    const cases = [1, 2, 5].map((count) => ({
      sampleRate: 8000,
      channels: Array.from({ length: count }, (_, i) => noise(500, i)),
    }));
    const paths = cases.map(({ channels }) => join(folder, `channels-${channels.length}.wav`));
    for (const [i, sound] of cases.entries())
      await factory.writeAudio(await factory.dataset([sound]), [paths[i]!]);
    const read = runPython<{ rate: number; dtype: string; channels: number[][] }[]>(
      `
from scipy.io import wavfile
output = []
for path in input:
    rate, x = wavfile.read(path)
    output.append({"rate": rate, "dtype": str(x.dtype), "channels": x.reshape(len(x), -1).T})
`,
      paths,
    );
    for (const [i, { rate, dtype, channels }] of read.entries()) {
      expect([rate, dtype]).toEqual([8000, "float32"]);
      const floats = channels.map((samples) => Float32Array.from(samples));
      expect(difference(floats, cases[i]!.channels)).toBeLessThan(1e-5);
      expect(floats).toEqual((await readWavFile(paths[i]!)).channels);
    }
  });
});
