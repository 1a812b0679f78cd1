import { describe, expect, it, test } from "vitest";
import { explainLoadError, explainNoGpu } from "../../src/backend/tensorflow/explain.js";

// What the dynamic loader says, as users have reported it.
describe("a library that cannot be loaded", () => {
  test.each([
    {
      message: "libcudart.so.11.0: cannot open shared object file: No such file or directory",
      reason: "the library libcudart.so.11.0 is missing",
      remedy: /--cuda --force/,
    },
    {
      message: "libcudnn.so.9: cannot open shared object file: No such file or directory",
      reason: "the library libcudnn.so.9 is missing",
      remedy: /--cuda --force/,
    },
    {
      message: "libcuda.so.1: cannot open shared object file: No such file or directory",
      reason: "the library libcuda.so.1 is missing",
      remedy: /NVIDIA's driver.*--gpus all/,
    },
    {
      message: "libgomp.so.1: cannot open shared object file: No such file or directory",
      reason: "the library libgomp.so.1 is missing",
      remedy: /libgomp1 on Debian/,
    },
    {
      message: "libtensorflow.so.2: cannot open shared object file: No such file or directory",
      reason: "the library libtensorflow.so.2 is missing",
      remedy: /backend install --force/,
    },
    {
      message:
        "/lib/x86_64-linux-gnu/libm.so.6: version `GLIBC_2.35' not found (required by /home/u/libtensorflow_cc.so.2)",
      reason: /^it needs glibc 2\.35, this system's libm\.so\.6 is older/,
      remedy: /--wheel/,
    },
    {
      message:
        "/opt/conda/lib/libstdc++.so.6: version `GLIBCXX_3.4.30' not found (required by /home/u/tfjs_binding.node)",
      reason: "libstdc++.so.6 is too old: it has no GLIBCXX_3.4.30",
      remedy: /LD_LIBRARY_PATH/,
    },
    {
      message: "/home/u/libtensorflow_framework.so.2: file too short",
      reason: /is damaged or was built for another machine \(.*file too short\)/,
      remedy: /--force/,
    },
    {
      message: "/home/u/tfjs_binding.node: undefined symbol: TF_NewCheckpointReader",
      reason: /another version: it has no TF_NewCheckpointReader/,
      remedy: /LD_LIBRARY_PATH|--force/,
    },
    {
      message: "/home/u/libtensorflow_cc.so.2: failed to map segment from shared object",
      reason: /noexec/,
      remedy: /XDG_CACHE_HOME/,
    },
    {
      message:
        "The Node.js native addon module (tfjs_binding.node) can not be found at path: /app/lib/napi-v8",
      reason: /install script did not finish/,
      remedy: /^run kws backend install/,
    },
  ])("$message", ({ message, reason, remedy }) => {
    const said = explainLoadError(message);
    if (typeof reason === "string") expect(said.reason).toBe(reason);
    else expect(said.reason).toMatch(reason);
    expect(said.remedy).toMatch(remedy);
  });
});

