import type * as tf from "@tensorflow/tfjs";
import { runProgram, vectorWidth, webgpuKernel } from "./kernel.js";

/** The gradient of ReLU by its output, in one pass. */
export const reluGrad = webgpuKernel("ReluGrad", ({ dy, y }: { dy: tf.Tensor; y: tf.Tensor }, _, backend) => {
  const components = vectorWidth(y.size);
  return runProgram(backend, {
    name: "reluGrad",
    inputs: { dy: [dy, components], y: [y, components] },
    outputShape: y.shape,
    outputComponents: components,
    workgroupSize: 64,
    code: () => `
      fn main(index: i32) {
        if (index >= uniforms.size) { return; }
        let zero = ${components === 4 ? "vec4<f32>(0.0)" : "0.0"};
        result[index] = select(zero, dy[index], y[index] > zero);
      }`,
  });
});
