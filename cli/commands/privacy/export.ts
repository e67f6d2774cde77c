import { linkedIds } from "../../../governance/erasure/linked-ids.ts";
import type { ErasureWorld } from "./home-erasure.ts";
import { openRaw } from "./raw-of-people.ts";

/** Everything that is held of a person. */
export interface HeldOfPerson {
  /** Ids of the person, and how many of them were not asked for and are linked. */
  readonly ids: number;
  readonly linked: number;
  readonly rows: readonly { readonly table: string; readonly row: unknown }[];
}

/** Reads a person's rows: what came in (`raw.*`), and what the last build made of it. */
export async function readPerson(
  world: Pick<ErasureWorld, "home" | "context" | "refreshViews" | "signal" | "bigQuery">,
  asked: readonly string[],
): Promise<HeldOfPerson> {
  const raw = await openRaw(world);
  try {
    const { links, accounts } = await raw.linksOf(asked);
    const { ids } = linkedIds(asked, links, accounts);
    const subject = { ids, messages: await raw.messagesOf(ids) };
    const rows: { table: string; row: unknown }[] = [];
    for await (const { table, row } of raw.rowsOf(subject)) rows.push({ table, row: JSON.parse(row) });
    return { ids: ids.length, linked: ids.filter((id) => !asked.includes(id)).length, rows };
  } finally {
    await raw.close();
  }
}
