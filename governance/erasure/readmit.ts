import { UserError } from "../../errors/user-error.ts";
import type { Journal } from "../../platform/journal/journal.ts";
import { namesAddress } from "../../platform/spellings.ts";
import { type ErasureEntry, type ErasureReadmitted, type TokenKey, tombstoneToken } from "../../platform/tombstones.ts";

export interface ReadmitEnv {
  readonly journal: Journal<ErasureEntry>;
  /** Every key of the home: an erasure made its tokens under the one that was active then. */
  readonly keys: readonly TokenKey[];
  readonly isErased: (id: string) => boolean;
  readonly now: () => Date;
  /** Lands, for the models, that these ids count again from an instant on. */
  readonly landStatements: (ids: readonly string[], statedAt: string) => Promise<void>;
}

/**
 * Lets somebody who was erased be a customer again: the door takes in what comes of these ids from now on, and models count it. Nothing comes back: what was
 * erased is gone, and what got past the door before stays out. Ids that were linked to them, and their former messages, stay refused. The
 * statements land first, so that calling it again after a kill is right.
 */
export async function readmit(
  env: ReadmitEnv,
  ids: readonly string[],
  reason: string,
): Promise<Pick<ErasureReadmitted, "at" | "ids" | "reason">> {
  // The journal names nobody, and is never written anew.
  if (namesAddress(reason) || /sha256:[0-9a-f]/i.test(reason)) {
    throw new UserError("the reason names somebody", {
      code: "privacy.reason",
      exit: "usage",
      where: "--reason",
      next: "--reason 'signed up again, ticket 4711'",
    });
  }
  const erased = ids.filter(env.isErased);
  if (erased.length === 0) {
    throw new UserError("nobody of that id is kept out", {
      code: "privacy.not-erased",
      exit: "usage",
      next: "inboxloop privacy status",
    });
  }
  const at = env.now().toISOString();
  await env.landStatements(erased, at);
  const tokens = erased.flatMap((id) => env.keys.map((key) => tombstoneToken(key, id))).sort();
  const entry: ErasureReadmitted = { kind: "readmitted", at, ids: erased.length, tokens, reason };
  for (;;) {
    const { head } = await env.journal.read();
    if ((await env.journal.append([entry], head)).kind === "appended") return { at, ids: erased.length, reason };
  }
}
