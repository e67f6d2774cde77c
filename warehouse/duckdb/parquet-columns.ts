import {
  type GoogleSqlType,
  parseType,
  quoteName,
  readColumn,
  structFieldName,
} from "../../packages/googlesql/index.ts";
import type { Column } from "../warehouse.ts";
import { reshape } from "./reshape.ts";

/**
 * DuckDB expressions that turn what a file holds into columns as we store them: STRUCT fields by position, whole numbers 64 bits
 * wide, decimals at GoogleSQL's scale. `wanted` names and types the columns, their fields by name; without it they are those of
 * the file.
 */
export function storedColumns(
  described: readonly { readonly name: string; readonly type: string }[],
  wanted?: readonly Column[],
): readonly { readonly name: string; readonly type: GoogleSqlType; readonly sql: string }[] {
  const inFile = new Map(described.map((column) => [column.name.toLowerCase(), column]));
  const from = (name: string) => {
    const column = inFile.get(name.toLowerCase());
    if (column === undefined) return undefined;
    const known = readColumn(column.name, column.type, null);
    if (known === undefined)
      throw new Error(`column ${column.name} is of a type that GoogleSQL has no counterpart for: ${column.type}`);
    const sql = quoteName(column.name);
    return { type: known.type, sql: known.convert === undefined ? sql : known.convert(sql) };
  };
  if (wanted === undefined) return described.map((column) => ({ name: column.name, ...from(column.name)! }));
  return wanted.map(({ name, type: text }) => {
    const type = parseType(text);
    const found = from(name);
    const sql = found === undefined ? reshape("NULL", type, type) : reshape(found.sql, found.type, type);
    return { name, type, sql: type.kind === "BYTES" && found?.type.kind === "STRING" ? fromBase64(found.sql) : sql };
  });
}

/** Text that stands for bytes is base64, as BigQuery reads and writes it. */
const fromBase64 = (sql: string): string => `from_base64(${sql})`;

/** The way out: a stored column with the names that GoogleSQL knows its STRUCT fields by. */
export function exportedColumn(sql: string, type: GoogleSqlType): string {
  if (type.kind === "ARRAY" && hasStruct(type.element)) {
    return `list_transform(${sql}, lambda _x: ${exportedColumn("_x", type.element)})`;
  }
  if (type.kind !== "STRUCT") return sql;
  const fields = type.fields.map(
    (field, i) =>
      `${quoteName(field.name ?? `_field_${i + 1}`)} := ${exportedColumn(`struct_extract(${sql}, '${structFieldName(i)}')`, field.type)}`,
  );
  return `CASE WHEN ${sql} IS NULL THEN NULL ELSE struct_pack(${fields.join(", ")}) END`;
}

const hasStruct = (type: GoogleSqlType): boolean =>
  type.kind === "STRUCT" || (type.kind === "ARRAY" && hasStruct(type.element));
