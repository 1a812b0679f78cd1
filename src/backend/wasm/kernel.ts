import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";

/**
 * A kernel for the wasm backend, its inputs and attributes typed (the registry knows them as "some"). What it allocates
 * with tensor operations is freed when it returns; only the result stays.
 */
export function wasmKernel<Inputs, Attributes>(
  kernelName: string,
  run: (inputs: Inputs, attributes: Attributes, backend: BackendWasm) => tf.TensorInfo | tf.TensorInfo[],
): tf.KernelConfig {
  return {
    kernelName,
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs, backend }) =>
      tf.tidy(
        () => run(inputs as Inputs, attrs as Attributes, backend as BackendWasm) as unknown as tf.Tensor[],
      ),
  };
}

/** The tensor's elements where they lie in WebAssembly memory. Valid until the next allocation. */
export function floats(backend: BackendWasm, tensor: tf.TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array;
}

/** The same values as a tensor of their own, without copying them. */
export function share(backend: BackendWasm, { dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo {
  backend.incRef(dataId);
  return { dataId, shape, dtype };
}
