import { writeFileAtomic } from "../../base/files.js";
import { curvesSvg } from "../../plot/curves.js";
import { svgToPng } from "../../plot/png.js";
import type { EpochRecord, RunFolder } from "../../run/folder.js";
import { type Keeping, keptEpoch } from "../../run/history.js";
import type { Callback } from "../loop.js";

/** Draws the run's curves after every epoch, so that it can be watched while it trains. */
export class CurvesPicture implements Callback {
  readonly name = "curves";
  private readonly run: RunFolder;
  private readonly history: readonly EpochRecord[];
  private readonly keeping: Keeping;

  /** @param history grows by an epoch before each drawing */
  constructor(run: RunFolder, history: readonly EpochRecord[], keeping: Keeping) {
    this.run = run;
    this.history = history;
    this.keeping = keeping;
  }

  async onEpochEnd(): Promise<void> {
    const svg = await curvesSvg(this.history, keptEpoch(this.history, this.keeping));
    writeFileAtomic(this.run.curvesSvgPath, svg);
    writeFileAtomic(this.run.curvesPngPath, await svgToPng(svg));
  }
}
