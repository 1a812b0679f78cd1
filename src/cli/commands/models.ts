import type { Command } from "commander";
import { usageError } from "../../base/errors.js";
import type { ModelCost } from "../../models/cost.js";
import type { BuildOptions, ModelDefinition } from "../../models/definition.js";
import { type CommonFlags, command, numberAbove, outputFor, wholeNumber } from "../options.js";
import { count, type Output, wrapped } from "../output.js";

interface ModelsFlags extends CommonFlags {
  labelCount: number;
  width: number;
  sampleRate: number;
  layers?: boolean;
}

export function modelsCommand(): Command {
  return command(
    "models",
    "list the models with their size and cost, or the layers of one",
    "kws models --width 0.25",
    "kws models conv1d --layers",
  )
    .argument("[name]", "only this model")
    .option("--label-count <n>", "number of labels", wholeNumber("--label-count", 2), 12)
    .option("--width <factor>", "width multiplier", numberAbove("--width", 0), 1)
    .option(
      "--sample-rate <hz>",
      "samples per second; a clip is one second",
      wholeNumber("--sample-rate", 1),
      8000,
    )
    .option("--layers", "type, output shape and parameters of each layer of the named model")
    .action(async (name: string | undefined, flags: ModelsFlags) => {
      if (flags.layers && name === undefined)
        throw usageError(
          "--layers: expected the name of a model before it, as in kws models conv1d --layers",
        );
      const output = outputFor(flags);
      const [{ startBackend }, { findModel, modelRegistry }] = await Promise.all([
        import("../../backend/start.js"),
        import("../../models/registry.js"),
      ]);
      const definitions = name === undefined ? [...modelRegistry.values()] : [findModel(name)];
      await startBackend("cpu", "short");
      const { labelCount, width, sampleRate } = flags;
      const options = { labelCount, width, sampleRate, clipLength: sampleRate, seed: 0 };
      await (flags.layers
        ? printLayers(definitions[0]!, options, output)
        : printCosts(definitions, options, output));
    });
}

async function printCosts(
  definitions: readonly ModelDefinition[],
  options: BuildOptions,
  output: Output,
): Promise<void> {
  const [{ modelCost }, { inputOf }, { planModel }, { terminalTable }] = await Promise.all([
    import("../../models/cost.js"),
    import("../../models/front-ends/front-end.js"),
    import("../../models/size.js"),
    import("../../plot/terminal/index.js"),
  ]);
  const entries = definitions.map((definition) => {
    const model = planModel(definition, options);
    const cost: ModelCost = modelCost(model);
    model.dispose();
    const { name, frontEnds } = definition;
    return { model: name, input: inputOf(definition, undefined), frontEnds, ...cost };
  });
  const rows = entries.map(({ model, input, params, macs, frontEndMacs }) => [
    ...[model, input, count(params), millions(macs), millions(frontEndMacs)],
  ]);
  const columns = ["model", "input", "parameters", "multiply-adds", "front end"];
  const summaries = definitions.flatMap(({ name, summary, frontEnds }) => {
    const choice = frontEnds.length > 1 ? ` (--front-end ${either.format(frontEnds)})` : "";
    return wrapped(`${name}: ${summary}${choice}`, output.width, 2);
  });
  output.result([terminalTable(columns, rows, output), "", ...summaries].join("\n"), entries);
}

async function printLayers(
  definition: ModelDefinition,
  options: BuildOptions,
  output: Output,
): Promise<void> {
  const [{ modelCost, summarizeLayers }, { planModel }, { terminalTable }] = await Promise.all([
    import("../../models/cost.js"),
    import("../../models/size.js"),
    import("../../plot/terminal/index.js"),
  ]);
  const model = planModel(definition, options);
  const layers = summarizeLayers(model);
  const { params, trainableParams } = modelCost(model);
  const rows = layers.map(({ name, type, output, params }) => [
    ...[name, type, `(${output.map((size) => size ?? "None").join(", ")})`, count(params)],
  ]);
  const total = `${definition.name}: ${count(params)} parameters, ${count(trainableParams)} of them trainable`;
  output.result(
    [
      terminalTable(["layer", "type", "output shape", "parameters"], rows, output),
      "",
      ...wrapped(total, output.width, 2),
    ].join("\n"),
    { model: definition.name, layers, params },
  );
}

/** a, b or c */
const either = new Intl.ListFormat("en-GB", { type: "disjunction" });

function millions(value: number): string {
  return value === 0 ? "0" : `${count(Math.round(value / 1e5) / 10)} M`;
}
