import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.js";
import { magnitude, phase } from "../../../src/dsp/complex.js";
import { amplitudeToDb, dbToAmplitude } from "../../../src/dsp/decibels.js";
import { SpectrogramFactory } from "../../../src/sound/factory/factory.js";
import { arrayItem, type RealArray } from "../../../src/sound/factory/real-array.js";
import type { SpectrumProcessor } from "../../../src/sound/factory/steps/processors.js";
import { scaler } from "../../../src/sound/factory/steps/scaler.js";
import type { LearningTransform, Transform } from "../../../src/sound/factory/steps/transforms.js";
import { expectNear } from "../../helpers/near.js";

const random = new Random(1, "parts test");
const noise = (length: number) => Float32Array.from({ length }, () => random.between(-1, 1));
const sound = { sampleRate: 8000, channels: [noise(500), noise(500)] };
const basic = { sampleRate: 8000, stft: { nFft: 64, hop: 16 } };
const planes = ({ shape: [count = 0] }: RealArray, array: RealArray) =>
  Array.from({ length: count }, (_, i) => arrayItem(array, i).data);

/** Three arrays a channel: the level, and the phase as a point on the circle. */
const levelAndCircle: SpectrumProcessor = {
  name: "level-circle",
  arrays: ["level", "cosine", "sine"],
  forward: (spectrum) => {
    const angles = phase(spectrum);
    return [amplitudeToDb(magnitude(spectrum), { topDb: 200 }), angles.map(Math.cos), angles.map(Math.sin)];
  },
  backward: ([levels, cosines, sines]) => {
    const magnitudes = dbToAmplitude(levels!);
    return {
      re: magnitudes.map((value, i) => value * cosines![i]!),
      im: magnitudes.map((value, i) => value * sines![i]!),
    };
  },
};

describe("a processor of one's own", () => {
  test("may have any number of arrays a channel", () => {
    const factory = new SpectrogramFactory({ ...basic, processor: levelAndCircle });
    const example = factory.forward(sound);
    expect(example.shape).toEqual([6, 33, 32]);
    const spectra = factory.spectra(sound);
    const all = planes(example, example);
    for (const [channel, spectrum] of spectra.entries()) {
      const [level, cosine, sine] = all.slice(3 * channel, 3 * channel + 3);
      const { frames, bins } = spectrum;
      const sizes = magnitude(spectrum);
      for (let t = 0; t < frames; t++)
        for (let k = 0; k < bins; k++) {
          const [here, there] = [k * frames + t, t * bins + k];
          expect(level![here]).toBeCloseTo(20 * Math.log10(Math.max(1e-5, sizes[there]!)), 4);
          expect(cosine![here]).toBeCloseTo(spectrum.re[there]! / sizes[there]!, 6);
          expect(sine![here]).toBeCloseTo(spectrum.im[there]! / sizes[there]!, 6);
        }
    }
    const back = factory.backward(example);
    back.channels.forEach((samples, i) => {
      expectNear(samples, sound.channels[i]!, 1e-5);
    });
  });

  test("is put in any order", () => {
    const plain = new SpectrogramFactory({ ...basic, processor: levelAndCircle });
    const order = [5, 0, 3, 1, 4, 2];
    const factory = new SpectrogramFactory({ ...basic, processor: levelAndCircle, order });
    const [one, other] = [plain.forward(sound), factory.forward(sound)];
    const expected = planes(one, one);
    expect(planes(other, other)).toEqual(order.map((place) => expected[place]));
    expect(factory.backward(other)).toEqual(plain.backward(one));
  });

  test("may have one array, and lose what it likes", () => {
    const real: SpectrumProcessor = {
      name: "real",
      arrays: ["real part"],
      forward: ({ re }) => [re],
      backward: ([re]) => ({ re: re!, im: re!.map(() => 0) }),
    };
    const factory = new SpectrogramFactory({ ...basic, processor: real });
    const example = factory.forward(sound);
    expect(example.shape).toEqual([2, 33, 32]);
    expect(factory.backward(example).channels.map(({ length }) => length)).toEqual([500, 500]);
  });

  test.each<[string, SpectrumProcessor["forward"], RegExp]>([
    ["too few arrays", ({ re }) => [re, re], /level-circle must return 3 arrays of 1056 values, .* got 2$/],
    ["too few values", ({ re }) => [re, re, [1]], /got 3, one of 1 values$/],
  ])("that returns %s is an error", (_, forward, message) => {
    const factory = new SpectrogramFactory({ ...basic, processor: { ...levelAndCircle, forward } });
    expect(() => factory.forward(sound)).toThrow(message);
  });
});

