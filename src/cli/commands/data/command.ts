import { Command } from "commander";
import { augmentCommand } from "./augment.js";
import { downloadCommand } from "./download.js";
import { importCommand } from "./import.js";
import { infoCommand } from "./info.js";
import { synthCommand } from "./synth.js";

export function dataCommand(): Command {
  const data = new Command("data").description("inspect and make data sets");
  for (const create of [infoCommand, importCommand, downloadCommand, synthCommand, augmentCommand])
    data.addCommand(create());
  return data;
}
