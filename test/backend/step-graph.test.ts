import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { runOwnKernel } from "../../src/backend/own-kernels.js";
import { BackendUnavailable, startBackend } from "../../src/backend/start.js";
import { everyStep } from "../../src/backend/step.js";
import { graphRunner } from "../../src/backend/tensorflow/start.js";
import { GraphRunner } from "../../src/backend/tensorflow/step-graph/runner.js";
import { UserError } from "../../src/base/errors.js";
import { Random } from "../../src/base/random.js";
import { buildModel } from "../../src/models/registry.js";
import { logitAdjustment } from "../../src/train/loss.js";
import { makeOptimizer } from "../../src/train/optimizers/make.js";
import { Trainer } from "../../src/train/trainer.js";

const missing = await startBackend("tensorflow", "training").then(
  () => undefined,
  (error: unknown) => {
    if (error instanceof BackendUnavailable) return error.message;
    throw error;
  },
);
if (missing !== undefined) console.warn(`tests of the step's graph are skipped: ${missing}`);

const step = (body: () => tf.Tensor, state: tf.Variable[]) => graphRunner(body, state) as GraphRunner;

/** tfjs-node's addon, which counts what it holds. */
const native = () =>
  (tf.backend() as unknown as { binding: { getNumOfTensors(): number; getNumOfSavedModels(): number } })
    .binding;
const savedModels = () => native().getNumOfSavedModels();

/** Runs before the graph takes over, and some more. */
const enough = 6;

