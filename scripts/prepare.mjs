// Builds where there is no build, or one older than its sources: npx runs this before the first command of a checkout, and
// other commands may be using the build.
import { execSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const built = join(root, "dist/cli/main.js");
const changed = (path) => statSync(path).mtimeMs;
const sources = readdirSync(join(root, "src"), { recursive: true }).map((name) => join(root, "src", name));
const isCurrent = existsSync(built) && Math.max(...sources.map(changed)) < changed(built);
if (!isCurrent) execSync("npm run build", { cwd: root, stdio: "inherit" });
