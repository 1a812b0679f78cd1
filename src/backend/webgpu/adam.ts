import type { AdamAttributes, AdamInputs } from "../own-kernels.js";
import { type Program, runProgram, webgpuKernel } from "./kernel.js";

/** The update of `Adam` in three passes over the weights; composed of TensorFlow.js's operations it takes eleven. */
export const adamUpdate = webgpuKernel(
  "AdamUpdate",
  (
    { variable, mean, square, gradient, rate }: AdamInputs,
    { beta1, beta2, epsilon }: AdamAttributes,
    backend,
  ) => {
    const elementwise = (
      name: string,
      inputs: Program["inputs"],
      uniforms: Record<string, number>,
      value: string,
    ) =>
      runProgram(backend, {
        name,
        inputs,
        outputShape: variable.shape,
        outputComponents: 1,
        uniforms: Object.fromEntries(Object.entries(uniforms).map(([key, f32]) => [key, { f32 }])),
        workgroupSize: 64,
        code: () => `
          fn main(index: i32) {
            if (index < uniforms.size) { result[index] = ${value}; }
          }`,
      });
    const newMean = elementwise(
      "adamMean",
      { mean: [mean, 1], gradient: [gradient, 1] },
      { beta: beta1, rest: 1 - beta1 },
      "uniforms.beta * mean[index] + uniforms.rest * gradient[index]",
    );
    const newSquare = elementwise(
      "adamSquare",
      { square: [square, 1], gradient: [gradient, 1] },
      { beta: beta2, rest: 1 - beta2 },
      "uniforms.beta * square[index] + uniforms.rest * gradient[index] * gradient[index]",
    );
    const newVariable = elementwise(
      "adamVariable",
      { variable: [variable, 1], mean: [newMean, 1], square: [newSquare, 1], rate: [rate, 1] },
      { epsilon },
      "variable[index] - rate[0] * mean[index] / (sqrt(square[index]) + uniforms.epsilon)",
    );
    return [newVariable, newMean, newSquare];
  },
);
