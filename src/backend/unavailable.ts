import { UserError } from "../base/errors.js";
import type { BackendName } from "./names.js";

/** A backend that cannot run on this machine: why, and what would mend it. */
export class BackendUnavailable extends UserError {
  override name = "BackendUnavailable";
  readonly reason: string;
  readonly remedy: string;

  constructor(backend: BackendName, reason: string, remedy: string, options: { cause?: unknown } = {}) {
    super(`backend ${backend} is not available here: ${reason}; ${remedy}`, options);
    this.reason = reason;
    this.remedy = remedy;
  }
}
