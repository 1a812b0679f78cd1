import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { inStep } from "../../src/backend/step.js";
import { Random } from "../../src/base/random.js";
import { courseModels } from "../../src/models/architectures/course.js";
import { modelCost } from "../../src/models/cost.js";
import { checkFrontEnd, inputOf } from "../../src/models/front-ends/front-end.js";
import { LogPower } from "../../src/models/layers/gabor.js";
import { LogMel, Mfcc } from "../../src/models/layers/mel.js";
import { StftMagnitude } from "../../src/models/layers/stft.js";
import { buildModel, findModel, modelRegistry } from "../../src/models/registry.js";
import { modelFromFiles, modelToFiles } from "../../src/run/model-files.js";
import { Adam } from "../../src/train/optimizers/adam.js";
import { modelVariables } from "../../src/train/variables.js";

beforeAll(async () => {
  await startBackend("wasm", "training");
});

const at8kHz = { labelCount: 12, sampleRate: 8000, clipLength: 8000, seed: 42 };
const names = [...modelRegistry.keys()].filter(
  (name) => !courseModels.some((course) => course.name === name),
);

const small = { labelCount: 4, sampleRate: 8000, clipLength: 1600, width: 0.25, seed: 7 };
/** Four tones, one a label. */
const tones = () => {
  const random = new Random(3, "tones");
  const samples = Float32Array.from({ length: 8 * small.clipLength }, (_, i) => {
    const [clip, n] = [Math.floor(i / small.clipLength), i % small.clipLength];
    return 0.1 * Math.sin((2 * Math.PI * 400 * (1 + (clip % 4)) * n) / 8000) + 0.01 * random.normal();
  });
  return tf.tensor2d(samples, [8, small.clipLength]);
};

// Trainable parameters of the code that each model's docstring names.
test.each([
  ["tc-resnet", 12, 1, 65_168],
  ["tc-resnet", 12, 1.5, 144_264],
  ["tc-resnet14", 12, 1, 135_856],
  ["tc-resnet14", 12, 1.5, 303_000],
  ["ds-cnn", 12, 1, 23_180],
  ["ds-cnn-m", 12, 1, 136_580],
  ["ds-cnn-l", 12, 1, 413_736],
  ["matchboxnet", 30, 1, 77_214],
  ["matchboxnet-3x2x64", 30, 1, 92_766],
  ["m5", 10, 1, 559_114 - 1024],
])("%s for %i labels at width %d has its reference's %i parameters", (name, labelCount, width, params) => {
  const model = buildModel(name, { ...at8kHz, labelCount, width });
  expect(modelCost(model).trainableParams).toBe(params);
  model.dispose();
});

test("a front end that a model does not take is wrong usage, in one line that says what it takes", () => {
  const check = (name: string) => () => checkFrontEnd(findModel(name), "stft");
  expect(check("ds-cnn")).toThrow(/^--front-end: the model ds-cnn takes mfcc, log-mel, gabor, found stft$/);
  expect(check("m5")).toThrow(/^--front-end: the model m5 takes raw, found stft$/);
  expect(() => checkFrontEnd(findModel("m5"), undefined)).not.toThrow();
});

test.each([...modelRegistry.keys()])("%s has each front end that it names, and no other", (name) => {
  const pictures = { stft: StftMagnitude, "log-mel": LogMel, mfcc: Mfcc, gabor: LogPower };
  const { frontEnds } = findModel(name);
  expect(frontEnds.length).toBeGreaterThan(0);
  for (const frontEnd of frontEnds) {
    const model = buildModel(name, { ...at8kHz, width: 0.05, frontEnd });
    const made = Object.entries(pictures).filter(([, picture]) =>
      model.layers.some((layer) => layer.outputShape.length === 4 && layer.constructor === picture),
    );
    expect(made.map(([kind]) => kind)).toEqual(frontEnd === "raw" ? [] : [frontEnd]);
    const learned = frontEnd === "raw" || frontEnd === "gabor";
    expect(inputOf(findModel(name), frontEnd)).toBe(learned ? "waveform" : "spectrogram");
    model.dispose();
  }
});

