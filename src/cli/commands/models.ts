import type { Command } from "commander";
import { type CommonFlags, command, numberAbove, outputFor, wholeNumber } from "../options.js";
import { count, wrapped } from "../output.js";

export function modelsCommand(): Command {
  return command("models", "list the models with their size and cost", "kws models --width 0.25")
    .option("--label-count <n>", "labels to tell apart", wholeNumber("--label-count", 2), 12)
    .option("--width <factor>", "width multiplier", numberAbove("--width", 0), 1)
    .option(
      "--sample-rate <hz>",
      "samples a second, a clip being one second",
      wholeNumber("--sample-rate", 1),
      8000,
    )
    .action(async (flags: CommonFlags & { labelCount: number; width: number; sampleRate: number }) => {
      const output = outputFor(flags);
      const [
        { startBackend },
        { modelCost },
        { inputOf },
        { modelRegistry },
        { planModel },
        { terminalTable },
      ] = await Promise.all([
        import("../../backend/start.js"),
        import("../../models/cost.js"),
        import("../../models/front-ends/front-end.js"),
        import("../../models/registry.js"),
        import("../../models/size.js"),
        import("../../plot/terminal/index.js"),
      ]);
      await startBackend("cpu", "short");
      const { labelCount, width, sampleRate } = flags;
      const models = [...modelRegistry.values()].map((definition) => {
        const options = { labelCount, width, sampleRate, clipLength: sampleRate, seed: 0 };
        const model = planModel(definition, options);
        const { name, frontEnds, summary } = definition;
        const input = inputOf(definition, undefined);
        const entry = { model: name, input, frontEnds, ...modelCost(model) };
        model.dispose();
        const choice = frontEnds.length > 1 ? ` (--front-end ${either.format(frontEnds)})` : "";
        return { entry, summary: summary + choice };
      });
      const look = { width: output.width, color: output.color };
      const figures = models.map(({ entry }) => [
        entry.model,
        entry.input,
        count(entry.params),
        millions(entry.macs),
        millions(entry.frontEndMacs),
      ]);
      const columns = ["model", "input", "parameters", "multiply-adds", "front end"];
      const summaries = models.flatMap(({ entry, summary }) =>
        wrapped(`${entry.model}: ${summary}`, output.width, 2),
      );
      output.result(
        [terminalTable(columns, figures, look), "", ...summaries].join("\n"),
        models.map(({ entry }) => entry),
      );
    });
}

/** a, b or c */
const either = new Intl.ListFormat("en-GB", { type: "disjunction" });

function millions(value: number): string {
  return value === 0 ? "0" : `${count(Math.round(value / 1e5) / 10)} M`;
}