// Lines of TensorFlow 2.1 to 2.20.
describe("TensorFlow for CUDA that finds no GPU", () => {
  const head = "2025-01-01 10:00:00.123456: ";
  const guide =
    "Cannot dlopen some GPU libraries. Please make sure the missing libraries mentioned above are installed properly if you " +
    "would like to use GPU. Follow the guide at https://www.tensorflow.org/install/gpu for how to download and setup the " +
    "required libraries for your platform.\nSkipping registering GPU devices...";
  test.each([
    {
      what: "a missing libcudnn",
      warnings:
        `${head}W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library ` +
        "'libcudnn.so.8'; dlerror: libcudnn.so.8: cannot open shared object file: No such file or directory; " +
        `LD_LIBRARY_PATH: /usr/local/nvidia/lib\n${head}W tensorflow/core/common_runtime/gpu/gpu_device.cc:1850] ${guide}`,
      reason: "no GPU: the library libcudnn.so.8 is missing",
      remedy: /--cuda --force/,
    },
    {
      what: "a library that one of CUDA's needs",
      warnings:
        `${head}W tensorflow/stream_executor/platform/default/dso_loader.cc:60] Could not load dynamic library ` +
        "'libcusolver.so.11'; dlerror: libnvJitLink.so.12: cannot open shared object file: No such file or directory",
      reason: "no GPU: the library libnvJitLink.so.12 is missing",
      remedy: /--cuda --force/,
    },
    {
      what: "an older TensorFlow's wording, TensorRT's absence beside",
      warnings:
        `${head}W tensorflow/stream_executor/platform/default/dso_loader.cc:55] Could not load dynamic library ` +
        "'libnvinfer.so.6'; dlerror: libnvinfer.so.6: cannot open shared object file: No such file or directory\n" +
        `${head}I tensorflow/stream_executor/platform/default/dso_loader.cc:53] Could not dlopen library ` +
        "'libcudnn.so.7'; dlerror: libcudnn.so.7: cannot open shared object file: No such file or directory",
      reason: "no GPU: the library libcudnn.so.7 is missing",
      remedy: /--cuda --force/,
    },
    {
      what: "no driver",
      warnings:
        `${head}W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library ` +
        "'libcuda.so.1'; dlerror: libcuda.so.1: cannot open shared object file: No such file or directory\n" +
        `${head}W tensorflow/stream_executor/cuda/cuda_driver.cc:269] failed call to cuInit: UNKNOWN ERROR (303)`,
      reason: "no GPU: the library libcuda.so.1 is missing",
      remedy: /NVIDIA's driver.*--gpus all/,
    },
    {
      what: "no driver, in newer words",
      warnings:
        `${head}E external/local_xla/xla/stream_executor/cuda/cuda_platform.cc:51] failed call to cuInit: INTERNAL: ` +
        "CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)",
      reason: "no GPU: NVIDIA's driver library libcuda.so.1 cannot be loaded",
      remedy: /NVIDIA's driver.*--gpus all/,
    },
    {
      what: "a machine whose GPU is gone or hidden",
      warnings:
        `${head}E external/local_xla/xla/stream_executor/cuda/cuda_platform.cc:51] failed call to cuInit: INTERNAL: ` +
        "CUDA error: Failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected",
      reason: "no GPU: NVIDIA's driver says CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected",
      remedy: /CUDA_VISIBLE_DEVICES/,
    },
    {
      what: "a driver in disorder",
      warnings: `${head}E tensorflow/stream_executor/cuda/cuda_driver.cc:318] failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error`,
      reason: "no GPU: NVIDIA's driver says CUDA_ERROR_UNKNOWN: unknown error",
      remedy: /restart the machine/,
    },
    {
      what: "a driver that is too old",
      warnings:
        "InternalError: cudaGetDevice() failed. Status: CUDA driver version is insufficient for CUDA runtime version",
      reason: "no GPU: NVIDIA's driver is too old for this TensorFlow",
      remedy: /current NVIDIA driver/,
    },
    {
      what: "a card that is too old",
      warnings:
        `${head}I tensorflow/core/common_runtime/gpu/gpu_device.cc:1105] Ignoring visible gpu device (device: 0, name: ` +
        "GeForce GTX 660M, pci bus id: 0000:01:00.0, compute capability: 3.0) with Cuda compute capability 3.0. The minimum " +
        "required Cuda capability is 3.5.",
      reason: "no GPU: the GeForce GTX 660M has compute capability 3.0, this TensorFlow wants 3.5 or more",
      remedy: /--backend webgpu/,
    },
    {
      what: "libraries that it does not name",
      warnings: `${head}W tensorflow/core/common_runtime/gpu/gpu_device.cc:2348] ${guide}`,
      reason: "no GPU: some of NVIDIA's libraries are missing",
      remedy: /--cuda --force/,
    },
  ])("for $what", ({ warnings, reason, remedy }) => {
    const said = explainNoGpu(warnings);
    expect(said?.reason).toBe(reason);
    expect(said?.remedy).toMatch(remedy);
  });

  it("says nothing where TensorFlow does not", () => {
    expect(
      explainNoGpu(`${head}I tensorflow/core/platform/cpu_feature_guard.cc:210] AVX2 FMA`),
    ).toBeUndefined();
  });
});
