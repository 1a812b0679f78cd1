import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { modelCost } from "../../src/models/cost.js";
import { findModel, modelRegistry } from "../../src/models/registry.js";
import { planModel } from "../../src/models/size.js";

beforeAll(() => startBackend("cpu", "short"));

const options = (width: number, labelCount = 5) => ({
  ...{ labelCount, width, sampleRate: 2000, clipLength: 2000, seed: 1 },
});

describe("planModel", () => {
  it.each([...modelRegistry.keys()])("costs what the model costs that is built: %s", (name) => {
    const definition = findModel(name);
    const [plan, model] = [planModel(definition, options(0.1)), definition.build(options(0.1))];
    expect(modelCost(plan)).toEqual(modelCost(model));
    const shapes = (of: tf.LayersModel) => of.weights.map((weight) => [weight.originalName, weight.shape]);
    expect(shapes(plan).map(([, shape]) => shape)).toEqual(shapes(model).map(([, shape]) => shape));
    model.dispose();
    plan.dispose();
  });

  it("takes no memory to speak of, however large the model, and leaves building as it was", () => {
    const bytes = tf.memory().numBytes;
    const plan = planModel(findModel("skip"), options(200, 1_000_000));
    expect(plan.countParams()).toBeGreaterThan(1e11);
    expect(tf.memory().numBytes - bytes).toBeLessThan(1e6);
    plan.dispose();
    const model = findModel("conv1d").build(options(0.1));
    expect(model.weights[0]!.read().size).toBeGreaterThan(1);
    model.dispose();
  });
});
