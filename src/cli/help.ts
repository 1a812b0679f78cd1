import { type Command, Help } from "commander";

/** The narrowest column that text is wrapped in beside its term; where there is less it stands under the term. */
const leastBeside = 24;

/** Has a command's help fit the terminal, however narrow. */
export function fitHelp(command: Command): void {
  const plain = new Help();
  command.configureHelp({
    minWidthToWrap: leastBeside,
    formatItem(this: Help, term, termWidth, description, helper) {
      const width = this.helpWidth ?? 80;
      if (description === "" || width - termWidth - 4 >= leastBeside)
        return plain.formatItem.call(this, term, termWidth, description, helper);
      const under = helper.boxWrap(description, width - 6).replace(/^/gm, " ".repeat(6));
      return `  ${term}\n${under}`;
    },
  });
}

/** Ends a command's help with command lines to try, each over several lines of the shell where the terminal is narrower. */
export function addExamples(command: Command, examples: readonly string[]): Command {
  const heading = examples.length > 1 ? "Examples" : "Example";
  return command.addHelpText("after", () => {
    const width = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;
    return `\n${heading}:\n${examples.map((example) => shellLines(`  $ ${example}`, width)).join("\n")}`;
  });
}

/** A command line, broken between arguments so that the shell still takes it for one. */
function shellLines(line: string, width: number): string {
  if (line.length <= width) return line;
  // An option stays beside its value; what is in quotes stays whole.
  const pieces = line.match(/\s*(-\S+ )?("[^"]*"|'[^']*'|\S)+/g) ?? [];
  const lines: string[] = [];
  let current = "";
  for (const piece of pieces) {
    if (current !== "" && current.length + piece.length + " \\".length > width) {
      lines.push(`${current} \\`);
      current = `      ${piece.trimStart()}`;
    } else current += piece;
  }
  return [...lines, current].join("\n");
}
