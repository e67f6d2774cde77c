import type { LiteralValue } from "../functions/contract.ts";
import { duckdbType, type GoogleSqlType, structFieldName } from "../types.ts";

/** A DuckDB identifier, always quoted. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A DuckDB VARCHAR literal; NUL cannot stand in one, so it is spliced in. */
export function stringText(value: string): string {
  const quoted = `'${value.replaceAll("'", "''")}'`;
  return quoted.includes("\0") ? `(${quoted.split("\0").join("' || chr(0) || '")})` : quoted;
}

export function bytesText(value: Uint8Array): string {
  let text = "'";
  for (const byte of value) text += `\\x${byte.toString(16).padStart(2, "0").toUpperCase()}`;
  return `${text}'::BLOB`;
}

/** A DOUBLE literal that reads back to the same bits. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return "'nan'::DOUBLE";
  if (!Number.isFinite(value)) return value > 0 ? "'inf'::DOUBLE" : "'-inf'::DOUBLE";
  if (Object.is(value, -0)) return "'-0.0'::DOUBLE";
  return `'${String(value)}'::DOUBLE`;
}

export function intText(value: bigint): string {
  // The parser of DuckDB reads a minus as an operator, and the smallest BIGINT has no positive counterpart.
  return value < 0n ? `'${value}'::BIGINT` : `${value}::BIGINT`;
}

/** DuckDB SQL of a constant of that GoogleSQL type; texts must be canonical already. */
export function literalText(value: LiteralValue, type: GoogleSqlType): string {
  if (value === null) return `CAST(NULL AS ${duckdbType(type)})`;
  switch (type.kind) {
    case "BOOL":
      return value ? "true" : "false";
    case "INT64":
      return intText(value as bigint);
    case "FLOAT64":
      return doubleText(value as number);
    case "BYTES":
      return bytesText(value as Uint8Array);
    case "STRING":
    case "COLLATED":
    case "BIGNUMERIC":
      return stringText(value as string);
    default:
      return `${stringText(value as string)}::${duckdbType(type)}`;
  }
}

/** A DuckDB STRUCT with our positional field names. */
export function structText(fields: readonly string[]): string {
  if (fields.length === 0) return "{'f0': true}";
  return `{${fields.map((field, i) => `'${structFieldName(i)}': ${field}`).join(", ")}}`;
}