describe.skipIf(missing !== undefined)("a step as a graph", () => {
  beforeAll(async () => {
    await startBackend("tensorflow", "training");
  });

  test("takes what each run makes anew, and changes the variables as the step does", () => {
    const total = tf.variable(tf.tensor1d([1, 2]));
    const count = tf.variable(tf.scalar(0, "int32"));
    let n = 0;
    const repeated = step(() => {
      const x = everyStep(() => tf.tensor1d([n, 10 * n]));
      const old = total.clone();
      total.assign(total.add(x));
      count.assign(count.add(tf.scalar(1, "int32")));
      return tf.stack([old.sum(), total.sum()]);
    }, [total, count]);
    let sum = 3;
    for (n = 0; n < enough; n++) {
      const [before, after] = repeated.run().dataSync();
      expect([before, after], `run ${n}`).toEqual([sum, sum + 11 * n]);
      sum += 11 * n;
    }
    expect(repeated.obstacle).toBeUndefined();
    expect(repeated.hasGraph).toBe(true);
    repeated.settle();
    expect([...total.dataSync()]).toEqual([1 + 15, 2 + 150]);
    expect([...count.dataSync()]).toEqual([enough]);
    repeated.dispose();
    tf.dispose([total, count]);
  });

  test("is not made of an update in place of two variables that the step gave one value", () => {
    const [variable, mean, square] = Array.from({ length: 3 }, () => tf.variable(tf.scalar(0))) as [
      tf.Variable,
      tf.Variable,
      tf.Variable,
    ];
    const repeated = step(() => {
      const zero = tf.scalar(0);
      mean.assign(zero);
      square.assign(zero.clone());
      const [gradient, rate] = [tf.scalar(2), tf.scalar(1)];
      const inputs = { variable, mean, square, gradient, rate };
      const values = runOwnKernel("AdamUpdate", inputs, { beta1: 0.5, beta2: 0.75, epsilon: 0 })!;
      return tf.stack([values[1]!, values[2]!]);
    }, [variable, mean, square]);
    for (let i = 0; i < enough; i++) expect([...repeated.run().dataSync()]).toEqual([1, 1]);
    expect(repeated.obstacle).toMatch(/shared/);
    tf.dispose([variable, mean, square]);
  });

  test("takes up what was written to its variables since it was settled", () => {
    const value = tf.variable(tf.scalar(1));
    const repeated = step(() => {
      value.assign(value.mul(2));
      return value.clone();
    }, [value]);
    for (let i = 0; i < enough; i++) repeated.run().dispose();
    repeated.settle();
    expect(value.dataSync()[0]).toBe(2 ** enough);
    value.assign(tf.scalar(100));
    expect(repeated.run().dataSync()[0]).toBe(200);
    expect(repeated.run().dataSync()[0]).toBe(400);
    repeated.dispose();
    expect(value.dataSync()[0]).toBe(400);
    value.dispose();
  });

  test("goes on without its graph once that was disposed of", () => {
    const value = tf.variable(tf.scalar(1));
    const repeated = step(() => {
      value.assign(value.add(1));
      return value.clone();
    }, [value]);
    for (let i = 0; i < enough; i++) repeated.run().dispose();
    repeated.dispose();
    expect(repeated.run().dataSync()[0]).toBe(2 + enough);
    value.dispose();
  });

  test("tells variables apart that were set to one another", () => {
    const a = tf.variable(tf.scalar(5));
    const b = tf.variable(tf.scalar(0));
    b.assign(a.clone());
    const repeated = step(() => {
      a.assign(a.add(1));
      return b.add(0);
    }, [a, b]);
    for (let i = 0; i < enough; i++) expect(repeated.run().dataSync()[0]).toBe(5);
    expect(repeated.hasGraph).toBe(true);
    repeated.dispose();
    expect(a.dataSync()[0]).toBe(5 + enough);
    tf.dispose([a, b]);
  });

  describe("is not made", () => {
    const obstacles: [string, RegExp, (run: number) => tf.Tensor][] = [
      ["of numbers that change unsaid", /not the same/, (run) => tf.scalar(run).add(0)],
      [
        "of operations that change",
        /not the same/,
        (run) => (run % 2 ? tf.ones([1]).mul(run) : tf.fill([1], run)),
      ],
      [
        "of a step that reads its values",
        /reads its own values/,
        (run) =>
          tf
            .scalar(
              everyStep(() => tf.scalar(run))
                .add(0)
                .dataSync()[0]!,
            )
            .add(0),
      ],
    ];
    test.each(obstacles)("%s, and all stays right", (_, expected, body) => {
      const value = tf.variable(tf.scalar(0));
      let run = 0;
      const repeated = step(() => {
        value.assign(value.add(1));
        return body(run);
      }, [value]);
      for (run = 0; run < enough; run++) expect(repeated.run().dataSync()[0]).toBe(run);
      expect(repeated.obstacle).toMatch(expected);
      expect(repeated.hasGraph).toBe(false);
      expect(value.dataSync()[0]).toBe(enough);
      value.dispose();
    });
  });

  test("goes on from JavaScript where TensorFlow cannot run the graph", () => {
    const value = tf.variable(tf.scalar(0));
    // Changes unsaid once the graph is made, which then has a table that is too short.
    let [tableSize, index] = [2, 1];
    const repeated = step(() => {
      const at = everyStep(() => tf.tensor2d([index], [1, 1], "int32"));
      value.assign(value.add(1));
      const table = tf.tensor1d(Float32Array.from({ length: tableSize }, (_, i) => 10 * i));
      return tf.gatherND(table, at).sum().add(value);
    }, [value]);
    for (let run = 1; !repeated.hasGraph; run++) expect(repeated.run().dataSync()[0]).toBe(10 + run);
    const before = value.dataSync()[0]!;
    [tableSize, index] = [5, 4];
    expect(repeated.run().dataSync()[0]).toBe(40 + before + 1);
    expect(repeated.hasGraph).toBe(false);
    expect(repeated.obstacle).toMatch(/indices/);
    expect(repeated.run().dataSync()[0]).toBe(40 + before + 2);
    expect(value.dataSync()[0]).toBe(before + 2);
    expect(savedModels()).toBe(0);
    value.dispose();
  });

  test("throws where the graph fails once its variables are ahead, and is disposed of", () => {
    const value = tf.variable(tf.scalar(0));
    let index = 0;
    const repeated = step(() => {
      const at = everyStep(() => tf.tensor2d([index], [1, 1], "int32"));
      value.assign(value.add(tf.gatherND(tf.tensor1d([1, 2]), at).sum()));
      return value.clone();
    }, [value]);
    for (let i = 0; i < enough; i++) repeated.run().dispose();
    index = 2;
    expect(() => repeated.run()).toThrow(/indices/);
    expect(savedModels()).toBe(1);
    repeated.dispose();
    expect(savedModels()).toBe(0);
    expect(value.dataSync()[0]).toBe(enough);
    value.dispose();
  });

  test("takes no input of another shape", () => {
    const value = tf.variable(tf.zeros([3]));
    let length = 3;
    const repeated = step(() => {
      const x = everyStep(() => tf.ones([length]));
      value.assign(value.add(x));
      return x.sum().div(x.size);
    }, [value]);
    for (let i = 0; i < enough; i++) repeated.run().dispose();
    length = 1;
    expect(() => repeated.run()).toThrow(/input changed its shape or type: expected \[3\], found \[1\]/);
    repeated.dispose();
    value.dispose();
  });

  test("says what to do where memory is full", () => {
    const value = tf.variable(tf.scalar(0));
    // TensorFlow waits ten seconds for memory before it gives up.
    const repeated = step(() => tf.ones([1, 1]).tile([2e7, 2e7]), [value]);
    let error: unknown;
    try {
      repeated.run();
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(
      /memory is full: OOM .*20000000.*; use a smaller --batch-size or --width$/,
    );
    value.dispose();
  });

  test("throws what the step throws", () => {
    let run = 0;
    const repeated = step(() => {
      if (run === 1) throw new Error("no more data");
      return tf.ones([1]);
    }, []);
    repeated.run();
    run = 1;
    expect(() => repeated.run()).toThrow("no more data");
    run = 2;
    expect(repeated.run().dataSync()[0]).toBe(1);
  });

  test("is not made of a step without variables", () => {
    const repeated = step(() => everyStep(() => tf.ones([2])).sum(), []);
    const before = tf.memory().numTensors;
    for (let i = 0; i < enough; i++) repeated.run().dispose();
    repeated.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test("keeps nothing from run to run", () => {
    const weights = tf.variable(tf.ones([100, 100]));
    const repeated = step(() => {
      const x = everyStep(() => tf.ones([100, 100]));
      weights.assign(weights.matMul(x as tf.Tensor2D).mul(0.01));
      return weights.sum();
    }, [weights]);
    for (let i = 0; i < enough; i++) repeated.run().dispose();
    const before = [tf.memory().numTensors, native().getNumOfTensors()];
    for (let i = 0; i < 50; i++) {
      repeated.run().dispose();
      if (i % 10 === 0) repeated.settle();
    }
    expect([tf.memory().numTensors, native().getNumOfTensors()]).toEqual(before);
    repeated.dispose();
    weights.dispose();
  });
});

/** What a training is made of, all of it at once, and how it ends. */
interface Recipe {
  model: string;
  optimizer: "adam" | "adamw" | "sgd";
  steps: number;
  frozenSteps?: number;
  average?: boolean;
  teacher?: boolean;
  mix?: boolean;
  /** Steps whose batch is smaller. */
  small?: readonly number[];
}

const recipes: Recipe[] = [
  { model: "gabor-resnet", optimizer: "adamw", average: true, mix: true, steps: 8 },
  { model: "bc-resnet", optimizer: "sgd", teacher: true, small: [4, 5], steps: 9 },
  { model: "tc-resnet", optimizer: "adam", frozenSteps: 5, average: true, steps: 10 },
  { model: "conv1d", optimizer: "adam", small: [0], steps: 8 },
];

test.skipIf(missing !== undefined).each(["adam", "sgd"] as const)(
  "an update by %s leaves no tensor behind",
  (optimizer) => {
    const variable = tf.variable(tf.ones([2, 2]));
    const settings = { optimizer, momentum: 0.9, weightDecay: 0.1 };
    const updater = makeOptimizer(settings, [{ name: "w", variable }], () => 0.1);
    const gradient = tf.ones([2, 2]);
    const before = tf.memory().numTensors;
    updater.update({ [variable.name]: gradient });
    expect(tf.memory().numTensors).toBe(before);
    updater.dispose();
    tf.dispose([variable, gradient]);
  },
);

describe.skipIf(missing !== undefined)("training by the graph ends as it does without", () => {
  beforeEach(async () => {
    await startBackend("tensorflow", "training");
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each(recipes)("$model by $optimizer", { timeout: 120_000 }, (recipe) => {
    const actual = train(recipe);
    vi.spyOn(GraphRunner.prototype, "run").mockImplementation(function (this: GraphRunner) {
      return tf.tidy(this.step);
    });
    const expected = train(recipe);
    expect([actual.graph, expected.graph]).toEqual([true, false]);
    actual.losses.forEach((loss, i) => {
      expect(Math.abs(loss - expected.losses[i]!), `loss ${i}`).toBeLessThan(1e-4);
    });
    // Adam makes steps of gradients that are nothing but rounding, where a normalisation takes a weight away again.
    const rounding = recipe.optimizer === "sgd" ? 1e-4 : 0.02;
    for (const [name, move] of expected.moves) {
      const alike = [...expected.moves].filter(([other]) => kind(other) === kind(name));
      const furthest = Math.max(...alike.map(([, values]) => largest(values)));
      const tolerance = 0.05 * largest(move) + rounding * furthest;
      const off = move.map((value, i) => value - actual.moves.get(name)![i]!);
      expect(largest(off), name).toBeLessThanOrEqual(tolerance);
    }
  });
});

/** Of variables whose values are of one order of magnitude. */
const kind = (name: string) => /adam_mean|adam_square|sgd_velocity|moving_\w+/.exec(name)?.[0];

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** The losses, and how far each variable came. */
function train(recipe: Recipe) {
  const { steps: count, frozenSteps = 0 } = recipe;
  const clipLength = recipe.model === "conv1d" ? 320 : 1600;
  const [labelCount, batchSize] = [4, 4];
  const build = () =>
    buildModel(recipe.model, {
      ...{ labelCount, sampleRate: 8000, clipLength, width: 0.25, seed: 3 },
      ...(recipe.model !== "conv1d" && { masking: { bands: 3, frames: 3 } }),
    });
  const model = build();
  const copy = recipe.average ? build() : undefined;
  const teacher = recipe.teacher
    ? [9, 10].map((seed) =>
        buildModel("tc-resnet", { labelCount, sampleRate: 8000, clipLength, width: 0.25, seed }),
      )
    : undefined;
  const training = new Trainer({
    model,
    learningRate: (step) => 1e-3 / (1 + step),
    optimizer: {
      optimizer: recipe.optimizer,
      momentum: 0.9,
      weightDecay: recipe.optimizer === "adam" ? 0 : 0.01,
    },
    loss: {
      labelSmoothing: 0.1,
      adjustment: logitAdjustment([0, 0, 0, 1, 1, 2, 3], labelCount, 1),
      teacher: teacher && { models: teacher, weight: 0.5, temperature: 2 },
    },
    average: copy && { model: copy, decay: 0.9 },
    frozenSteps,
  });
  const { state } = training;
  const values = () => state.map(({ variable }) => variable.dataSync().slice() as Float32Array);
  const before = values();
  const losses: number[] = [];
  let graph = false;
  for (let i = 0; i < count; i++) {
    const random = new Random(7, "batch", i);
    const size = recipe.small?.includes(i) ? batchSize - 1 : batchSize;
    const waves = Float32Array.from({ length: size * clipLength }, () => 0.3 * random.normal());
    const labels = Int32Array.from({ length: size }, () => random.integer(labelCount));
    const mix = { labels: labels.toReversed(), shares: Float32Array.from(labels, () => random.uniform()) };
    const results = training.step({ waves, labels, size, ...(recipe.mix && { mix }) });
    losses.push(results.dataSync()[0]!);
    results.dispose();
    graph = training.usesGraph;
  }
  training.settle();
  const moves = new Map(
    values().map((after, i) => [state[i]!.name, after.map((value, k) => value - before[i]![k]!)]),
  );
  training.dispose();
  return { losses, moves, graph };
}
