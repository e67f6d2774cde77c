import policies from "../../includes/policies.js";
import rawTables from "../../includes/raw_tables.js";
import type { Column, Row, Warehouse } from "../../warehouse/warehouse.ts";
import { parseInstant } from "../door/instant.ts";
import { type RawRow, rawColumns } from "../door/raw-row.ts";

/**
 * Makes the raw tables that are not there, and adds the columns that a newer version has. Nothing else is ever changed: a
 * column of another type is found when it is written to, and says so.
 */
export async function prepareRawTables(
  warehouse: Pick<Warehouse, "columns" | "execute">,
  dataset: string,
): Promise<void> {
  let isSure = false;
  for (const table of rawTables.names as readonly string[]) {
    const there = await warehouse.columns(`${dataset}.${table}`);
    const ours = rawColumns(table);
    if (there === undefined) {
      if (!isSure) await warehouse.execute(`create schema if not exists \`${dataset}\``);
      isSure = true;
      await warehouse.execute(
        `create table if not exists \`${dataset}.${table}\` (${ours.map(described).join(", ")}) partition by date(received_at)${expiry(table)}`,
      );
      continue;
    }
    const known = new Set(there.map(({ name }) => name.toLowerCase()));
    for (const column of ours.filter(({ name }) => !known.has(name.toLowerCase()))) {
      await warehouse.execute(`alter table \`${dataset}.${table}\` add column if not exists ${described(column)}`);
    }
  }
}

/** After how many days a partition goes by itself, where the data policy says so. */
const expiry = (table: string): string => {
  const days = policies.partitionDays(table);
  return days === null ? "" : ` options (partition_expiration_days = ${days})`;
};

const described = ({ name, type }: Column): string => `\`${name}\` ${type}`;

/** A raw row as the appender wants it: JSON as text, the rest in its canonical form. */
export function appendable(table: string, row: RawRow): Row {
  const json = rawColumns(table).filter(({ type }) => type === "JSON");
  if (json.length === 0) return row;
  const texts = json.flatMap(({ name }) => {
    const value = row[name];
    return value === null || value === undefined ? [] : [[name, JSON.stringify(value)]];
  });
  return { ...row, ...Object.fromEntries(texts) };
}

/** The way back: a row of the warehouse in its canonical form. */
export function rawRowOf(table: string, row: Row): RawRow {
  return Object.fromEntries(
    rawColumns(table).map(({ name, type }) => {
      const value = row[name] ?? null;
      if (value === null) return [name, null];
      if (type === "INT64") return [name, Number(value)];
      if (type === "TIMESTAMP") return [name, parseInstant(value) ?? null];
      if (type === "JSON") return [name, JSON.parse(String(value)) as RawRow[string]];
      if (type === "BYTES") return [name, Buffer.from(value as Uint8Array).toString("base64")];
      return [name, value as RawRow[string]];
    }),
  );
}
