import { Command } from "commander";
import { type CommonFlags, command, outputFor } from "../options.js";

export function backendCommand(): Command {
  return new Command("backend")
    .description("get a backend that is not part of the package")
    .addCommand(installCommand());
}

interface InstallFlags extends CommonFlags {
  wheel?: string;
  cuda?: boolean;
  force?: boolean;
}

function installCommand(): Command {
  return command(
    "install",
    "build a current native TensorFlow for this user, from TensorFlow's Python wheel",
    "kws backend install",
    "kws backend install --wheel tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl",
  )
    .option("--wheel <file>", "the wheel to use (default: the newest known to work, through pip)")
    .option("--cuda", "TensorFlow for NVIDIA GPUs, with NVIDIA's libraries (Linux)")
    .option("--force", "build anew what is there and whole")
    .action(async (flags: InstallFlags) => {
      const output = outputFor(flags);
      const { installTensorflow } = await import("../../backend/tensorflow/install/install.js");
      const stop = new AbortController();
      process.once("SIGINT", () => stop.abort());
      try {
        const { wheel, cuda, force } = flags;
        const onProgress = (step: string) => output.log(`${step} …`);
        const { folder, manifest, isNew } = await installTensorflow({
          ...{ wheel, cuda, force, onProgress },
          signal: stop.signal,
        });
        const { package: name, version } = manifest.tensorflow;
        output.result(`${name} ${version} ${isNew ? "is now" : "is already"} in ${folder}`, {
          ...{ folder, package: name, version, cuda: manifest.cuda, isNew },
        });
      } catch (error) {
        if (!stop.signal.aborted) throw error;
        output.log("stopped, nothing was changed");
        process.exitCode = 130;
      }
    });
}
