import { type ChildProcess, fork } from "node:child_process";
import { freemem } from "node:os";
import { fileURLToPath } from "node:url";
import { type BackendDetails, type BackendName, backendNames } from "../../backend/start.js";
import { type Explanation, explainNoGpu } from "../../backend/tensorflow/explain.js";
import type { TrialMessage } from "./trial.js";

/** What became of one backend when it was tried here. */
export interface Diagnosis extends Omit<BackendDetails, "withoutItsGpu"> {
  backend: BackendName;
  /** Whether it started, took a training step, and got the numbers that the cpu backend gets. */
  available: boolean;
  device: string | null;
  /** Why it is not available. */
  reason: string | null;
  /** The one thing to do about it. */
  remedy: string | null;
  /** What to know about one that is available. */
  note: string | null;
  /** Whether `--backend auto` takes it for training. */
  auto: boolean;
}

export interface DiagnoseOptions {
  /** Seconds that one backend may take. */
  timeLimit?: number;
  onProgress?: (backend: BackendName) => void;
}

/**
 * Tries every backend for real: starts it in a process of its own and takes a training step of a small model.
 * What it does to that process, a crash of the driver included, is a finding.
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

/** How the process ended in which a backend was tried. */
interface TrialEnd {
  messages: TrialMessage[];
  exitCode: number | null;
  signal: string | null;
  /** Set where it was ended for having taken too long. */
  timedOutAfter: number | undefined;
  stderr: string;
}

/** In milliseconds: a timer that is set for longer ends at once. */
const longestTimer = 2 ** 31 - 1;

function runTrial(backend: BackendName, timeLimit: number): Promise<TrialEnd> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL("./trial.js", import.meta.url)), [backend], {
      // TensorFlow's warnings say why it uses no GPU; nobody sees them here.
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "1" },
      execArgv: [],
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
    const leaveNoChild = () => child.kill("SIGKILL");
    process.once("exit", leaveNoChild);
    collect(child, end);
    child.once("error", (error) => {
      end.stderr += error.message;
    });
    child.once("close", (exitCode, signal) => {
      clearTimeout(timer);
      process.removeListener("exit", leaveNoChild);
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
    diagnosis.note = `software, not a GPU: works when asked for by name (--backend ${backend}), auto leaves it out`;
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

/** Undefined where all went well. */
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
    const said = tellingLine(end.stderr);
    const how = signal === null ? `ended with code ${exitCode}` : `crashed (${signal})`;
    const when = trained === undefined ? where : "as it ended, after a training step that went well";
    return { reason: `its process ${how} ${when}${said === "" ? "" : `: ${said}`}`, remedy };
  }
  const { losses, expected } = trained;
  if (losses.every((loss, i) => Math.abs(loss - expected[i]!) < 1e-3)) return undefined;
  return {
    reason: `it computes wrong numbers: losses of ${losses.join(" and ")}, where cpu gets ${expected.join(" and ")}`,
    remedy,
  };
}

/** Where the backend fails in a way that says nothing of its cause. */
const remedies: Record<BackendName, string> = {
  tensorflow: "run kws backend install --force, which builds a current one for this machine",
  webgpu: "install the newest driver of the GPU, or use --backend wasm",
  wasm: "use a current version of Node.js, or --backend cpu",
  cpu: "install Node.js and the package anew",
};

/** The line of a crashed program's stderr that says most. */
function tellingLine(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  const telling =
    lines.findLast((line) => /^F\d{4}|\bF tensorflow|FATAL|Check failed|Error\b/.test(line)) ??
    lines.at(-1) ??
    "";
  return telling.trim().slice(0, 300);
}
