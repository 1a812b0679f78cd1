import { existsSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../../../base/errors.js";
import { type DownloadHooks, downloadFile, type RemoteFile, wrongChecksum } from "./file.js";
import { unpackArchive } from "./unpack.js";

/** The official archives of Speech Commands (Warden, arXiv:1804.03209), CC BY 4.0. */
export const speechCommands: Readonly<Record<"1" | "2", RemoteFile & { readonly name: string }>> = {
  1: {
    name: "speech_commands_v0.01",
    url: "http://download.tensorflow.org/data/speech_commands_v0.01.tar.gz",
    bytes: 1_489_096_277,
    sha256: "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
  },
  2: {
    name: "speech_commands_v0.02",
    url: "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
    bytes: 2_428_923_189,
    sha256: "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
  },
};

export interface FetchHooks extends DownloadHooks {
  /** Called with the bytes of the archive that are unpacked and their total. */
  readonly onUnpacking?: ((done: number, total: number) => void) | undefined;
}

/**
 * Downloads an archive, checks it and unpacks it into a folder. An existing folder is used as it is. An existing archive
 * `<folder>.tar.gz` is checked, used and kept; a downloaded one is removed once it is unpacked.
 *
 * @returns false if the folder existed
 * @throws UserError as `downloadFile` and `unpackArchive`, and for an existing archive with another content
 */
export async function fetchArchive(remote: RemoteFile, to: string, hooks: FetchHooks = {}): Promise<boolean> {
  const folder = resolve(to); // without a trailing slash: the archive is beside it
  if (existsSync(folder)) return false;
  const archive = `${folder}.tar.gz`;
  const wasThere = existsSync(archive);
  if (wasThere) {
    const wrong = await wrongChecksum(remote, archive, hooks.onChecking);
    if (wrong !== undefined) throw new UserError(`${archive} is not ${remote.url}: ${wrong}; move it away`);
  } else {
    await downloadFile(remote, archive, hooks);
  }
  await unpackArchive(archive, folder, hooks.onUnpacking);
  if (!wasThere) rmSync(archive);
  return true;
}
