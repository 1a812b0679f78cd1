import type { Command } from "commander";
import { afterEach, expect, test, vi } from "vitest";
import { backendCommand } from "../../src/cli/commands/backend.js";
import { compareCommand } from "../../src/cli/commands/compare.js";
import { dataCommand } from "../../src/cli/commands/data/command.js";
import { predictCommand } from "../../src/cli/commands/predict.js";
import { spectrogramCommand } from "../../src/cli/commands/spectrogram/command.js";
import { trainCommand } from "../../src/cli/commands/train.js";
import { fitHelp } from "../../src/cli/help.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

/** What `--help` prints in a terminal of that many columns. */
function helpAt(columns: number, command: Command): string {
  vi.stubGlobal("process", Object.create(process, { stdout: { value: { isTTY: true, columns } } }));
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => columns,
  });
  fitHelp(command);
  command.outputHelp();
  return text;
}

const commands = [
  backendCommand,
  compareCommand,
  dataCommand,
  predictCommand,
  spectrogramCommand,
  trainCommand,
];

test.each([45, 50, 80, 120])("help fits a terminal of %d columns", (columns) => {
  for (const create of commands) {
    for (const line of helpAt(columns, create()).split("\n")) {
      // A word that is wider than the terminal is not broken: it could no longer be copied.
      const words = line.replace(/ \\$/, "").trim().split(" ");
      if (words.length > 2) expect(line.length, line).toBeLessThanOrEqual(columns);
    }
  }
});

test("an example that is broken over lines is still the same command to a shell", () => {
  const examples = (columns: number) =>
    helpAt(columns, dataCommand().commands.find((each) => each.name() === "synth")!)
      .split("Examples:\n")
      .at(-1)!
      .replace(/ \\\n +/g, " ");
  expect(examples(30)).toBe(examples(500));
  expect(examples(30)).toContain("--words");
});
