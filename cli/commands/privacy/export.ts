import { linkedIds } from "../../../governance/erasure/linked-ids.ts";
import { openLocalIngest } from "../../../ingest/ingest-files.ts";
import { linksIn, messagesOf, rowsInSegments } from "../../../ingest/segments/erase.ts";
import { readFromDatabase } from "../../../warehouse/duckdb/erase-from-database.ts";
import type { ErasureWorld } from "./home-erasure.ts";

/** Everything that is held of a person. */
export interface HeldOfPerson {
  /** Ids of the person, and how many of them were not asked for and are linked. */
  readonly ids: number;
  readonly linked: number;
  readonly rows: readonly { readonly table: string; readonly row: unknown }[];
}

/** Reads a person's rows: what came in (`raw.*`), and what the last build made of it. */
export async function readPerson(
  { home, context, signal }: Pick<ErasureWorld, "home" | "context" | "signal">,
  asked: readonly string[],
): Promise<HeldOfPerson> {
  const { sink } = await openLocalIngest(context);
  try {
    const { links, accounts } = await linksIn(sink);
    const { ids } = linkedIds(asked, links, accounts);
    const subject = { ids, messages: await messagesOf(sink, ids) };
    const rows: { table: string; row: unknown }[] = [];
    for await (const { table, row } of rowsInSegments(sink, subject))
      rows.push({ table: `raw.${table}`, row: JSON.parse(row) });
    for (const { table, row } of await readFromDatabase(home.warehouse, subject, signal))
      rows.push({ table, row: JSON.parse(row) });
    return { ids: ids.length, linked: ids.filter((id) => !asked.includes(id)).length, rows };
  } finally {
    sink.close();
  }
}
