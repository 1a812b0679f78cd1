/** Why a library could not be loaded, and the one thing to do. */
export interface Explanation {
  reason: string;
  remedy: string;
}

const rebuild = "run kws backend install --force, which builds it anew for this machine";

/**
 * What the dynamic loader's message about TensorFlow's library, or tfjs-node's addon, means.
 *
 * @param message of the error that loading it threw
 */
export function explainLoadError(message: string): Explanation {
  const line = message.split("\n")[0]!.trim();
  const missing = line.match(/([\w.+-]+): cannot open shared object file: No such file/)?.[1];
  if (missing !== undefined)
    return { reason: `the library ${missing} is missing`, remedy: whoBrings(missing) };

  const [, library, family, wanted] =
    line.match(/([\w.+-]+): version [`'](GLIBC|GLIBCXX|CXXABI)_([\d.]+)' not found/) ?? [];
  if (family === "GLIBC")
    return {
      reason: `it needs glibc ${wanted}, this system's ${library} is older${glibcVersion()}`,
      remedy:
        "use a newer system, or give kws backend install --wheel a TensorFlow that was built for an older one",
    };
  if (family !== undefined)
    return {
      reason: `${library} is too old: it has no ${family}_${wanted}`,
      remedy: "install a newer libstdc++6, or take an old one (conda's, often) out of LD_LIBRARY_PATH",
    };

  if (
    /invalid ELF header|file too short|wrong ELF class|not a mach-o file|incompatible architecture/i.test(
      line,
    )
  )
    return { reason: `a library is damaged or was built for another machine (${line})`, remedy: rebuild };
  const symbol = line.match(/undefined symbol: (\S+)/)?.[1];
  if (symbol !== undefined)
    return {
      reason: `the TensorFlow library that was found is another version: it has no ${symbol}`,
      remedy: process.env.LD_LIBRARY_PATH
        ? "take the other TensorFlow out of LD_LIBRARY_PATH"
        : "run kws backend install --force, which builds for the library that it brings",
    };
  if (/failed to map segment/.test(line))
    return {
      reason: "the cache folder's file system lets no library be loaded (mounted noexec), or memory ran out",
      remedy: "name a folder on another file system in XDG_CACHE_HOME and run kws backend install",
    };
  if (/addon module \(tfjs_binding\.node\) can not be found/.test(message))
    return {
      reason: "the npm package's install script did not finish: its addon tfjs_binding.node is missing",
      remedy: "run kws backend install, which builds a current one for this user",
    };
  return { reason: line, remedy: rebuild };
}

/** What brings a library that is missing. */
function whoBrings(library: string): string {
  if (/^libcuda\.so/.test(library))
    return "install NVIDIA's driver; a container must be started with it (docker run --gpus all)";
  if (
    /^lib(cudart|cublas|cublasLt|cudnn\w*|cufft|curand|cusolver|cusparse|cupti|nccl|nvrtc|nvJitLink)\.so/.test(
      library,
    )
  )
    return "run kws backend install --cuda --force, which brings NVIDIA's libraries";
  if (/^libstdc\+\+|^libgcc_s|^libgomp/.test(library))
    return `install it: ${library.startsWith("libgomp") ? "libgomp1" : "libstdc++6"} on Debian and Ubuntu, ${library.startsWith("libgomp") ? "libgomp" : "libstdc++"} on Fedora`;
  return rebuild;
}

function glibcVersion(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? "" : ` (${header.glibcVersionRuntime})`;
}

/**
 * Why TensorFlow, built for CUDA, computes on the processor: it says so among its warnings and goes on. Undefined where
 * it says nothing of the kind.
 */
export function explainNoGpu(warnings: string): Explanation | undefined {
  const library = missingLibrary(warnings);
  if (library !== undefined)
    return { reason: `no GPU: the library ${library} is missing`, remedy: whoBrings(library) };

  const cuda = warnings.match(/(?:failed call to cuInit: (?:INTERNAL: CUDA error: )?)+(.*)/i)?.[1]?.trim();
  if (cuda?.includes("(303)"))
    // Also where the driver's library is of another version than its kernel module.
    return {
      reason: "no GPU: NVIDIA's driver library libcuda.so.1 cannot be loaded",
      remedy: whoBrings("libcuda.so.1"),
    };
  if (cuda?.startsWith("CUDA_ERROR_NO_DEVICE"))
    return {
      reason: `no GPU: NVIDIA's driver says ${cuda}`,
      remedy: "look whether nvidia-smi shows the GPU, and whether CUDA_VISIBLE_DEVICES hides it",
    };
  if (cuda !== undefined)
    return {
      reason: `no GPU: NVIDIA's driver says ${cuda}`,
      remedy:
        "restart the machine, which loads the driver anew; if that does not help, install a current driver",
    };
  if (/CUDA driver version is insufficient for CUDA runtime version/.test(warnings))
    return { reason: "no GPU: NVIDIA's driver is too old for this TensorFlow", remedy: newerDriver };

  const [, name, capability, least] =
    warnings.match(
      /Ignoring visible gpu device \(.*?name: ([^,]+),.* with Cuda compute capability ([\d.]+)\. The minimum required Cuda capability is (\d+(?:\.\d+)?)/,
    ) ?? [];
  if (name !== undefined)
    return {
      reason: `no GPU: the ${name} has compute capability ${capability}, this TensorFlow wants ${least} or more`,
      remedy: "use --backend webgpu, which needs no CUDA",
    };
  // Newer versions do not say which.
  if (/Cannot dlopen some GPU libraries/.test(warnings))
    return {
      reason: "no GPU: some of NVIDIA's libraries are missing",
      remedy: "run kws backend install --cuda --force, which brings them",
    };
  return undefined;
}

const newerDriver = "install a current NVIDIA driver (nvidia-smi says which one there is)";

/** What TensorFlow could not load, or what that needs in its turn. TensorRT (libnvinfer) is not used. */
function missingLibrary(warnings: string): string | undefined {
  for (const [, library, cause] of warnings.matchAll(
    /Could not (?:load dynamic|dlopen) library '([^']+)'(?:; dlerror: ([\w.+-]+): cannot open)?/g,
  )) {
    if (!library!.startsWith("libnvinfer")) return cause ?? library;
  }
  return undefined;
}
