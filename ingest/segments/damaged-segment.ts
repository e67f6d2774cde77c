import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";

/** Where a damaged segment lies once it is set aside: no reader looks there. */
export const damagedPath = (raw: string, segment: string): string => join(raw, ".damaged", segment);

export const damagedSegment = (where: string, cause?: unknown): UserError =>
  new UserError("a segment that the ledger counts cannot be read", {
    code: "ingest.damaged-segment",
    exit: "check",
    where,
    next: "inboxloop ingest verify, then: inboxloop ingest repair --from <copy of the raw folder>",
    cause,
  });
