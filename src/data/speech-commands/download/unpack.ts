import { createReadStream, renameSync, rmSync, statSync } from "node:fs";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar";
import { describeSystemError, UserError } from "../../../base/errors.js";
import { makeFolder } from "../../../base/files.js";

const allowed = ["File", "OldFile", "ContiguousFile", "Directory"];

/**
 * Unpacks a `.tar.gz` into a folder, which gets its name once all is unpacked.
 *
 * @param onProgress called with the bytes of the archive that are unpacked and their total
 * @throws UserError for a damaged archive, and for one with links or with paths that lead out of the folder
 */
export async function unpackArchive(
  archive: string,
  folder: string,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const temporary = `${folder}.unpacking`;
  const discard = () => rmSync(temporary, { recursive: true, force: true });
  process.once("exit", discard);
  try {
    discard();
    makeFolder(temporary);
    const { size } = statSync(archive);
    let done = 0;
    const meter = new PassThrough().on("data", (chunk: Buffer) => {
      done += chunk.length;
      onProgress?.(done, size);
    });
    let refused: string | undefined;
    const unpacking = extract({
      cwd: temporary,
      strict: true, // a path that leads out of the folder is an error
      preserveOwner: false,
      filter: (path, entry) => {
        if ("type" in entry && !allowed.includes(entry.type)) refused ??= `${path} is a ${entry.type}`;
        return refused === undefined;
      },
    });
    await pipeline(createReadStream(archive), meter, unpacking);
    if (refused !== undefined) throw new Error(`${refused}, expected only files and folders`);
    renameSync(temporary, folder);
  } catch (error) {
    discard();
    const described = describeSystemError(error, "unpack", archive);
    if (described instanceof UserError) throw described;
    throw new UserError(`cannot unpack ${archive}: ${(error as Error).message}`, { cause: error });
  } finally {
    process.off("exit", discard);
  }
}
