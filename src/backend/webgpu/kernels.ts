import { adamUpdate } from "./adam.js";
import { conv2D, conv2DBackpropFilter, conv2DBackpropInput } from "./conv2d.js";
import { depthwiseBackpropFilter } from "./depthwise.js";
import { dropoutMask } from "./dropout_mask.js";
import { registerKernel } from "./kernel.js";
import { batchMatMul, fusedMatMul } from "./matmul.js";
import { maxPoolGrad } from "./max_pool.js";
import { meanKernel, sumKernel } from "./sum.js";

export function registerKernels() {
  for (const kernel of [
    adamUpdate,
    batchMatMul,
    conv2D,
    conv2DBackpropFilter,
    conv2DBackpropInput,
    depthwiseBackpropFilter,
    dropoutMask,
    fusedMatMul,
    maxPoolGrad,
    meanKernel,
    sumKernel,
  ]) {
    registerKernel(kernel);
  }
}
