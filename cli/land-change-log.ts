import { UserError } from "../errors/user-error.ts";
import { landRecords } from "../ingest/land-records.ts";
import { changeRows } from "../release/change-rows.ts";
import { readLog } from "../release/log.ts";
import { ingestContext } from "./commands/ingest/context.ts";
import type { Environment } from "./environment.ts";

/**
 * Lands what the release log has and raw.release_entries has not, through the door; the ledger knows how far it is, so an entry lands once. Gives how many landed. A
 * build does not fail by it: what cannot be landed now is told, and lands with the next.
 */
export async function landChangeLog(world: Environment): Promise<number> {
  try {
    const { entries } = await readLog(world.releaseLog);
    const [first] = entries;
    if (first === undefined) return 0;
    const id = `release-log/${first.entry_hash}`;
    const rows = changeRows(entries);
    const { landed } = await landRecords(
      ingestContext(world, { trustReceivedAt: false }),
      (progressOf) => ({
        name: "ndjson:release-log",
        id,
        from: progressOf(id),
        async *pull() {
          const left = rows.map((row, i) => ({ data: Buffer.from(JSON.stringify(row)), position: i + 1 }));
          if (left.length > this.from) yield left.slice(this.from);
        },
        ack: async () => {},
      }),
      world.signal,
    );
    return landed;
  } catch (error) {
    if (!(error instanceof UserError) || world.signal.aborted) throw error;
    world.console.warn(`ops.change_log is not up to date: ${error.message} [${error.code}]`);
    return 0;
  }
}
