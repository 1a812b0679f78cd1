import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** A kernel in the place of the backend's own of that name, or beside its own where there is none. */
export interface Kernel {
  readonly kernelName: string;
  readonly run: (call: KernelCall) => KernelResult;
}

interface KernelCall {
  inputs: unknown;
  attrs?: unknown;
  backend: unknown;
}

type KernelResult = tf.Tensor | tf.Tensor[] | undefined;

/**
 * Types a kernel's inputs and attributes, which the registry knows as "some".
 *
 * @param run computes the result, or returns undefined for a case that is left to the backend's own kernel
 */
export function webgpuKernel<Inputs, Attributes>(
  kernelName: string,
  run: (inputs: Inputs, attributes: Attributes, backend: WebGPUBackend) => KernelResult,
): Kernel {
  return {
    kernelName,
    run: ({ inputs, attrs, backend }) => run(inputs as Inputs, attrs as Attributes, backend as WebGPUBackend),
  };
}

/** What a kernel allocates with tensor operations or `runProgram` is freed when it returns; only the result stays. */
export function registerKernel({ kernelName, run }: Kernel): void {
  const own = tf.getKernel(kernelName, "webgpu");
  if (own !== undefined) tf.unregisterKernel(kernelName, "webgpu");
  tf.registerKernel({
    ...own,
    kernelName,
    backendName: "webgpu",
    kernelFunc: (call) => {
      const result = tf.tidy(() => run(call) as tf.Tensor);
      if (result !== undefined) return result;
      if (own === undefined) throw new Error(`the webgpu backend lacks ${kernelName} for such tensors`);
      return own.kernelFunc(call);
    },
  });
}

/** A compute shader that fills a tensor, and what it is run on. */
export interface Program {
  /** Tells this shader from others, together with `constants`. */
  name: string;
  /** Numbers that the shader is compiled for, to be had there by their names; what changes often belongs in `uniforms`. */
  constants?: Record<string, number | number[]>;
  /** The tensors by the names of their buffers in the shader, with the numbers that a buffer's element holds. */
  inputs: Record<string, [tensor: tf.TensorInfo, components: Components]>;
  outputShape: number[];
  /** Numbers that an element of the result's buffer holds. */
  outputComponents: Components;
  /** To be had as `uniforms.name`; an i32 where not said otherwise. */
  uniforms?: Record<string, number | { u32: number } | { f32: number }>;
  /** Threads of a workgroup. */
  workgroupSize: number;
  /** Workgroups in three dimensions; left out, there is a thread for each element of the result's buffer. */
  workgroups?: [number, number, number];
  /**
   * WGSL with `fn main(index: i32)`, or `fn main()` where `workgroups` are given. The result's buffer is `result`, its
   * elements are `uniforms.size`. It follows from `name` and the numbers of components.
   */
  code: () => string;
}

/** 4 makes a buffer's elements vec4, which its rows must allow: see `vectorWidth`. */
export type Components = 1 | 4;

export function vectorWidth(rowLength: number): Components {
  return rowLength % 4 === 0 ? 4 : 1;
}

/** Runs a program. The result is a tensor like any other. */
export function runProgram(backend: WebGPUBackend, program: Program): tf.Tensor {
  const { inputs, constants = {}, outputShape, outputComponents, workgroupSize, workgroups } = program;
  const tensors = Object.values(inputs).map(([tensor]) => tensor);
  const components = Object.values(inputs).map(([, components]) => components);
  const dimensions = outputShape.map((_, dimension) => dimension);
  const elements = tf.util.sizeFromShape(outputShape) / outputComponents;
  const uniforms = Object.entries(program.uniforms ?? {}).map(([name, value]) => uniform(name, value));
  const info = backend.runWebGPUProgram(
    {
      shaderKey: `keyspot ${program.name} ${JSON.stringify(constants)} ${components} ${outputComponents}`,
      variableNames: Object.keys(inputs),
      variableComponents: components,
      outputComponent: outputComponents,
      outputShape,
      uniforms: uniforms.map(({ declaration }) => declaration).join(" "),
      size: true,
      workgroupSize: [workgroupSize, 1, 1],
      // With a layout of one axis the backend passes the thread's index to `main`, and spreads the workgroups over
      // three dimensions where one does not hold them.
      dispatchLayout: workgroups === undefined ? { x: dimensions } : { x: [], y: dimensions },
      dispatch: workgroups ?? [Math.ceil(elements / workgroupSize), 1, 1],
      getUserCode: () => `${declarations(constants)}\n${program.code()}`,
    },
    tensors,
    "float32",
    uniforms.map(({ type, data }) => ({ type, data })),
  );
  return tf.engine().makeTensorFromTensorInfo(info);
}

function declarations(constants: Record<string, number | number[]>): string {
  const lines = Object.entries(constants).map(([name, value]) =>
    typeof value === "number"
      ? `const ${name}: i32 = ${value};`
      : `const ${name} = array<i32, ${value.length}>(${value});`,
  );
  return lines.join("\n");
}

function uniform(name: string, value: number | { u32: number } | { f32: number }) {
  if (typeof value === "number") return { declaration: `${name} : i32,`, type: "int32", data: [value] };
  if ("u32" in value) return { declaration: `${name} : u32,`, type: "uint32", data: [value.u32] };
  return { declaration: `${name} : f32,`, type: "float32", data: [value.f32] };
}
