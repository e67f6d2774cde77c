import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { SegmentStore } from "../../warehouse/duckdb/segment-store.ts";
import type { Door } from "../door/door.ts";
import { type RawRow, rawColumns } from "../door/raw-row.ts";
import { rowDigest } from "./row-digest.ts";

/** What raw.retractions comes to, as staging.stg_raw__retractions says it in SQL: order does not matter. */
export class Retractions {
  readonly #undone = new Set<string>();
  /** Digests of rows by table, then by the retraction that names them. */
  readonly #named = new Map<string, Map<string, string[]>>();
  readonly #rows = new Map<string, number>();

  add(row: RawRow): void {
    const id = String(row["retraction_id"]);
    if (row["is_undone"] === true) this.#undone.add(id);
    if (typeof row["row_digest"] !== "string") return;
    const table = String(row["table_name"]);
    const ofTable = this.#named.get(table) ?? new Map<string, string[]>();
    this.#named.set(table, ofTable);
    const digests = ofTable.get(id);
    if (digests) digests.push(row["row_digest"]);
    else ofTable.set(id, [row["row_digest"]]);
    this.#rows.set(id, (this.#rows.get(id) ?? 0) + 1);
  }

  /** Rows that a retraction names; undefined where there is none of that id. */
  rowsOf(id: string): number | undefined {
    return this.#rows.get(id);
  }

  isUndone(id: string): boolean {
    return this.#undone.has(id);
  }

  /** Whether a row of a table does not count; undefined where all of its rows do. */
  filter(table: string): ((row: RawRow) => boolean) | undefined {
    const gone = new Set<string>();
    for (const [id, digests] of this.#named.get(table) ?? [])
      if (!this.#undone.has(id)) for (const digest of digests) gone.add(digest);
    return gone.size === 0 ? undefined : (row) => gone.has(rowDigest(table, row));
  }
}

/**
 * A door that believes the times it is told takes in no row that was taken back and comes again with its old time: no model would count it. It is a
 * dead letter, to be replayed once the retraction is undone.
 */
export function guardRetracted(door: Door, retractions: Retractions): Door {
  const filters = new Map<string, ((row: RawRow) => boolean) | undefined>();
  return (item, arrival) => {
    const admitted = door(item, arrival);
    if (admitted.kind !== "row") return admitted;
    const { table, row } = admitted;
    if (!filters.has(table)) filters.set(table, retractions.filter(table));
    if (!filters.get(table)?.(row)) return admitted;
    return { kind: "dead-letter", reason: "retracted", detail: "this very row was taken back (ingest retract)" };
  };
}

const folder = (raw: string): string => join(raw, "retractions");

/** Changes whenever a retraction lands in these segments or is undone. */
export const retractionsMark = (raw: string): string =>
  existsSync(folder(raw)) ? readdirSync(folder(raw)).sort().join(" ") : "";

/** The retractions in this machine's segments. */
export async function readRetractions(raw: string, store: Pick<SegmentStore, "read">): Promise<Retractions> {
  const found = new Retractions();
  for (const name of existsSync(folder(raw)) ? readdirSync(folder(raw)).sort() : [])
    if (name.endsWith(".parquet"))
      for await (const block of store.read(join(folder(raw), name), rawColumns("retractions")))
        for (const row of block) found.add(row);
  return found;
}
