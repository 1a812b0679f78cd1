import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Worker } from "node:worker_threads";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";

/*
 * TensorFlow.js ships a WebAssembly module whose XNNPACK works in threads, and leaves it to browsers: it hands its workers
 * their code as blobs, which Node.js does not run. Here they get it as a data URL and a file. XNNPACK divides outputs
 * among threads, never a sum, so results are the same to the last bit for any number of them.
 */

/** The module starts this many workers, and it cannot start one later: the thread that it would need is waiting. */
export const mostThreads = 8;

type Module = BackendWasm["wasm"] & {
  cwrap(name: string, returns: "number" | null, parameters: "number"[]): never;
  PThread: { runningWorkers: Worker[]; unusedWorkers: Worker[] };
};

interface ModuleSettings {
  /** What a worker evaluates: the path of the script that made the module. */
  mainScriptUrlOrBlob: string;
  locateFile(name: string): string | URL;
  instantiateWasm(
    imports: { env: { emscripten_num_logical_cores(): number } },
    receive: (instance: object, compiled: object) => void,
  ): object;
}

/**
 * The TensorFlow.js backend on `threads` threads, the calling one among them. Its workers do not keep the process alive.
 *
 * @param threads 2 to `mostThreads`
 */
export async function threadedBackend(threads: number): Promise<BackendWasm> {
  const require = createRequire(import.meta.url);
  const path = require.resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js");
  const createModule = require(path) as (settings: ModuleSettings) => Promise<Module>;
  const compiled = await WebAssembly.compile(await readFile(path.replace(/\.js$/, ".wasm")));
  const workerUrl = workerCode(path, require(path.replace(/\.js$/, ".worker.js")).wasmWorkerContents);

  const hadWorker = "Worker" in globalThis;
  const module = await new Promise<Module>((resolve, reject) => {
    createModule({
      mainScriptUrlOrBlob: path,
      locateFile: (name) => (name.endsWith(".worker.js") ? workerUrl : join(dirname(path), name)),
      instantiateWasm: (imports, receive) => {
        // It would take at most half of the processor's cores.
        imports.env.emscripten_num_logical_cores = () => 2 * threads;
        WebAssembly.instantiate(compiled, imports).then((instance) => receive(instance, compiled), reject);
        return {};
      },
    }).then(resolve, reject);
    // Its start-up code sets this, by which other libraries tell browsers.
    if (!hadWorker) delete (globalThis as { Worker?: unknown }).Worker;
  });
  module.tfjs = {
    init: module.cwrap("init", null, []),
    initWithThreadsCount: module.cwrap("init_with_threads_count", null, ["number"]),
    getThreadsCount: module.cwrap("get_threads_count", "number", []),
    registerTensor: module.cwrap("register_tensor", null, ["number", "number", "number"]),
    disposeData: module.cwrap("dispose_data", null, ["number"]),
    dispose: module.cwrap("dispose", null, []),
  };

  const { BackendWasm, setThreadsCount } = await import("@tensorflow/tfjs-backend-wasm");
  setThreadsCount(threads);
  const backend = new BackendWasm(module);
  const { PThread } = module;
  for (const worker of PThread.runningWorkers) worker.unref();
  for (const worker of PThread.unusedWorkers.splice(0)) void worker.terminate();
  return backend;
}

/** The package's worker script, which is written for CommonJS, as a module that needs no file. */
function workerCode(path: string, script: string): URL {
  const file = JSON.stringify(path);
  const prelude =
    'import { createRequire } from "node:module";' +
    `const require = createRequire(${file}); const __filename = ${file};`;
  // The package holds the script in a template in which "\n" has become a line break within a string.
  return new URL(`data:text/javascript,${encodeURIComponent(prelude + script.replaceAll("\n", "\\n"))}`);
}

// Neither TypeScript's es2023 nor Node's types have it.
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(compiled: object, imports: object): Promise<object>;
};
