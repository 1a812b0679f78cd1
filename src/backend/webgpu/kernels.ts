import { adamUpdate } from "./adam.js";
import { conv2D, conv2DBackpropFilter, conv2DBackpropInput } from "./conv2d.js";
import { depthwiseBackpropFilter, depthwiseBackpropInput } from "./depthwise.js";
import { dropoutMask } from "./dropout-mask.js";
import { registerKernel } from "./kernel.js";
import { batchMatMul, fusedMatMul } from "./matmul.js";
import { maxPoolGrad } from "./max-pool.js";
import { reluGrad } from "./relu.js";
import { meanKernel, sumKernel } from "./sum.js";

export function registerKernels() {
  for (const kernel of [
    adamUpdate,
    batchMatMul,
    conv2D,
    conv2DBackpropFilter,
    conv2DBackpropInput,
    depthwiseBackpropFilter,
    depthwiseBackpropInput,
    dropoutMask,
    fusedMatMul,
    maxPoolGrad,
    meanKernel,
    reluGrad,
    sumKernel,
  ]) {
    registerKernel(kernel);
  }
}
