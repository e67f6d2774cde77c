import { dateText, datetimeText, timestampText, timeText } from "../emit/civil.ts";
import { decimalText, numericKind } from "../emit/decimal.ts";
import { intervalText } from "../emit/intervals.ts";
import type { JsValue } from "../functions/contract.ts";
import { canonicalJson } from "../functions/json-tree.ts";
import { type GoogleSqlType, structFieldName } from "../types.ts";
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  INTERVAL,
  LIST,
  STRUCT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  VARCHAR,
} from "./client.ts";

/**
 * An exact GoogleSQL value: INT64 bigint; FLOAT64 number; NUMERIC and BIGNUMERIC canonical decimal text; BYTES Uint8Array;
 * DATE, TIME, DATETIME, TIMESTAMP (`2024-01-31 12:00:00.123456+00`), INTERVAL, RANGE as GoogleSQL prints them;
 * JSON canonical text; ARRAY an array; STRUCT its fields in order, since names may repeat or be missing.
 */
export type Value = bigint | number | string | boolean | Uint8Array | null | readonly Value[] | readonly StructEntry[];

export interface StructEntry {
  /** "" for an anonymous field. */
  readonly name: string;
  readonly value: Value;
}

/** Reads what DuckDB gave for a column of that GoogleSQL type. */
export function decodeValue(value: DuckDBValue, type: GoogleSqlType): Value {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case "BOOL":
      return value as boolean;
    case "INT64": {
      const whole = BigInt(value as bigint | number);
      if (whole > 0x7fff_ffff_ffff_ffffn || whole < -0x8000_0000_0000_0000n)
        throw new RangeError(`int64 overflow: ${whole}`);
      return whole;
    }
    case "FLOAT64":
      return Number(value);
    case "NUMERIC":
      return numericText(value);
    case "BIGNUMERIC":
    case "STRING":
    case "COLLATED":
      return String(value);
    case "BYTES":
      return new Uint8Array((value as DuckDBBlobValue).bytes);
    case "DATE":
      return dateText((value as DuckDBDateValue).days);
    case "TIME":
      return timeText((value as DuckDBTimeValue).micros);
    case "DATETIME":
      return datetimeText((value as DuckDBTimestampValue).micros);
    case "TIMESTAMP":
      return timestampText((value as DuckDBTimestampTZValue).micros);
    case "INTERVAL":
      return intervalText(value as DuckDBIntervalValue);
    case "JSON":
      return canonicalJson(String(value));
    case "ARRAY":
      return (value as DuckDBListValue).items.map((item) => decodeValue(item, type.element));
    case "RANGE": {
      const { entries } = value as DuckDBStructValue;
      const bound = (field: string): string => {
        const decoded = decodeValue(entries[field] ?? null, type.element);
        return decoded === null ? "UNBOUNDED" : String(decoded);
      };
      return `[${bound("f1")}, ${bound("f2")})`;
    }
    case "STRUCT": {
      const { entries } = value as DuckDBStructValue;
      return type.fields.map((field, i) => ({
        name: field.name ?? "",
        value: decodeValue(entries[structFieldName(i)] ?? null, field.type),
      }));
    }
  }
}

function numericText(value: DuckDBValue): string {
  const scaled =
    value instanceof DuckDBDecimalValue
      ? value.value * 10n ** BigInt(9 - value.scale)
      : BigInt(value as bigint | number) * 10n ** 9n;
  if (scaled > numericKind.max || scaled < numericKind.min) throw new RangeError("numeric overflow");
  return decimalText(scaled, 9);
}

const plainTypes: Readonly<Record<string, DuckDBType>> = {
  BIGINT,
  INTEGER,
  DOUBLE,
  VARCHAR,
  JSON: VARCHAR,
  BOOLEAN,
  BLOB,
  DATE,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  INTERVAL,
};

