import { existsSync } from "node:fs";
import { type ErasedInFile, findErased } from "../../../governance/erasure/find-erased.ts";
import { spoolReader } from "../../../ingest/bus/consume-spool.ts";
import { findInSpool } from "../../../ingest/bus/erase-spool.ts";
import { landedByLedger, spoolSourceId } from "../../../ingest/bus/spool.ts";
import { findLetters } from "../../../ingest/find-letters.ts";
import { erasedAt, openLocalIngest } from "../../../ingest/ingest-files.ts";
import type { ErasureWorld } from "./home-erasure.ts";

export interface Verified {
  /** Tokens in the journal that keep somebody out. */
  readonly erased: number;
  readonly files: number;
  readonly findings: readonly ErasedInFile[];
  /** Sealed bytes that no key of the home opens. */
  readonly unsearchable: number;
  readonly unread: readonly { readonly file: string; readonly why: string }[];
}

/** Looks through a home for people who were erased and not let in again, by their tokens alone: sealed letters and the spool's frames are opened for it. */
export async function verifyHome(
  { home, context, signal }: ErasureWorld,
  onFile?: (done: number, total: number) => void,
): Promise<Verified> {
  const erased = erasedAt(context);
  await erased.refresh();
  const { isErased } = erased;
  const { files, findings, unread } = await findErased(home.root, isErased, { signal, ...(onFile ? { onFile } : {}) });
  const sealed: ErasedInFile[] = [];
  let unsearchable = 0;
  const { sink } = await openLocalIngest(context);
  try {
    const letters = await findLetters(sink, context.keys, isErased);
    for (const [segment, places] of letters.placesBySegment)
      sealed.push({ file: `raw/${segment}`, place: "payload", times: places.length });
    unsearchable += letters.unopened;
  } finally {
    sink.close();
  }
  if (existsSync(home.spool)) {
    const id = await spoolSourceId(home.spool, spoolReader, () => context.randomBytes(8).toString("hex"));
    const landedTo = await landedByLedger(id, context);
    const spool = await findInSpool({ dir: home.spool, keys: context.keys, isWanted: isErased, landedTo });
    const times = spool.landed + spool.waiting;
    if (times > 0) sealed.push({ file: "spool", place: "frames", times });
    unsearchable += spool.unopened + spool.quarantined;
  }
  return { erased: erased.size(), files, findings: [...findings, ...sealed], unsearchable, unread };
}
