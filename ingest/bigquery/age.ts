import consents from "../../includes/consents.js";
import policies from "../../includes/policies.js";
import suppressions from "../../includes/suppressions.js";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { setAsideName } from "../door/dead-letter.ts";

type Reader = Pick<Warehouse, "query">;

const types = (suppressions.eventTypes as readonly string[]).map((one) => `'${one}'`).join(", ");
/** What says of an event that somebody must not be reached, or does not allow something: these never age. (warehouse/duckdb/aged-rows.ts has the same for segments.) */
const refuses = `(event_type in (${types}) or consent is false${consents.hasSilentRefusals() ? " or consent is null" : ""})`;

/** A condition that holds for the rows of a raw table that were received before `@before` and may go. */
export const tooOld = (dataset: string, table: string): string =>
  table === "events"
    ? `received_at < @before and not coalesce(${refuses}, false) and (message_id is null or message_id not in (
  select message_id from \`${dataset}.events\` where message_id is not null and ${refuses}
))`
    : "received_at < @before";

export async function countTooOld(warehouse: Reader, dataset: string, table: string, before: Date): Promise<number> {
  const { rows } = await warehouse.query(
    `select count(*) as n from \`${dataset}.${table}\` where ${tooOld(dataset, table)}`,
    { params: { before }, file: `too old in raw.${table}` },
  );
  return Number(rows[0]?.["n"]);
}

/** Files beside this machine's segments with the bodies of dead letters that are too old. */
export async function asideOfTooOld(warehouse: Reader, dataset: string, before: Date): Promise<readonly string[]> {
  const { rows } = await warehouse.query(
    `select payload from \`${dataset}.dead_letters\` where ${tooOld(dataset, "dead_letters")} and payload is not null and length(payload) < 100`,
    { params: { before }, file: "bodies of old letters" },
  );
  return rows.flatMap((row) => setAsideName(Buffer.from(row["payload"] as Uint8Array)) ?? []);
}

/**
 * Lets BigQuery drop whole partitions of a raw table by itself after so many days. False where none can: of events some outlive the rest of their day, and a
 * table that somebody made without partitions has none.
 */
export async function expirePartitions(
  warehouse: Pick<Warehouse, "query" | "execute">,
  dataset: string,
  table: string,
  days: number,
): Promise<boolean> {
  if (policies.partitionDays(table) === null) return false;
  const { rows } = await warehouse.query(
    `select count(*) as n from \`${dataset}\`.INFORMATION_SCHEMA.COLUMNS where table_name = @table and is_partitioning_column = 'YES'`,
    { params: { table }, file: `partitions of raw.${table}` },
  );
  if (Number(rows[0]?.["n"]) === 0) return false;
  await warehouse.execute(`alter table \`${dataset}.${table}\` set options (partition_expiration_days = ${days})`);
  return true;
}