/** The DuckDB type that a type text of a JS function means: `BIGINT`, `VARCHAR[]`, `STRUCT(f1 BIGINT, f2 DOUBLE)`. */
export function typeOfText(text: string): DuckDBType {
  const trimmed = text.trim();
  if (trimmed.endsWith("[]")) return LIST(typeOfText(trimmed.slice(0, -2)));
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(trimmed);
  if (decimal) return DECIMAL(Number(decimal[1]), Number(decimal[2]));
  const struct = /^STRUCT\((.*)\)$/s.exec(trimmed);
  if (struct) {
    const fields: Record<string, DuckDBType> = {};
    for (const part of splitTop(struct[1]!)) {
      const space = part.indexOf(" ");
      fields[part.slice(0, space)] = typeOfText(part.slice(space + 1));
    }
    return STRUCT(fields);
  }
  const plain = plainTypes[trimmed.toUpperCase()];
  if (!plain) throw new Error(`no such DuckDB type for a JS function: ${text}`);
  return plain;
}

export function splitTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === undefined || (c === "," && depth === 0)) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return parts;
}

/** What a JS function sees of a DuckDB value. */
export function toJsValue(value: DuckDBValue): JsValue {
  if (value === null || typeof value !== "object") return value as JsValue;
  if (value instanceof DuckDBBlobValue) return value.bytes;
  if (value instanceof DuckDBDateValue) return value.days;
  if (
    value instanceof DuckDBTimestampValue ||
    value instanceof DuckDBTimestampTZValue ||
    value instanceof DuckDBTimeValue
  ) {
    return value.micros;
  }
  if (value instanceof DuckDBDecimalValue) return value.value;
  if (value instanceof DuckDBIntervalValue) return { months: value.months, days: value.days, micros: value.micros };
  if (value instanceof DuckDBListValue) return value.items.map(toJsValue);
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([name, field]) => [name, toJsValue(field)]));
  }
  throw new Error(`a DuckDB value that JS functions do not take: ${String(value)}`);
}

/** A writer of what a JS function returns, for one result type. */
export function fromJsValue(text: string): (value: JsValue) => DuckDBValue {
  const trimmed = text.trim().toUpperCase();
  const orNull =
    (make: (value: never) => DuckDBValue) =>
    (value: JsValue): DuckDBValue =>
      value === null || value === undefined ? null : make(value as never);
  if (trimmed.endsWith("[]")) {
    const item = fromJsValue(trimmed.slice(0, -2));
    return orNull((value: readonly JsValue[]) => new DuckDBListValue(value.map(item)));
  }
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(trimmed);
  if (decimal) return orNull((value: bigint) => new DuckDBDecimalValue(value, Number(decimal[1]), Number(decimal[2])));
  const struct = /^STRUCT\((.*)\)$/s.exec(trimmed);
  if (struct) {
    const fields = splitTop(struct[1]!).map((part) => {
      const space = part.indexOf(" ");
      return { name: part.slice(0, space).toLowerCase(), write: fromJsValue(part.slice(space + 1)) };
    });
    return orNull(
      (value: Record<string, JsValue>) =>
        new DuckDBStructValue(
          Object.fromEntries(fields.map((field) => [field.name, field.write(value[field.name] ?? null)])),
        ),
    );
  }
  switch (trimmed) {
    case "BLOB":
      return orNull((value: Uint8Array) => new DuckDBBlobValue(value));
    case "DATE":
      return orNull((value: number) => new DuckDBDateValue(value));
    case "TIME":
      return orNull((value: bigint) => new DuckDBTimeValue(value));
    case "TIMESTAMP":
      return orNull((value: bigint) => new DuckDBTimestampValue(value));
    case "TIMESTAMPTZ":
      return orNull((value: bigint) => new DuckDBTimestampTZValue(value));
    case "INTERVAL":
      return orNull(
        (value: { months: number; days: number; micros: bigint }) =>
          new DuckDBIntervalValue(value.months, value.days, value.micros),
      );
    default:
      return (value) => (value ?? null) as DuckDBValue;
  }
}