describe.each(names)("%s", (name) => {
  test("maps a waveform at 8 or 16 kHz to logits", () => {
    for (const sampleRate of [8000, 16000]) {
      const shape = { labelCount: 12, sampleRate, clipLength: sampleRate, width: 0.5, seed: 1 };
      const model = buildModel(name, shape);
      expect(model.inputs[0]!.shape).toEqual([null, sampleRate]);
      expect(model.outputShape).toEqual([null, 12]);
      model.dispose();
    }
  });

  test("saved and loaded, it answers the same", async () => {
    const model = buildModel(name, { ...small, masking: { bands: 5, frames: 5 } });
    const waves = tones();
    tf.tidy(() => void model.apply(waves, { training: true })); // moving statistics that are not the initial ones
    const loaded = await modelFromFiles(await modelToFiles(model));
    const [before, after] = [model, loaded].map((each) => (each.predict(waves) as tf.Tensor).dataSync());
    expect(before!.some((value) => value !== 0)).toBe(true);
    before!.forEach((value, i) => {
      expect(after![i]).toBeCloseTo(value, 5);
    });
    tf.dispose(waves);
  });
});

test("a tc-resnet halves its frames as often at any width", () => {
  for (const name of ["tc-resnet", "tc-resnet14"]) {
    const framesAt = (width: number) => {
      const model = buildModel(name, { ...small, width });
      const shapes = model.layers
        .filter(({ name }) => name.endsWith("_relu2"))
        .map((layer) => layer.outputShape);
      model.dispose();
      return shapes.map((shape) => (shape as tf.Shape)[2]);
    };
    // At 0.1 all stages have the least number of channels.
    expect(framesAt(0.1)).toEqual(framesAt(1));
    expect(new Set(framesAt(0.1)).size).toBe(3);
  }
});

// Of models that differ in width or depth alone one is enough.
test.each([
  ["tc-resnet", "mfcc"],
  ["ds-cnn", "mfcc"],
  ["ds-cnn", "gabor"],
  ["matchboxnet", "mfcc"],
  ["matchboxnet", "gabor"],
  ["m5", "raw"],
  ["gabor-resnet", "gabor"],
  ["bc-resnet", "log-mel"],
] as const)(
  "%s behind %s learns: every weight has a gradient, and the loss falls",
  async (name, frontEnd) => {
    const model = buildModel(name, { ...small, frontEnd });
    const variables = modelVariables(model, "trainable");
    const adam = new Adam(variables, { learningRate: () => 5e-3 });
    const waves = tones();
    const targets = tf.tidy(() => tf.oneHot(tf.tensor1d([0, 1, 2, 3, 0, 1, 2, 3], "int32"), 4).toFloat());
    const losses: number[] = [];
    const loss = () =>
      tf.losses.softmaxCrossEntropy(
        targets,
        model.apply(waves, { training: true }) as tf.Tensor,
      ) as tf.Scalar;
    for (let step = 0; step < 18; step++) {
      const { value, grads } = inStep(step, () =>
        tf.variableGrads(
          loss,
          variables.map(({ variable }) => variable),
        ),
      );
      if (step === 1) {
        const dead = variables.filter(({ variable }) => {
          const gradient = grads[variable.name]!.dataSync();
          return gradient.every((value) => value === 0) || gradient.some((value) => !Number.isFinite(value));
        });
        expect(dead.map(({ name }) => name)).toEqual([]);
      }
      inStep(step, () => adam.update(grads));
      losses.push(value.dataSync()[0]!);
      tf.dispose([value, grads]);
    }
    expect(losses.at(-1)! + losses.at(-2)!).toBeLessThan(0.8 * (losses[0]! + losses[1]!));
  },
);
