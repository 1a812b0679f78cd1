import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { inStep } from "../../src/backend/step.js";
import { dropoutMask } from "../../src/models/layers/dropout.js";
import { Adam } from "../../src/train/optimizers/adam.js";
import {
  checkFilterGradient,
  checkInputGradient,
  convolutions,
  namedConvolutions,
} from "../helpers/convolutions.js";
import {
  checkMatrixProduct,
  checkMaxPoolGradient,
  type Drawn,
  expectSame,
  matrixProducts,
  maxPools,
} from "../helpers/kernel-cases.js";
import { noise, on } from "../helpers/kernels.js";
import { whyNoWebgpu } from "../helpers/webgpu.js";

const missing = await whyNoWebgpu();

// Every new shape may be a new shader, which SwiftShader takes a second to compile: so there are few runs of each.
describe.skipIf(missing !== undefined)(
  "kernels on webgpu, against the cpu backend",
  { timeout: 600_000 },
  () => {
    beforeAll(async () => {
      await startBackend("cpu", "training");
      await startBackend("webgpu", "training");
    });

    describe("convolutions", () => {
      it("forward, with any stride, dilation, padding and size", async () => {
        const check = async ({
          depthwise,
          x,
          filter,
          strides,
          dilations,
          pad,
        }: Drawn<typeof convolutions>) => {
          if (depthwise) return;
          await expectSame("webgpu", { x: noise(x, "x"), filter: noise(filter, "filter") }, ({ x, filter }) =>
            tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad as "same", "NHWC", dilations),
          );
        };
        await fc.assert(fc.asyncProperty(convolutions, check), { seed: 1, numRuns: 12 });
      });

      it("by the filter, with any stride, dilation, padding and size", async () => {
        const check = fc.asyncProperty(convolutions, (c) => checkFilterGradient("webgpu", c));
        await fc.assert(check, { seed: 2, numRuns: 12 });
      });

      it("by the input, with any stride, dilation, padding and size", async () => {
        const check = fc.asyncProperty(convolutions, (c) => checkInputGradient("webgpu", c));
        await fc.assert(check, { seed: 3, numRuns: 12 });
      });

      it.each(namedConvolutions)("$what", async (c) => {
        for (const depthwise of [false, true]) {
          await checkFilterGradient("webgpu", { ...c, depthwise });
          await checkInputGradient("webgpu", { ...c, depthwise });
        }
      });

      it("of more channels than a tile has columns, summed over more places than one workgroup takes", async () => {
        const c = { depthwise: false, strides: [1, 1], dilations: [1, 1], pad: "same" } as const;
        for (const channels of [40, 68, 132]) {
          const wide = { ...c, x: [2, 1, 150, 36], filter: [1, 9, 36, channels] };
          await checkFilterGradient("webgpu", wide as never);
          await checkInputGradient("webgpu", wide as never);
        }
      });

      it("leaves channels-first tensors to the backend's own kernels", async () => {
        const inputs = { x: noise([1, 2, 5, 5], "x"), w: noise([3, 3, 2, 4], "w") };
        const channelsFirst = await on("webgpu", inputs, ({ x, w }) =>
          tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same", "NCHW"),
        );
        const expected = await on("cpu", inputs, ({ x, w }) =>
          tf
            .conv2d(x!.transpose([0, 2, 3, 1]) as tf.Tensor4D, w as tf.Tensor4D, 1, "same")
            .transpose([0, 3, 1, 2]),
        );
        expect(channelsFirst.shape).toEqual(expected.shape);
        channelsFirst.values.forEach((value, i) => {
          expect(value).toBeCloseTo(expected.values[i]!, 4);
        });
      });
    });

    describe("matrix products", () => {
      it("of any size, stacked and transposed in every way", async () => {
        const check = fc.asyncProperty(matrixProducts, (each) => checkMatrixProduct("webgpu", each));
        await fc.assert(check, { seed: 4, numRuns: 30 });
      });

      it.each([
        { what: "a long sum of few results", m: 32, k: 20_000, n: 40 },
        { what: "a dense layer's gradient, wide", m: 20, k: 24, n: 3000 },
        { what: "sizes that no tile divides", m: 131, k: 77, n: 129 },
      ])("$what, transposed in every way", async ({ m, k, n }) => {
        for (const transposeA of [false, true])
          for (const transposeB of [false, true])
            await checkMatrixProduct("webgpu", { m, k, n, stacks: [[], []], transposeA, transposeB });
      });

      it("adds a bias and an activation", async () => {
        const inputs = { a: noise([40, 300], "a"), b: noise([300, 36], "b"), bias: noise([36], "bias") };
        for (const activation of ["linear", "relu", "sigmoid"] as const) {
          await expectSame("webgpu", inputs, ({ a, b, bias }) =>
            tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias: bias!, activation }),
          );
        }
      });
    });

    it("the gradient of max pooling, where windows overlap and where values are equal", async () => {
      const check = fc.asyncProperty(maxPools, (each) => checkMaxPoolGradient("webgpu", each));
      await fc.assert(check, { seed: 5, numRuns: 60 });
    });

    it("sums and means over leading axes", async () => {
      for (const [shape, axes] of [
        [[3000, 5], [0]],
        [
          [9, 700, 3],
          [0, 1],
        ],
        [[5000], [0]],
        [[4, 13, 3], [0]],
        [[70, 3], [0]],
        [[40, 200], [1]],
      ] as const) {
        const x = noise([...shape], "x");
        for (const keepDims of [false, true]) {
          await expectSame("webgpu", { x }, ({ x }) => tf.sum(x!, [...axes], keepDims));
          await expectSame("webgpu", { x }, ({ x }) => tf.mean(x!, [...axes], keepDims));
        }
      }
    });

    it("the gradient of ReLU, at its corner too", async () => {
      for (const values of [
        [-2, -0, 0, 1e-30, 3],
        [-2, -0, 0, 3],
      ]) {
        const x = { shape: [values.length], values: Float32Array.from(values) };
        await expectSame(
          "webgpu",
          { x },
          ({ x }) => tf.grad((v) => tf.relu(v).mul(tf.range(5, 5 + v.size)))(x!),
          0,
        );
      }
    });

    it("differentiates a dilated convolution as the one with the filter spread out", async () => {
      const inputs = { x: noise([2, 30, 3], "x"), w: noise([5, 3, 4], "w") };
      const spread = (w: tf.Tensor) =>
        w
          .reshape([5, 1, 12])
          .pad([
            [0, 0],
            [0, 2],
            [0, 0],
          ])
          .reshape([15, 3, 4])
          .slice([0, 0, 0], [13, 3, 4]);
      for (const of of [0, 1]) {
        const gradient =
          (conv: (x: tf.Tensor, w: tf.Tensor) => tf.Tensor) => (tensors: Record<string, tf.Tensor>) =>
            tf.grads((x, w) => conv(x, w).square().sum())([tensors.x!, tensors.w!])[of]!;
        const expected = await on(
          "cpu",
          inputs,
          gradient((x, w) => tf.conv1d(x as tf.Tensor3D, spread(w) as tf.Tensor3D, 1, "same")),
        );
        const actual = await on(
          "webgpu",
          inputs,
          gradient((x, w) => tf.conv1d(x as tf.Tensor3D, w as tf.Tensor3D, 1, "same", "NWC", 3)),
        );
        actual.values.forEach((value, i) => {
          expect(value).toBeCloseTo(expected.values[i]!, 2);
        });
      }
    });

    it("makes dropout's masks of the same bits as JavaScript", async () => {
      for (const [rate, key] of [
        [0.3, 0xfedcba98],
        [0.5, 1],
        [0.999, 0x80000000],
      ] as const) {
        const mask = () => dropoutMask([37, 5, 3], rate, key);
        expect(await on("webgpu", {}, mask)).toEqual(await on("cpu", {}, mask));
      }
    });

    it("updates weights by Adam as the composed formula does", async () => {
      const train = () => {
        const variable = tf.variable(tf.tensor(noise([5, 33], "weights").values, [5, 33]));
        const adam = new Adam([{ name: "v", variable }], { learningRate: () => 0.01 });
        for (let i = 0; i < 5; i++) {
          const gradient = tf.tensor(noise([5, 33], "gradient", i).values, [5, 33]);
          inStep(i, () => adam.update({ [variable.name]: gradient }));
        }
        adam.dispose();
        return variable;
      };
      const values = async (backend: "cpu" | "webgpu") => (await on(backend, {}, train)).values;
      const [expected, actual] = [await values("cpu"), await values("webgpu")];
      actual.forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 6);
      });
    });
  },
);
