import type { ChildProcess } from "node:child_process";
import { freemem } from "node:os";
import { type BackendName, backendNames } from "../../backend/names.js";
import type { BackendDetails } from "../../backend/start.js";
import { type Explanation, explainNoGpu } from "../../backend/tensorflow/explain.js";
import { startProcess } from "../../base/workers.js";
import type { TrialMessage } from "./trial.js";

/** The result of trying one backend on this machine. */
export interface Diagnosis extends Omit<BackendDetails, "withoutItsGpu"> {
  backend: BackendName;
  /** Whether it started, trained, and computed the same losses as the cpu backend. */
  available: boolean;
  device: string | null;
  /** Why it is not available. */
  reason: string | null;
  /** The one thing to do about it. */
  remedy: string | null;
  /** A remark on an available backend. */
  note: string | null;
  /** Whether `--backend auto` chooses it for training. */
  auto: boolean;
}

export interface DiagnoseOptions {
  /** Seconds allowed for each backend; 120 by default. */
  timeLimit?: number;
  onProgress?: (backend: BackendName) => void;
}

/**
 * Tries every backend: starts it in a process of its own and trains a small model for two steps. Whatever
 * that does to the process, a crash of the driver included, is reported as a finding.
 */
export async function diagnoseBackends(options: DiagnoseOptions = {}): Promise<Diagnosis[]> {
  const { timeLimit = 120, onProgress = () => {} } = options;
  const found: Diagnosis[] = [];
  for (const backend of backendNames) {
    onProgress(backend);
    found.push(judge(backend, await runTrial(backend, timeLimit)));
  }
  const chosen = found.find(({ available, software }) => available && !software);
  return found.map((diagnosis) => ({ ...diagnosis, auto: diagnosis === chosen }));
}

/** How the process that tried a backend ended. */
interface TrialEnd {
  messages: TrialMessage[];
  exitCode: number | null;
  signal: string | null;
  /** The time limit in seconds, where the process was killed for exceeding it. */
  timedOutAfter: number | undefined;
  stderr: string;
}

/** Milliseconds. A timer set for longer fires at once. */
const longestTimer = 2 ** 31 - 1;

function runTrial(backend: BackendName, timeLimit: number): Promise<TrialEnd> {
  return new Promise((resolve) => {
    const child = startProcess(new URL("./trial.js", import.meta.url), [backend], {
      // TensorFlow's warnings say why it uses no GPU; they go to the captured stderr.
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "1" },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const end: TrialEnd = {
      ...{ messages: [], exitCode: null, signal: null, timedOutAfter: undefined, stderr: "" },
    };
    const timer = setTimeout(
      () => {
        end.timedOutAfter = timeLimit;
        child.kill("SIGKILL");
      },
      Math.min(timeLimit * 1000, longestTimer),
    );
    collect(child, end);
    child.once("error", (error) => {
      end.stderr += error.message;
    });
    child.once("close", (exitCode, signal) => {
      clearTimeout(timer);
      resolve({ ...end, exitCode, signal });
    });
  });
}

function collect(child: ChildProcess, end: TrialEnd): void {
  child.on("message", (message) => end.messages.push(message as TrialMessage));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    end.stderr += text;
  });
}

function judge(backend: BackendName, end: TrialEnd): Diagnosis {
  const message = <Kind extends TrialMessage["kind"]>(kind: Kind) =>
    end.messages.find((each): each is Extract<TrialMessage, { kind: Kind }> => each.kind === kind);
  const started = message("started");
  const { withoutItsGpu = false, ...details } = started?.details ?? noDetails;
  const diagnosis: Diagnosis = {
    ...{ backend, available: true, device: started?.device ?? null, reason: null, remedy: null, note: null },
    ...details,
    auto: false,
  };
  const unavailable = message("unavailable") ?? explainEnd(backend, end, started !== undefined);
  if (unavailable !== undefined) {
    const { reason, remedy } = unavailable;
    return { ...diagnosis, available: false, reason, remedy };
  }
  if (details.software)
    diagnosis.note = `software, not a GPU: works when asked for by name (--backend ${backend}); auto skips it`;
  if (withoutItsGpu) {
    const why = explainNoGpu(end.stderr);
    diagnosis.note =
      why === undefined
        ? "built for CUDA, but finds no GPU"
        : `built for CUDA, but ${why.reason}; ${why.remedy}`;
  }
  return diagnosis;
}

const noDetails: BackendDetails = {
  ...{ driver: null, versions: {}, threads: null, memoryBytes: null, software: false, withoutItsGpu: false },
};

/** Why the trial failed; undefined where it succeeded. */
function explainEnd(backend: BackendName, end: TrialEnd, started: boolean): Explanation | undefined {
  const { signal, timedOutAfter, exitCode, messages } = end;
  const where = started ? "in a training step" : "while it was starting";
  const trained = messages.find((message) => message.kind === "trained");
  const failed = messages.find((message) => message.kind === "failed");
  const remedy = remedies[backend];
  if (timedOutAfter !== undefined)
    return {
      reason: `it was still busy ${where} after ${timedOutAfter} s`,
      remedy: "try again with more time, --time-limit <seconds>, on a machine with nothing else to do",
    };
  if (signal === "SIGKILL") {
    const free = `${(freemem() / 2 ** 30).toFixed(1)} GiB are free now`;
    return {
      reason: `its process was killed ${where} (SIGKILL), which the system does where memory runs out`,
      remedy: `free some memory (${free}) and try again`,
    };
  }
  if (signal === "SIGILL")
    return {
      reason: `it uses instructions that this processor lacks (SIGILL)`,
      remedy: backend === "tensorflow" ? "use --backend wasm: TensorFlow needs AVX" : remedy,
    };
  if (failed !== undefined) return { reason: `it failed ${where}: ${failed.reason}`, remedy };
  if (signal !== null || exitCode !== 0 || trained === undefined) {
    const said = errorLine(end.stderr);
    const how = signal === null ? `ended with code ${exitCode}` : `crashed (${signal})`;
    const when = trained === undefined ? where : "on exit, after a training step that succeeded";
    return { reason: `its process ${how} ${when}${said === "" ? "" : `: ${said}`}`, remedy };
  }
  const { losses, expected } = trained;
  if (losses.every((loss, i) => Math.abs(loss - expected[i]!) < 1e-3)) return undefined;
  return {
    reason: `it computes wrong numbers: losses of ${losses.join(" and ")}, expected ${expected.join(" and ")} as on cpu`,
    remedy,
  };
}

/** What to do about a failure whose cause is unknown. */
const remedies: Record<BackendName, string> = {
  tensorflow: "run kws backend install --force, which builds a current one for this machine",
  webgpu: "install the newest driver of the GPU, or use --backend wasm",
  wasm: "use a current version of Node.js, or --backend cpu",
  cpu: "install Node.js and the package anew",
};

/** The most informative line of a crashed program's stderr. */
function errorLine(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  const found =
    lines.findLast((line) => /^F\d{4}|\bF tensorflow|FATAL|Check failed|Error\b/.test(line)) ??
    lines.at(-1) ??
    "";
  return found.trim().slice(0, 300);
}
