import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../base/errors.js";
import { failure, firstThatAnswers, run } from "./commands.js";
import { integrity } from "./installation.js";

/**
 * tfjs-node and the two packages that it takes to compile and to load it. Pinned, with the checksums that npm's
 * registry gives them: they are code that runs here.
 */
export const npmPackages: Record<string, { version: string; integrity: string }> = {
  "@tensorflow/tfjs-node": {
    version: "4.22.0",
    integrity:
      "sha512-uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==",
  },
  "google-protobuf": {
    version: "3.21.4",
    integrity:
      "sha512-MnG7N936zcKTco4Jd2PX2U96Kf9PxygAPKBug+74LHzmHXmceN16MmRcdgZv+DGef/S9YvQAfRsNCn4cjf9yyQ==",
  },
  "node-api-headers": {
    version: "1.9.0",
    integrity:
      "sha512-2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==",
  },
};

export async function checkNpm(): Promise<void> {
  if ((await firstThatAnswers(["npm"], ["--version"])) === undefined)
    throw new UserError("npm was not found, which fetches tfjs-node: install it, it comes with Node.js");
  if ((await firstThatAnswers(["tar"], ["--version"])) === undefined)
    throw new UserError("tar was not found, which unpacks tfjs-node: install it");
}

/** Fetches the npm packages without running any script of theirs, and unpacks each to `<folder>/<name>`. */
export async function fetchNpmPackages(folder: string, signal?: AbortSignal): Promise<void> {
  for (const [name, pinned] of Object.entries(npmPackages)) {
    const wanted = `${name}@${pinned.version}`;
    const packed = await run("npm", ["pack", wanted, "--ignore-scripts", "--pack-destination", folder], {
      cwd: folder,
      signal,
    });
    if (packed.code === undefined)
      throw new UserError("npm was not found, which fetches tfjs-node: install it");
    if (packed.code !== 0) throw failure(`npm cannot fetch ${wanted}`, packed);
    const tarball = readdirSync(folder).find((file) => file.endsWith(".tgz"));
    if (tarball === undefined) throw failure(`npm wrote no tarball of ${wanted}`, packed);
    const found = await integrity(join(folder, tarball));
    if (found !== pinned.integrity)
      throw new UserError(`${wanted} from npm has the checksum ${found}, expected ${pinned.integrity}`);

    mkdirSync(join(folder, name), { recursive: true });
    const unpacked = await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", name], {
      cwd: folder,
      signal,
    });
    if (unpacked.code !== 0) throw failure(`tar cannot unpack ${tarball}`, unpacked);
    rmSync(join(folder, tarball));
  }
}
