import type { Warehouse } from "../../../warehouse/warehouse.ts";

const text = (value: string): string => JSON.stringify(value).replaceAll("\u007f", "\\u007f");

/** A value of a row as GoogleSQL writes it; the column that it goes into says the rest of its type. */
function literal(value: unknown, type: string): string {
  if (value === null || value === undefined) return "null";
  if (/^ARRAY</.test(type)) {
    const element = type.slice("ARRAY<".length, -1);
    return `${type}[${(value as readonly unknown[]).map((one) => literal(one, element)).join(", ")}]`;
  }
  if (/^STRUCT</.test(type)) {
    const fields = value as Readonly<Record<string, unknown>>;
    const types = fieldTypes(type);
    return `struct(${Object.entries(fields)
      .map(([name, one]) => `${literal(one, types.get(name)!)} as \`${name}\``)
      .join(", ")})`;
  }
  if (type === "STRING") return text(value as string);
  if (type === "INT64" || type === "BOOL") return String(value);
  if (type === "FLOAT64") return `cast('${String(value)}' as float64)`;
  return `cast(${text(String(value))} as ${type})`;
}

/** `STRUCT<a INT64, b ARRAY<STRUCT<c STRING>>>` by its fields. */
function fieldTypes(type: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let depth = 0;
  let from = "STRUCT<".length;
  for (let at = from; at < type.length; at++) {
    const sign = type[at]!;
    if (sign === "<") depth += 1;
    if ((sign === "," && depth === 0) || at === type.length - 1) {
      const [name = "", ...rest] = type.slice(from, at).trim().split(" ");
      fields.set(name.replaceAll("`", ""), rest.join(" "));
      from = at + 1;
    }
    if (sign === ">") depth -= 1;
  }
  return fields;
}

/** Makes tables in one warehouse that are those of another: what takes this machine seconds to build takes an emulator many minutes. */
export async function copyTables(from: Warehouse, to: Warehouse, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    const columns = (await from.columns(table))!;
    const described = columns.map(({ name, type }) => `\`${name}\` ${type}`).join(", ");
    await to.execute(`create schema if not exists ${table.split(".")[0]}; create table ${table} (${described})`);
    const { rows } = await from.query(`select * from ${table}`);
    const values = rows.map((row) => `(${columns.map(({ name, type }) => literal(row[name], type)).join(", ")})`);
    for (let at = 0; at < values.length; at += 20)
      await to.execute(`insert into ${table} values ${values.slice(at, at + 20).join(",\n")}`);
  }
}
