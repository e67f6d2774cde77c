import { existsSync } from "node:fs";
import { type ErasedInFile, findErased } from "../../../governance/erasure/find-erased.ts";
import { spoolReader } from "../../../ingest/bus/consume-spool.ts";
import { findInSpool } from "../../../ingest/bus/erase-spool.ts";
import { landedByLedger, spoolSourceId } from "../../../ingest/bus/spool.ts";
import { erasedAt } from "../../../ingest/ingest-files.ts";
import type { ErasureWorld } from "./home-erasure.ts";
import { openRaw } from "./raw-of-people.ts";

export interface Verified {
  /** Tokens in the journal that keep somebody out. */
  readonly erased: number;
  readonly files: number;
  /** Tables of BigQuery that were read, where rows are there. */
  readonly tables: number;
  readonly findings: readonly ErasedInFile[];
  /** Sealed bytes that no key of the home opens. */
  readonly unsearchable: number;
  readonly unread: readonly { readonly file: string; readonly why: string }[];
}

/**
 * Looks through a home, and the tables of its BigQuery, for people who were erased and not let in again, by their tokens alone: sealed letters and the
 * spool's frames are opened for it.
 */
export async function verifyHome(
  world: ErasureWorld,
  onFile?: (done: number, total: number) => void,
): Promise<Verified> {
  const { home, context, signal } = world;
  const erased = erasedAt(context);
  await erased.refresh();
  const { isErased } = erased;
  const { files, findings, unread } = await findErased(home.root, isErased, { signal, ...(onFile ? { onFile } : {}) });
  const raw = await openRaw(world);
  const named = await raw.namedAnywhere(isErased).finally(() => raw.close());
  const sealed: ErasedInFile[] = [...named.findings];
  let unsearchable = named.unopened;
  if (existsSync(home.spool)) {
    const id = await spoolSourceId(home.spool, spoolReader, () => context.randomBytes(8).toString("hex"));
    const landedTo = await landedByLedger(id, context);
    const spool = await findInSpool({ dir: home.spool, keys: context.keys, isWanted: isErased, landedTo });
    const times = spool.landed + spool.waiting;
    if (times > 0) sealed.push({ file: "spool", place: "frames", times });
    unsearchable += spool.unopened + spool.quarantined;
  }
  return {
    erased: erased.size(),
    files,
    tables: named.tables,
    findings: [...findings, ...sealed],
    unsearchable,
    unread,
  };
}
