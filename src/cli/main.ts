#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { UserError } from "../base/errors.js";
import { packageVersion } from "../base/version.js";
import { addExamples, fitHelp } from "./help.js";

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
// The module of the command that was typed; of all of them only where their names or descriptions are needed.
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  train: async () => (await import("./commands/train.js")).trainCommand(),
  evaluate: async () => (await import("./commands/evaluate.js")).evaluateCommand(),
  predict: async () => (await import("./commands/predict.js")).predictCommand(),
  compare: async () => (await import("./commands/compare.js")).compareCommand(),
  models: async () => (await import("./commands/models.js")).modelsCommand(),
  doctor: async () => (await import("./commands/doctor.js")).doctorCommand(),
  data: async () => (await import("./commands/data/command.js")).dataCommand(),
  signal: async () => (await import("./commands/signal.js")).signalCommand(),
  spectrogram: async () => (await import("./commands/spectrogram/command.js")).spectrogramCommand(),
  backend: async () => (await import("./commands/backend.js")).backendCommand(),
};
const [typed = ""] = process.argv.slice(2);
const wanted = Object.hasOwn(commands, typed)
  ? [typed]
  : ["-V", "--version"].includes(typed)
    ? []
    : Object.keys(commands);
for (const name of wanted) program.addCommand(await commands[name]!());
program.hook("preAction", async (_program, command) => (await import("./options.js")).prepareFlags(command));
for (const each of [program, ...program.commands.flatMap((found) => [found, ...found.commands])]) {
  each.exitOverride().configureOutput({ outputError: () => undefined }); // printed below, like every other error
  fitHelp(each);
}

// A reader may stop reading (`kws … | head`), which is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  void printError(`cannot write to stdout: ${error.message}`, error).finally(() => process.exit(1));
});
process.stderr.on("error", () => {}); // unread progress does not stop a training

// Ctrl-C ends the command between two pieces of work, so that no file is left half-written. A command with a state to
// save installs its own handler.
process.on("SIGINT", () => {
  if (process.listenerCount("SIGINT") === 1) process.exit(exitInterrupted);
});
// SIGTERM, which services and clusters send, counts as Ctrl-C. SIGHUP keeps its meaning, since nohup ignores it.
process.on("SIGTERM", () => process.kill(process.pid, "SIGINT"));

// Set before parsing, so that it holds for errors in the flags too.
if (process.argv.includes("--no-color")) process.env.NO_COLOR = "1";

try {
  await program.parseAsync();
  // A backend's threads must not keep the process alive after the work.
  await flush();
  process.exit(process.exitCode ?? 0);
} catch (error) {
  process.exitCode = await reportError(error);
  await flush();
  process.exit();
}

/** Prints an error in one line and returns the exit code that it calls for. */
async function reportError(error: unknown): Promise<number> {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // --help, --version
    if (error.code === "commander.help") return exitUsage; // no command was typed, and the help was printed
    await printError(error.message.replace(/^error: /, ""), error);
    return exitUsage;
  }
  if (error instanceof Error && ["TrainingInterrupted", "StoreInterrupted"].includes(error.name)) {
    process.stderr.write(`${error.message}\n`);
    return exitInterrupted;
  }
  if (error instanceof UserError) {
    await printError(error.message, error);
    return error.exitCode;
  }
  await printError(`${error instanceof Error ? error.message : String(error)} (--debug shows where)`, error);
  return 1;
}

async function printError(message: string, error: unknown): Promise<void> {
  const { paint } = await import("./output.js");
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
