import { Command } from "commander";
import { infoCommand } from "./info.js";

export function dataCommand(): Command {
  return new Command("data").description("look into data sets, and make them").addCommand(infoCommand());
}
