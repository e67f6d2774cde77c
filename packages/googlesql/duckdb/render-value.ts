import { parseInterval } from "../emit/intervals.ts";
import { literalText, structText } from "../emit/text.ts";
import type { LiteralValue } from "../functions/contract.ts";
import type { Binding } from "../translate.ts";
import { duckdbType, type GoogleSqlType } from "../types.ts";
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
