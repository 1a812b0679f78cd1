import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { modelCost } from "../../src/models/cost.js";
import { findModel, modelRegistry } from "../../src/models/registry.js";
import { checkModelSize, planModel } from "../../src/models/size.js";

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

describe("checkModelSize", () => {
  const check = (width: number, labelCount?: number) => () =>
    checkModelSize(findModel("conv1d"), options(width, labelCount), "wasm", false);

  it("lets the course's widths pass", () => {
    expect(check(1, 12)).not.toThrow();
  });

  it("says what a model would need that fits in no memory", () => {
    expect(check(1000)).toThrow(
      /^conv1d at width 1000 with 5 labels has [\d,]+ parameters: training it would need [\d,.]+ GiB of memory, .* has [\d,.]+ GiB; try a smaller --width$/,
    );
    expect(check(1, 1e9)).toThrow(/with 1000000000 labels/);
    expect(check(1e300)).toThrow(
      /^conv1d cannot be so large \(width 1e\+300, 5 labels\): its kernel would be /,
    );
  });
});
