/**
 * The program of a process of its own, in which `diagnoseBackends` tries one backend, named by the first argument. It
 * sends what it finds as messages to the process that started it.
 */
import * as tf from "@tensorflow/tfjs";
import {
  type BackendDetails,
  type BackendName,
  BackendUnavailable,
  describeBackend,
  startBackend,
} from "../../backend/start.js";
import { UserError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { buildModel } from "../../models/registry.js";
import { Adam, modelVariables } from "../optimizers/adam.js";

export type TrialMessage =
  | { kind: "started"; device: string; details: BackendDetails }
  | { kind: "trained"; losses: number[]; expected: number[] }
  | { kind: "unavailable"; reason: string; remedy: string }
  | { kind: "failed"; reason: string };

/** Of the model that is tried: the shortest clips that four max-pools allow, with the fewest channels. */
const [labelCount, clipLength, batchSize] = [4, 64, 4];

async function tryBackend(name: BackendName): Promise<void> {
  await startBackend("cpu", "training");
  const expected = await trainOneStep();
  const backend = await startBackend(name, "training");
  send({ kind: "started", device: backend.device, details: await describeBackend(backend) });
  send({ kind: "trained", losses: await trainOneStep(), expected });
}

/** The loss of a small model before a training step and after it: the first is of the forward pass, the second of all. */
async function trainOneStep(): Promise<number[]> {
  const options = { labelCount, clipLength, sampleRate: 8000, width: 0.01, seed: 1 };
  const model = buildModel("conv1d", options);
  const variables = modelVariables(model, "trainable");
  const optimizer = new Adam(variables);
  const random = new Random(1, "trial");
  const samples = Float32Array.from({ length: batchSize * clipLength }, () => random.normal());
  const waves = tf.tensor2d(samples, [batchSize, clipLength]);
  const targets = tf.tidy(() => tf.oneHot(tf.range(0, batchSize, 1, "int32"), labelCount).toFloat());
  const loss = () =>
    tf.losses.softmaxCrossEntropy(targets, model.apply(waves, { training: true }) as tf.Tensor) as tf.Scalar;
  const before = tf.tidy(() => {
    const { value, grads } = tf.variableGrads(
      loss,
      variables.map(({ variable }) => variable),
    );
    optimizer.next(1e-3);
    optimizer.update(grads);
    return value;
  });
  const after = tf.tidy(loss);
  const losses = [(await before.data())[0]!, (await after.data())[0]!];
  tf.dispose([before, after, waves, targets]);
  optimizer.dispose();
  model.dispose();
  return losses;
}

function send(message: TrialMessage): void {
  process.send?.(message);
}

try {
  await tryBackend(process.argv[2] as BackendName);
} catch (error) {
  if (error instanceof BackendUnavailable) {
    send({ kind: "unavailable", reason: error.reason, remedy: error.remedy });
  } else {
    if (!(error instanceof UserError)) console.error(error);
    send({ kind: "failed", reason: (error as Error).message.split("\n")[0]! });
  }
}
// As the command ends: a backend's threads must not keep the process alive.
process.disconnect?.();
process.exit();
