import { supertypeOf } from "../coercion.ts";
import { parseInterval } from "../emit/intervals.ts";
import { literalText, structText } from "../emit/text.ts";
import type { LiteralValue } from "../functions/contract.ts";
import type { Binding } from "../translate.ts";
import { arrayOf, duckdbType, type GoogleSqlType, parseType, scalarTypes } from "../types.ts";
import type { StructEntry, Value } from "./values.ts";

/** DuckDB SQL of a decoded GoogleSQL value: what a script variable or parameter is put into a statement as. */
export function renderValue(value: Value, type: GoogleSqlType): string {
  if (value === null) return `CAST(NULL AS ${duckdbType(type)})`;
  switch (type.kind) {
    case "ARRAY": {
      const items = (value as readonly Value[]).map((item) => renderValue(item, type.element));
      return `CAST([${items.join(", ")}] AS ${duckdbType(type)})`;
    }
    case "STRUCT":
      return structText(
        (value as readonly StructEntry[]).map((entry, i) => renderValue(entry.value, type.fields[i]!.type)),
      );
    case "INTERVAL": {
      const parts = parseInterval(value as string);
      if (!parts) throw new Error(`not an INTERVAL: ${String(value)}`);
      return `(to_months(${parts.months}) + to_days(${parts.days}) + to_microseconds('${parts.micros}'::BIGINT))`;
    }
    case "RANGE": {
      const bounds = /^\[(.*), (.*)\)$/.exec(value as string);
      if (!bounds) throw new Error(`not a RANGE: ${String(value)}`);
      return structText(
        [bounds[1]!, bounds[2]!].map((bound) => renderValue(bound === "UNBOUNDED" ? null : bound, type.element)),
      );
    }
    default:
      return literalText(value as LiteralValue, type);
  }
}

/** A value with its type, as statements see it. */
export function bindingOf(value: Value, type: GoogleSqlType): Binding {
  const plain = type.kind !== "ARRAY" && type.kind !== "STRUCT" && type.kind !== "INTERVAL" && type.kind !== "RANGE";
  const fields =
    type.kind === "STRUCT" && value !== null
      ? type.fields.map((field, i) => bindingOf((value as readonly StructEntry[])[i]!.value, field.type))
      : undefined;
  return { type, sql: renderValue(value, type), literal: plain ? (value as LiteralValue) : undefined, fields };
}

/** An explicitly typed query parameter. */
export interface TypedParameter {
  /** GoogleSQL text: `DATE`, `ARRAY<INT64>`. */
  readonly type: string;
  readonly value: unknown;
}

const isTyped = (value: unknown): value is TypedParameter =>
  typeof value === "object" && value !== null && "type" in value && "value" in value && typeof value.type === "string";

/**
 * A query parameter from a JS value: bigint and whole numbers are INT64, other numbers FLOAT64, Date a TIMESTAMP, Uint8Array
 * BYTES, arrays ARRAY, records STRUCT; `{type, value}` says the type itself. Null without a type is a STRING.
 */
export function parameterBinding(given: unknown): Binding {
  if (isTyped(given)) {
    const type = parseType(given.type);
    return bindingOf(toValue(given.value, type), type);
  }
  const type = typeOfJs(given);
  return bindingOf(toValue(given, type), type);
}

function typeOfJs(value: unknown): GoogleSqlType {
  if (isTyped(value)) return parseType(value.type);
  switch (typeof value) {
    case "bigint":
      return scalarTypes.INT64;
    case "number":
      return Number.isSafeInteger(value) ? scalarTypes.INT64 : scalarTypes.FLOAT64;
    case "boolean":
      return scalarTypes.BOOL;
    case "object":
      if (value === null) break;
      if (value instanceof Date) return scalarTypes.TIMESTAMP;
      if (value instanceof Uint8Array) return scalarTypes.BYTES;
      if (Array.isArray(value)) {
        const types = value.filter((item) => item !== null).map((item) => ({ type: typeOfJs(item) }));
        return arrayOf((types.length > 0 ? supertypeOf(types) : undefined) ?? scalarTypes.STRING);
      }
      return {
        kind: "STRUCT",
        fields: Object.entries(value).map(([name, field]) => ({ name, type: typeOfJs(field) })),
      };
    default:
  }
  return scalarTypes.STRING;
}

function toValue(value: unknown, type: GoogleSqlType): Value {
  if (value === null || value === undefined) return null;
  if (isTyped(value)) return toValue(value.value, type);
  switch (type.kind) {
    case "INT64":
      return BigInt(value as bigint | number | string);
    case "FLOAT64":
      return Number(value);
    case "ARRAY":
      return (value as readonly unknown[]).map((item) => toValue(item, type.element));
    case "STRUCT": {
      const record = value as Readonly<Record<string, unknown>>;
      const entries = Array.isArray(value) ? (value as readonly unknown[]) : undefined;
      return type.fields.map((field, i) => ({
        name: field.name ?? "",
        value: toValue(
          entries ? ((entries[i] as StructEntry | undefined)?.value ?? entries[i]) : record[field.name ?? ""],
          field.type,
        ),
      }));
    }
    case "TIMESTAMP":
      return value instanceof Date ? value.toISOString() : String(value);
    case "JSON":
      return typeof value === "string" ? value : JSON.stringify(value);
    case "BOOL":
      return value as boolean;
    case "BYTES":
      return value as Uint8Array;
    default:
      return String(value);
  }
}
