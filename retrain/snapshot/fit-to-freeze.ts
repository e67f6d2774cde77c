import { UserError } from "../../errors/user-error.ts";
import { type Reading, readParquetSample } from "../../warehouse/duckdb/read-parquet.ts";
import type { Column } from "../../warehouse/warehouse.ts";
import { alarmColumns, type ImplausibleFeature, implausibleFeatures } from "../alarm/implausible-features.ts";
import type { SnapshotEnv } from "./snapshot.ts";
import { postAiColumn, splitColumn } from "./split.ts";

const required = ["message_id", "user_id_hash", "sent_at", "is_mature", "has_training_consent"];
/** Rows that the alarm looks at, at most about; features of so many columns are read at once. */
const alarmRows = 40_000;
const columnsAtOnce = 16;

export async function implausibleIn(
  file: string,
  columns: readonly Column[],
  rows: number,
): Promise<readonly ImplausibleFeature[]> {
  const { features, outcomes } = alarmColumns(columns);
  if (outcomes.length === 0) return [];
  const found: ImplausibleFeature[] = [];
  for (let at = 0; at < features.length; at += columnsAtOnce) {
    const some = features.slice(at, at + columnsAtOnce);
    const wanted: Record<string, Reading> = {};
    for (const one of some) wanted[one.name] = one.type === "number" ? "number" : "text";
    for (const one of outcomes) wanted[one.column] = "number";
    const table = await readParquetSample([file], wanted, "message_id", rows, alarmRows);
    found.push(...implausibleFeatures(table, some, outcomes));
  }
  return found;
}

export async function examplesColumns(warehouse: SnapshotEnv["warehouse"], table: string): Promise<readonly Column[]> {
  const columns = await warehouse.columns(table);
  if (!columns) {
    throw new UserError(`there is no table ${table}`, {
      code: "snapshot.no-table",
      exit: "config",
      where: table,
      next: "inboxloop build",
    });
  }
  const taken = columns.find(({ name }) => name === splitColumn.name || name === postAiColumn.name);
  if (taken) {
    throw new UserError(`${table} has a column ${taken.name}, which a snapshot writes itself`, {
      code: "snapshot.taken-column",
      exit: "config",
      where: table,
      next: "rename the column",
    });
  }
  const missing = required.filter((name) => !columns.some((c) => c.name === name));
  if (missing.length > 0) {
    throw new UserError(`${table} has no column ${missing.join(", ")}`, {
      code: "snapshot.missing-column",
      exit: "config",
      where: table,
      next: "inboxloop build",
    });
  }
  return columns;
}

/** No raw address may get into a training set: a user id with an @ stops the snapshot. */
export async function refuseRawAddresses(env: SnapshotEnv, query: string): Promise<void> {
  const { rows } = await env.warehouse.query(
    `select count(*) as n_rows from (\n${query}\n) where strpos(user_id_hash, '@') > 0`,
    { signal: env.signal, file: "snapshot address check" },
  );
  const count = Number(rows[0]?.["n_rows"]);
  if (count > 0) {
    throw new UserError(`${count} rows carry an address where a hashed user id belongs`, {
      code: "snapshot.raw-address",
      exit: "check",
      where: "user_id_hash",
      next: "inboxloop ingest verify",
    });
  }
}