/** 33 bins → 32: many models want a power of two. */
const withoutNyquist: Transform = {
  name: "without-nyquist",
  forward: ({ data, shape: [count = 0, bins = 0, frames = 0] }) => {
    const size = (bins - 1) * frames;
    const result = new Float32Array(count * size);
    for (let i = 0; i < count; i++)
      result.set(data.subarray(i * bins * frames, i * bins * frames + size), i * size);
    return { data: result, shape: [count, bins - 1, frames] };
  },
  backward: ({ data, shape: [count = 0, bins = 0, frames = 0] }) => {
    const size = bins * frames;
    const result = new Float32Array(count * (size + frames));
    for (let i = 0; i < count; i++) result.set(data.subarray(i * size, (i + 1) * size), i * (size + frames));
    return { data: result, shape: [count, bins + 1, frames] };
  },
};

/** Tells what it was called for. */
function spy(
  name: string,
  calls: string[],
  change: (value: number) => number,
  undo: typeof change,
): Transform {
  const map = (step: string, f: typeof change) => (array: RealArray) => {
    calls.push(`${name}.${step}`);
    return { data: array.data.map(f), shape: array.shape };
  };
  return { name, forward: map("forward", change), backward: map("backward", undo) };
}

describe("transforms", () => {
  test("are applied in their order, and undone from the last to the first", () => {
    const calls: string[] = [];
    const double = spy("double", calls, (x) => 2 * x, (x) => x / 2); // biome-ignore format: a line a transform
    const more = spy("more", calls, (x) => x + 1, (x) => x - 1); // biome-ignore format: a line a transform
    const factory = new SpectrogramFactory({ ...basic, transforms: [double, more] });
    const plain = new SpectrogramFactory(basic).forward(sound);
    const example = factory.forward(sound);
    expectNear(
      example.data,
      plain.data.map((x) => 2 * x + 1),
      1e-6,
    );
    const back = factory.backward(example);
    expectNear(back.channels[1]!, sound.channels[1]!, 1e-5);
    expect(calls).toEqual(["double.forward", "more.forward", "more.backward", "double.backward"]);
  });

  test("may change the shape", () => {
    const factory = new SpectrogramFactory({ ...basic, transforms: [withoutNyquist, scaler()] });
    const tone = Float32Array.from(
      { length: 500 },
      (_, i) => Math.sin(0.3 * i) * Math.sin((Math.PI * i) / 500) ** 2,
    );
    return factory.fit([tone]).then(() => {
      const example = factory.forward(tone);
      expect(example.shape).toEqual([2, 32, 32]);
      // The tone has next to nothing at half the rate.
      expectNear(factory.backward(example).channels[0]!, tone, 1e-4);
    });
  });

  test("that do not undo their shape are an error on the way back", () => {
    const oneWay = { ...withoutNyquist, backward: (array: RealArray) => array };
    const factory = new SpectrogramFactory({ ...basic, transforms: [oneWay] });
    const example = factory.forward(sound);
    expect(() => factory.backward(example)).toThrow(
      "nFft 64 has 33 bins, the example has 32 after the transforms are undone",
    );
  });

  test("that return what is no array are an error with their name", () => {
    const broken = { ...withoutNyquist, forward: ({ data }: RealArray) => ({ data, shape: [3] }) };
    const factory = new SpectrogramFactory({ ...basic, transforms: [broken] });
    expect(() => factory.forward(sound)).toThrow(
      "what without-nyquist.forward returns must have the shape [arrays, bins, frames], got [3]",
    );
  });

  test("that learn see what the steps before them make, one example after the other", async () => {
    const seen: RealArray[] = [];
    const listener: LearningTransform = {
      name: "listener",
      fitted: true,
      fit: async (examples) => {
        for await (const { data, shape } of examples) seen.push({ data, shape });
      },
      save: () => {},
      load: () => {},
      forward: (array) => array,
      backward: (array) => array,
    };
    const first = scaler({ range: [0, 1] });
    const factory = new SpectrogramFactory({
      ...basic,
      transforms: [first, listener, scaler({ range: [5, 6] })],
    });
    const sounds = [sound, { ...sound, channels: sound.channels.toReversed() }];
    expect(await factory.fit(sounds)).toBe(factory);
    const plain = sounds.map((each) => new SpectrogramFactory(basic).forward(each));
    const alone = scaler({ range: [0, 1] });
    await alone.fit(plain);
    expect(seen).toEqual(plain.map(({ data, shape }) => alone.forward({ data, shape })));
    const { data } = await factory.dataset(sounds);
    expect([Math.min(...data), Math.max(...data)]).toEqual([5, 6]);
  });

  test("that have not learnt yet are an error, wherever they are used", async () => {
    const factory = new SpectrogramFactory({ ...basic, transforms: [scaler()] });
    const message = /^the scaler is not fitted: fit it/;
    const { data, shape } = new SpectrogramFactory(basic).forward(sound);
    expect(() => factory.forward(sound)).toThrow(message);
    expect(() => factory.backward({ data, shape })).toThrow(message);
    await expect(factory.dataset([sound])).rejects.toThrow(message);
    await expect(factory.batches([sound], { batchSize: 1 }).next()).rejects.toThrow(message);
    await expect(factory.fit([])).rejects.toThrow("the scaler needs at least one example to fit, got none");
  });
});
