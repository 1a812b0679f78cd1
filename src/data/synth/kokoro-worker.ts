/** A thread in which Kokoro speaks: its model blocks the thread that runs it. Answers each task, in order. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

export interface KokoroTask {
  readonly number: number;
  /** The signs of the text. */
  readonly signs: readonly number[];
  /** `[styleSize]` */
  readonly style: Float32Array;
  readonly speed: number;
}
/** Samples at 24 kHz, or what went wrong: `mendable` by the user. */
export type KokoroAnswer = { readonly number: number } & (
  | { readonly samples: Float32Array }
  | { readonly error: string; readonly mendable: boolean }
);

/** What is used of ONNX Runtime's interface. */
interface Runtime {
  InferenceSession: { create(path: string, options: { intraOpNumThreads: number }): Promise<Session> };
  Tensor: new (type: string, data: BigInt64Array | Float32Array, shape: readonly number[]) => OnnxTensor;
}
interface OnnxTensor {
  readonly data: Float32Array;
}
interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(inputs: Record<string, OnnxTensor>): Promise<Record<string, OnnxTensor>>;
}

/** What a user can mend. */
class Mendable extends Error {}

const { model } = workerData as { model: string };
let begun: Promise<{ runtime: Runtime; session: Session }> | undefined;

let before: Promise<unknown> = Promise.resolve();
parentPort!.on("message", (task: KokoroTask) => {
  before = before.then(() => answer(task));
});

async function answer(task: KokoroTask): Promise<void> {
  const { number } = task;
  try {
    const samples = await speak(task);
    parentPort!.postMessage({ number, samples } satisfies KokoroAnswer, [samples.buffer]);
  } catch (error) {
    const { message, stack } = error as Error;
    const mendable = error instanceof Mendable;
    parentPort!.postMessage({
      number,
      error: mendable ? message : (stack ?? message),
      mendable,
    } satisfies KokoroAnswer);
  }
}

async function speak({ signs, style, speed }: KokoroTask): Promise<Float32Array<ArrayBuffer>> {
  begun ??= begin();
  const { runtime, session } = await begun;
  const { Tensor } = runtime;
  // Exports differ in what they call the text: tokens, input_ids.
  const [text = "tokens"] = session.inputNames.filter((name) => name !== "style" && name !== "speed");
  const answers = await session.run({
    [text]: new Tensor("int64", BigInt64Array.from([0, ...signs, 0].map(BigInt)), [1, signs.length + 2]),
    style: new Tensor("float32", style, [1, style.length]),
    speed: new Tensor("float32", Float32Array.of(speed), [1]),
  });
  return Float32Array.from(answers[session.outputNames[0]!]!.data);
}

async function begin(): Promise<{ runtime: Runtime; session: Session }> {
  const runtime = await onnxRuntime();
  try {
    // A word is too little work to share: two threads took as long as one.
    return { runtime, session: await runtime.InferenceSession.create(model, { intraOpNumThreads: 1 }) };
  } catch (error) {
    throw new Mendable(`${model}: ONNX Runtime cannot read it: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** onnxruntime-node, which its user installs, 288 MB as it is: from here, or from where the command is run. */
async function onnxRuntime(): Promise<Runtime> {
  const name = "onnxruntime-node";
  for (const place of [import.meta.url, join(process.cwd(), "package.json")]) {
    let path: string;
    try {
      path = createRequire(place).resolve(name);
    } catch {
      continue; // not installed there
    }
    try {
      const module = (await import(pathToFileURL(path).href)) as { default?: Runtime } & Runtime;
      return module.default ?? module;
    } catch (error) {
      throw new Mendable(`${path} cannot be loaded: ${(error as Error).message}`);
    }
  }
  throw new Mendable(
    `Kokoro speaks by ${name}, which is not installed: npm install ${name} ` +
      "(behind a firewall with ONNXRUNTIME_NODE_INSTALL=skip in the environment)",
  );
}
