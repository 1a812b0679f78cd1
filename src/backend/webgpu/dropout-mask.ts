import type { DropoutMaskAttributes } from "../own-kernels.js";
import { runProgram, webgpuKernel } from "./kernel.js";

/** `dropoutMask` of the models' dropout layer, element by element: the same bits without an upload. */
export const dropoutMask = webgpuKernel(
  "DropoutMask",
  (_inputs: object, { shape, threshold, kept, key }: DropoutMaskAttributes, backend) =>
    runProgram(backend, {
      name: "dropoutMask",
      inputs: {},
      outputShape: shape,
      outputComponents: 1,
      uniforms: { threshold: { u32: threshold }, key: { u32: key }, kept: { f32: kept } },
      workgroupSize: 64,
      code: () => `
        fn mix32(value: u32) -> u32 {
          var h = value;
          h = (h ^ (h >> 16u)) * 0x85ebca6bu;
          h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
          return h ^ (h >> 16u);
        }
        fn main(index: i32) {
          if (index >= uniforms.size) { return; }
          let random = mix32((u32(index) * 0x9e3779b1u) ^ uniforms.key);
          result[index] = select(0.0, uniforms.kept, random >= uniforms.threshold);
        }`,
    }),
);
