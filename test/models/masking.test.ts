import { beforeAll, expect, test } from "vitest";
import { startBackend } from "../../src/backend/index.js";
import { checkMasking } from "../../src/models/front-end.js";
import { SpecAugment } from "../../src/models/layers/spec_augment.js";
import { modelRegistry } from "../../src/models/registry.js";

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
