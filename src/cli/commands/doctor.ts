import { cpus, freemem, totalmem } from "node:os";
import type { Command } from "commander";
import { packageVersion } from "../../base/version.js";
import type { Diagnosis } from "../../train/doctor/diagnose.js";
import { type CommonFlags, command, numberAbove, outputFor } from "../options.js";
import { type Output, paint, wrapped } from "../output.js";

export function doctorCommand(): Command {
  return command(
    "doctor",
    "try every backend for real, and say why one does not work and what to do",
    "kws doctor",
    "kws doctor --json",
  )
    .option("--time-limit <seconds>", "how long one backend may take", numberAbove("--time-limit", 0), 120)
    .action(async (flags: CommonFlags & { timeLimit: number }) => {
      const output = outputFor(flags);
      const { diagnoseBackends } = await import("../../train/doctor/diagnose.js");
      const found = await diagnoseBackends({
        timeLimit: flags.timeLimit,
        onProgress: (backend) => output.log(`trying ${backend} …`),
      });
      output.result(describe(found, output), found);
      if (!found.some(({ available }) => available)) process.exitCode = 1;
    });
}

function describe(found: readonly Diagnosis[], output: Output): string {
  const chosen = found.find(({ auto }) => auto);
  return [
    ...wrapped(machine(found.find(({ available }) => available)?.versions ?? {}), output.width),
    "",
    ...found.flatMap((diagnosis) => [...describeOne(diagnosis, output), ""]),
    ...(chosen === undefined
      ? wrapped("--backend auto finds none that works here.", output.width)
      : wrapped(`--backend auto takes ${chosen.backend} for training.`, output.width).map((line) =>
          line.replace(chosen.backend, (name) => paint("bold", name)),
        )),
  ].join("\n");
}

const onEveryBackend = ["Node.js", "TensorFlow.js"];

function machine(versions: Record<string, string>): string {
  const processors = cpus();
  return [
    `keyspot ${packageVersion}`,
    ...onEveryBackend.filter((what) => what in versions).map((what) => `${what} ${versions[what]}`),
    `${process.platform} ${process.arch}`,
    `${processors.length} × ${processors[0]?.model.trim() ?? "unknown processor"}`,
    `${gibibytes(freemem())} of ${gibibytes(totalmem())} memory free`,
  ].join(", ");
}

/** Names stand in a column of their own, so that whoever looks for one finds it. */
const indent = 14;

function describeOne(diagnosis: Diagnosis, { width }: Output): string[] {
  const { backend, available, reason, remedy, note } = diagnosis;
  const sign = available ? paint("green", "✓") : paint("red", "✗");
  const [first = "", ...others] = wrapped(available ? diagnosis.device! : reason!, width, indent, indent);
  const lines = [`${sign} ${paint("bold", backend)}${first.slice(backend.length + 2)}`, ...others];
  const more = available ? facts(diagnosis) : "";
  if (more !== "") lines.push(...wrapped(more, width, indent, indent).map((line) => paint("dim", line)));
  if (note !== null) lines.push(...wrapped(note, width, indent, indent));
  if (remedy !== null) {
    const [start = "", ...rest] = wrapped(remedy, width, indent + 2, indent + 2);
    lines.push(`${" ".repeat(indent)}→ ${start.trimStart()}`, ...rest);
  }
  return lines;
}

/** What the device's own line and the machine's do not say. */
function facts({ device, driver, versions, threads, memoryBytes }: Diagnosis): string {
  const all = Object.entries(versions)
    .filter(([what]) => !onEveryBackend.includes(what))
    .map(([what, version]) => `${what} ${version}`);
  if (driver !== null) all.push(driver);
  if (threads === null && memoryBytes !== null) all.push(`${gibibytes(memoryBytes)} memory`);
  return all.filter((fact) => !device?.includes(fact)).join(", ");
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
