/**
 * The program in which `diagnoseBackends` tries one backend, named by the first argument, in a process of its
 * own. It sends what it finds as messages to the process that started it.
 */
import type { BackendName } from "../../backend/names.js";
import {
  type BackendDetails,
  BackendUnavailable,
  describeBackend,
  startBackend,
} from "../../backend/start.js";
import { UserError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { buildModel } from "../../models/registry.js";
import { Trainer } from "../trainer.js";

export type TrialMessage =
  | { kind: "started"; device: string; details: BackendDetails }
  | { kind: "trained"; losses: number[]; expected: number[] }
  | { kind: "unavailable"; reason: string; remedy: string }
  | { kind: "failed"; reason: string };

/**
 * The batch that is tried: the shortest clips that four max-pools allow. The model has the fewest channels.
 */
const [labelCount, clipLength, batchSize] = [4, 64, 4];

async function tryBackend(name: BackendName): Promise<void> {
  await startBackend("cpu", "training");
  const expected = await trainTwoSteps();
  const backend = await startBackend(name, "training");
  send({ kind: "started", device: backend.device, details: await describeBackend(backend) });
  send({ kind: "trained", losses: await trainTwoSteps(), expected });
}

/**
 * The losses of two training steps of a small model: the first is of the forward pass alone, the second of
 * all of it.
 */
async function trainTwoSteps(): Promise<number[]> {
  const model = buildModel("conv1d", { labelCount, clipLength, sampleRate: 8000, width: 0.01, seed: 1 });
  const trainer = new Trainer({ model, learningRate: () => 1e-3 });
  const random = new Random(1, "trial");
  const waves = Float32Array.from({ length: batchSize * clipLength }, () => random.normal());
  const batch = { waves, labels: Int32Array.of(0, 1, 2, 3), size: batchSize };
  const losses: number[] = [];
  for (let step = 0; step < 2; step++) {
    const results = trainer.step(batch);
    losses.push((await results.data())[0]!);
    results.dispose();
  }
  trainer.dispose();
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
// A backend's threads must not keep the process alive.
process.disconnect?.();
process.exit();
