#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { UserError } from "../base/errors.js";
import { packageVersion } from "../base/version.js";
import { backendCommand } from "./commands/backend.js";
import { compareCommand } from "./commands/compare.js";
import { dataCommand } from "./commands/data/command.js";
import { doctorCommand } from "./commands/doctor.js";
import { evaluateCommand } from "./commands/evaluate.js";
import { modelsCommand } from "./commands/models.js";
import { predictCommand } from "./commands/predict.js";
import { signalCommand } from "./commands/signal.js";
import { spectrogramCommand } from "./commands/spectrogram/command.js";
import { trainCommand } from "./commands/train.js";
import { addExamples, fitHelp } from "./help.js";
import { prepareFlags } from "./options.js";
import { paint } from "./output.js";

const exitUsage = 2;
const exitInterrupted = 130;

const program = new Command("kws")
  .description(
    "Train, evaluate and compare speech-command classifiers, on raw waveforms and on spectrograms.",
  )
  .version(packageVersion, "-V, --version", "print the version of the package");
addExamples(program, [
  "kws train --data sample --model spectrogram --width 0.25 --learning-rate 1e-3 --epochs 3",
]);
for (const create of [
  trainCommand,
  evaluateCommand,
  predictCommand,
  compareCommand,
  modelsCommand,
  doctorCommand,
  dataCommand,
  signalCommand,
  spectrogramCommand,
  backendCommand,
]) {
  program.addCommand(create());
}
program.hook("preAction", (_program, command) => prepareFlags(command));
for (const each of [program, ...program.commands.flatMap((found) => [found, ...found.commands])]) {
  each.exitOverride().configureOutput({ outputError: () => undefined }); // printed below, like every other error
  fitHelp(each);
}

// Whoever reads the output may stop reading (`kws … | head`): that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  printError(`cannot write to stdout: ${error.message}`, error);
  process.exit(1);
});
process.stderr.on("error", () => {}); // progress that nobody reads is no reason to stop a training

// Ctrl-C ends the command between two pieces of work, so that no file is left half-written; a command that has a state
// to save listens itself.
process.on("SIGINT", () => {
  if (process.listenerCount("SIGINT") === 1) process.exit(exitInterrupted);
});
// What a service or a cluster asks a program to end with counts as Ctrl-C. SIGHUP is left alone: nohup ignores it.
process.on("SIGTERM", () => process.kill(process.pid, "SIGINT"));

// Already here, for errors in the flags themselves.
if (process.argv.includes("--no-color")) process.env.NO_COLOR = "1";

try {
  await program.parseAsync();
  // A backend's threads must not keep the process alive once the work is done.
  await flush();
  process.exit(process.exitCode ?? 0);
} catch (error) {
  process.exitCode = exitCodeFor(error);
  await flush();
  process.exit();
}

function exitCodeFor(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // --help, --version
    if (error.code === "commander.help") return exitUsage; // no command given: the help was printed
    printError(error.message.replace(/^error: /, ""), error);
    return exitUsage;
  }
  if (error instanceof Error && ["TrainingInterrupted", "StoreInterrupted"].includes(error.name)) {
    process.stderr.write(`${error.message}\n`);
    return exitInterrupted;
  }
  if (error instanceof UserError) {
    printError(error.message, error);
    return error.exitCode;
  }
  printError(`${error instanceof Error ? error.message : String(error)} (--debug shows where)`, error);
  return 1;
}

function printError(message: string, error: unknown): void {
  const line = message.replace(/\s*\n\s*/g, " ").trim();
  process.stderr.write(`${paint("red", "error:", process.stderr)} ${line}\n`);
  if (process.argv.includes("--debug") && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
    if (error.cause instanceof Error) process.stderr.write(`caused by ${error.cause.stack}\n`);
  }
}

function flush(): Promise<unknown> {
  return Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write("", resolve))),
  );
}
