/** A process in which Kokoro speaks, named its model: answers each task, in order, until it is left alone. */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

export interface KokoroTask {
  /** The numbers of the text's signs. */
  readonly signs: readonly number[];
  /** `[styleSize]` */
  readonly style: Float32Array;
  readonly speed: number;
}
/** Samples at 24 kHz, or what went wrong: `mendable` by the user. */
export type KokoroAnswer =
  | { readonly samples: Float32Array }
  | { readonly error: string; readonly mendable: boolean };

/** What is used of ONNX Runtime's interface. */
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

/** What a user can mend. */
class Mendable extends Error {}

const model = process.argv[2]!;
let begun: Promise<{ runtime: Runtime; session: Session }> | undefined;

process.on("SIGINT", () => {}); // a terminal's Ctrl-C comes here too, and is for the other process to judge
process.on("disconnect", () => process.exit());
let before: Promise<unknown> = Promise.resolve();
process.on("message", (task: KokoroTask) => {
  before = before.then(() => answer(task));
});

async function answer(task: KokoroTask): Promise<void> {
  try {
    process.send!({ samples: await speak(task) } satisfies KokoroAnswer);
  } catch (error) {
    const mendable = error instanceof Mendable;
    process.send!({ error: firstLine(error), mendable } satisfies KokoroAnswer);
  }
}

async function speak({ signs, style, speed }: KokoroTask): Promise<Float32Array> {
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
  const runtime = onnxRuntime();
  try {
    // A word is too little work to share: two threads took as long as one. 4: errors come as errors, not on stderr too.
    const options = { intraOpNumThreads: 1, logSeverityLevel: 4 };
    return { runtime, session: await runtime.InferenceSession.create(model, options) };
  } catch (error) {
    throw new Mendable(`${model}: ONNX Runtime cannot read it: ${firstLine(error)}`);
  }
}

/** onnxruntime-node, which its user installs, 288 MB as it is: with keyspot, where the command is run, or beside the model. */
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
      throw new Mendable(`${name} cannot be loaded: ${firstLine(error)}`);
    }
  }
  throw new Mendable(
    `Kokoro speaks by ${name}, which is not installed: npm install ${name} ` +
      "(behind a firewall with ONNXRUNTIME_NODE_INSTALL=skip in the environment)",
  );
}

function firstLine(error: unknown): string {
  return (error as Error).message.split("\n")[0]!;
}
