// npx and npm link make the command executable when they first see it, and never again: a later build must do so itself.
import { chmodSync } from "node:fs";

chmodSync(new URL("../dist/cli/main.js", import.meta.url), 0o755);
