/** The process in which Kokoro speaks, with the model's path as its argument. It answers tasks in order until disconnected. */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

export interface KokoroTask {
  /** Token ids of the text. */
  readonly tokens: readonly number[];
  /** `[styleSize]` */
  readonly style: Float32Array;
  readonly speed: number;
}
/** Samples at 24 kHz, or an error; `byUser` if the user can correct it. */
export type KokoroAnswer =
  | { readonly samples: Float32Array }
  | { readonly error: string; readonly byUser: boolean };

/** The part of ONNX Runtime's interface that is used. */
interface Runtime {
  InferenceSession: {
    create(path: string, options: { intraOpNumThreads: number; logSeverityLevel: number }): Promise<Session>;
  };
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

/** An error that the user can correct. */
class KokoroError extends Error {}

const model = process.argv[2]!;
let begun: Promise<{ runtime: Runtime; session: Session }> | undefined;

process.on("SIGINT", () => {}); // a terminal sends Ctrl-C here too; the parent process decides what to do
process.on("disconnect", () => process.exit());
let before: Promise<unknown> = Promise.resolve();
process.on("message", (task: KokoroTask) => {
  before = before.then(() => answer(task));
});

async function answer(task: KokoroTask): Promise<void> {
  try {
    process.send!({ samples: await speak(task) } satisfies KokoroAnswer);
  } catch (error) {
    const byUser = error instanceof KokoroError;
    process.send!({ error: firstLine(error), byUser } satisfies KokoroAnswer);
  }
}

async function speak({ tokens, style, speed }: KokoroTask): Promise<Float32Array> {
  begun ??= begin();
  const { runtime, session } = await begun;
  const { Tensor } = runtime;
  // The input of the text has different names in different exports: tokens, input_ids.
  const [text = "tokens"] = session.inputNames.filter((name) => name !== "style" && name !== "speed");
  const answers = await session.run({
    [text]: new Tensor("int64", BigInt64Array.from([0, ...tokens, 0].map(BigInt)), [1, tokens.length + 2]),
    style: new Tensor("float32", style, [1, style.length]),
    speed: new Tensor("float32", Float32Array.of(speed), [1]),
  });
  return Float32Array.from(answers[session.outputNames[0]!]!.data);
}

async function begin(): Promise<{ runtime: Runtime; session: Session }> {
  const runtime = onnxRuntime();
  try {
    // A word is too little work for two threads, which took as long as one. Severity 4: errors are not printed to stderr.
    const options = { intraOpNumThreads: 1, logSeverityLevel: 4 };
    return { runtime, session: await runtime.InferenceSession.create(model, options) };
  } catch (error) {
    throw new KokoroError(`${model}: ONNX Runtime cannot read it: ${firstLine(error)}`);
  }
}

/** Loads onnxruntime-node (288 MB, optional), installed with keyspot, where the command runs, or beside the model. */
function onnxRuntime(): Runtime {
  const name = "onnxruntime-node";
  for (const place of [import.meta.url, join(process.cwd(), "package.json"), resolve(model)]) {
    const require = createRequire(place);
    try {
      require.resolve(name);
    } catch {
      continue; // not installed there
    }
    try {
      return require(name) as Runtime;
    } catch (error) {
      throw new KokoroError(`${name} cannot be loaded: ${firstLine(error)}`);
    }
  }
  throw new KokoroError(
    `Kokoro needs ${name}, which is not installed: npm install ${name} ` +
      "(behind a firewall with ONNXRUNTIME_NODE_INSTALL=skip in the environment)",
  );
}

function firstLine(error: unknown): string {
  return (error as Error).message.split("\n")[0]!;
}
