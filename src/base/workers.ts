import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Starts a worker thread. Its program is named as it is once it is compiled (`./x-worker.js`); where the sources
 * themselves are run, as tests do, it is compiled on the way by tsx, which Node's flags do not bring into a worker.
 */
export function startWorker(program: URL, options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith(".ts")) return new Worker(program, options);
  const source = JSON.stringify(program.href.replace(/\.js$/, ".ts"));
  const start = `import("tsx/esm/api").then(({ register }) => { register(); return import(${source}); })`;
  return new Worker(start, { ...options, eval: true });
}
