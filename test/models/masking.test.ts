import { beforeAll, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { checkMasking, checkMaskSize } from "../../src/models/front-ends/front-end.js";
import { SpecAugment } from "../../src/models/layers/spec-augment.js";
import { findModel, modelRegistry } from "../../src/models/registry.js";

beforeAll(async () => {
  await startBackend("cpu", "short");
});

test.each([...modelRegistry.values()])("$name takes SpecAugment, or refuses it", (definition) => {
  const masking = { bands: 5, frames: 20 };
  const shape = { labelCount: 4, sampleRate: 8000, clipLength: 4000, width: 0.05, seed: 1 };
  const model = definition.build({ ...shape, masking });
  const layers = model.layers.filter((layer) => layer instanceof SpecAugment);
  model.dispose();
  if (layers.length === 0) {
    expect(() => checkMasking(definition, masking)).toThrow(
      `--augment: specAugment hides parts of a picture, and the model ${definition.name} sees the samples themselves`,
    );
  } else {
    expect(layers).toHaveLength(1);
    expect(() => checkMasking(definition, masking)).not.toThrow();
  }
  expect(() => checkMasking(definition, { bands: 0, frames: 0 })).not.toThrow();
});

// Of a second at 8 kHz: the hop that each model's docstring tells, and both ends.
test.each([
  ["spectrogram", 130, 126],
  ["bc-resnet", 40, 101],
  ["ds-cnn", 10, 51],
  ["matchboxnet", 64, 101],
  ["gabor-resnet", 40, 100],
])("masks may be as large as the picture of %s, and no larger", (name, bands, frames) => {
  const shape = { labelCount: 4, sampleRate: 8000, clipLength: 8000, width: 0.05, seed: 1 };
  const check = (masking: { bands: number; frames: number }) => () => {
    const model = findModel(name).build({ ...shape, masking });
    model.dispose();
    checkMaskSize(model);
  };
  expect(check({ bands, frames })).not.toThrow();
  for (const found of [
    { bands: bands + 1, frames: 1 },
    { bands: 1, frames: frames + 1 },
  ]) {
    const message = `--augment: specAugment: the model ${name} makes a picture of ${bands} bands and ${frames} frames; expected masks of at most so many, found ${found.bands} and ${found.frames}`;
    expect(check(found)).toThrow(expect.objectContaining({ message, exitCode: 2 }));
  }
});
