import { type Command, Option } from "commander";
import { usageError } from "../../../base/errors.js";
import { checkNpzName, checkWritable, command, outputFor } from "../../options.js";
import { type ImportFlags, runImport, withImportOptions } from "./import.js";

interface DownloadFlags extends ImportFlags {
  release: "1" | "2";
  out?: string;
  folder?: string;
  url?: string;
}

export function downloadCommand(): Command {
  return withImportOptions(
    command(
      "download",
      "download Speech Commands, check it, unpack it and convert it to an .npz",
      "kws data download --release 2",
      "kws data download --release 1 -o commands.npz --folder speech_commands --rate 16000",
    ),
  )
    .addOption(
      new Option("--release <n>", "1: 64,727 clips of 30 words, 1.5 GB; 2: 105,829 of 35, 2.4 GB")
        .choices(["1", "2"])
        .default("2"),
    )
    .option("-o, --out <file>", "the .npz to write (default: speech_commands_v0.0<n>.npz)")
    .option("--folder <folder>", "folder for the unpacked WAVs (default: speech_commands_v0.0<n>)")
    .option("--url <url>", "another address of the same archive")
    .action(async (flags: DownloadFlags) => {
      const output = outputFor(flags);
      const { fetchArchive, speechCommands } = await import(
        "../../../data/speech-commands/download/download.js"
      );
      const release = speechCommands[flags.release];
      const { folder = release.name, out = `${release.name}.npz`, url = release.url } = flags;
      if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
        throw usageError(`--url: expected an address that begins with http:// or https://, found ${url}`);
      checkNpzName(out);
      checkWritable("folder", folder);
      checkWritable("file", out);
      const fetched = await fetchArchive({ ...release, url }, folder, {
        onProgress: output.progress("downloading"),
        onChecking: output.progress("checking"),
        onUnpacking: output.progress("unpacking"),
      });
      output.log(
        fetched
          ? `Speech Commands is in ${folder} (Pete Warden, arXiv:1804.03209, CC BY 4.0)`
          : `${folder} exists already: nothing was downloaded`,
      );
      await runImport(folder, out, flags, output);
    });
}
