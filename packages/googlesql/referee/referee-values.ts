import type { Value } from "../duckdb/values.ts";
import { dateText, datetimeText, timestampText, timeText } from "../emit/civil.ts";
import { decimalText } from "../emit/decimal.ts";
import { intervalText } from "../emit/intervals.ts";
import { canonicalJson } from "../functions/json-tree.ts";
import { arrayOf, type GoogleSqlType, rangeOf, type ScalarKind, scalarTypes } from "../types.ts";

/** zetasql.TypeProto, as far as BigQuery's types need it. */
export interface WireType {
  readonly typeKind: string;
  readonly arrayType?: { readonly elementType: WireType };
  readonly structType?: { readonly field?: readonly { readonly fieldName?: string; readonly fieldType: WireType }[] };
  readonly rangeType?: { readonly elementType: WireType };
}

/** zetasql.ValueProto: no key at all is NULL. */
export interface WireValue {
  readonly boolValue?: boolean;
  readonly int64Value?: string;
  readonly doubleValue?: number;
  readonly stringValue?: string;
  readonly bytesValue?: Buffer;
  readonly dateValue?: number;
  readonly timestampValue?: { readonly seconds?: string; readonly nanos?: number };
  readonly datetimeValue?: { readonly bitFieldDatetimeSeconds?: string; readonly nanos?: number };
  readonly timeValue?: string;
  readonly numericValue?: Buffer;
  readonly bignumericValue?: Buffer;
  readonly jsonValue?: string;
  readonly intervalValue?: Buffer;
  readonly arrayValue?: { readonly element?: readonly WireValue[] };
  readonly structValue?: { readonly field?: readonly WireValue[] };
  readonly rangeValue?: { readonly start?: WireValue; readonly end?: WireValue };
  readonly value?: string;
}

const kinds: Readonly<Record<string, ScalarKind>> = {
  TYPE_BOOL: "BOOL",
  TYPE_INT64: "INT64",
  TYPE_DOUBLE: "FLOAT64",
  TYPE_NUMERIC: "NUMERIC",
  TYPE_BIGNUMERIC: "BIGNUMERIC",
  TYPE_STRING: "STRING",
  TYPE_BYTES: "BYTES",
  TYPE_DATE: "DATE",
  TYPE_TIME: "TIME",
  TYPE_DATETIME: "DATETIME",
  TYPE_TIMESTAMP: "TIMESTAMP",
  TYPE_INTERVAL: "INTERVAL",
  TYPE_JSON: "JSON",
};

export function refereeType(type: WireType): GoogleSqlType {
  if (type.typeKind === "TYPE_ARRAY") return arrayOf(refereeType(type.arrayType!.elementType));
  if (type.typeKind === "TYPE_RANGE") return rangeOf(refereeType(type.rangeType!.elementType));
  if (type.typeKind === "TYPE_STRUCT") {
    return {
      kind: "STRUCT",
      fields: (type.structType?.field ?? []).map((field) => ({
        name: field.fieldName || undefined,
        type: refereeType(field.fieldType),
      })),
    };
  }
  const kind = kinds[type.typeKind];
  if (kind === undefined) throw new Error(`the referee answered with a ${type.typeKind}`);
  return scalarTypes[kind];
}

/** The value in the form in which the local engine gives it (duckdb/values.ts). */
export function decodeReferee(wire: WireValue, type: GoogleSqlType): Value {
  switch (type.kind) {
    case "BOOL":
      return wire.boolValue ?? null;
    case "INT64":
      return wire.int64Value === undefined ? null : BigInt(wire.int64Value);
    case "FLOAT64":
      return wire.doubleValue ?? null;
    case "STRING":
    case "COLLATED":
      return wire.stringValue ?? null;
    case "BYTES":
      return wire.bytesValue === undefined ? null : new Uint8Array(wire.bytesValue);
    case "NUMERIC":
      return wire.numericValue === undefined ? null : decimalText(littleEndian(wire.numericValue), 9);
    case "BIGNUMERIC":
      return wire.bignumericValue === undefined ? null : decimalText(littleEndian(wire.bignumericValue), 38);
    case "DATE":
      return wire.dateValue === undefined ? null : dateText(wire.dateValue);
    case "TIMESTAMP": {
      const at = wire.timestampValue;
      return at ? timestampText(BigInt(at.seconds ?? 0) * 1_000_000n + BigInt(at.nanos ?? 0) / 1000n) : null;
    }
    case "DATETIME": {
      const at = wire.datetimeValue;
      return at ? datetimeText(civilMicros(BigInt(at.bitFieldDatetimeSeconds ?? 0), BigInt(at.nanos ?? 0))) : null;
    }
    case "TIME":
      return wire.timeValue === undefined ? null : timeText(timeMicros(BigInt(wire.timeValue)));
    case "INTERVAL":
      return wire.intervalValue === undefined ? null : intervalOf(wire.intervalValue);
    case "JSON":
      return wire.jsonValue === undefined ? null : canonicalJson(wire.jsonValue);
    case "ARRAY":
      return wire.arrayValue
        ? (wire.arrayValue.element ?? []).map((element) => decodeReferee(element, type.element))
        : null;
    case "STRUCT":
      return wire.structValue
        ? type.fields.map((field, i) => ({
            name: field.name ?? "",
            value: decodeReferee(wire.structValue?.field?.[i] ?? {}, field.type),
          }))
        : null;
    case "RANGE": {
      const range = wire.rangeValue;
      if (!range) return null;
      const bound = (end: WireValue | undefined) => decodeReferee(end ?? {}, type.element) ?? "UNBOUNDED";
      return `[${bound(range.start)}, ${bound(range.end)})`;
    }
  }
}

/** Two's complement of any length, lowest byte first. */
function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return bytes.length > 0 && bytes.at(-1)! >= 0x80 ? value - (1n << BigInt(8 * bytes.length)) : value;
}

/** year (14 bits up) month 4 day 5 hour 5 minute 6 second 6: zetasql/public/civil_time.h. */
function civilMicros(bits: bigint, nanos: bigint): bigint {
  const take = (shift: bigint, width: bigint) => Number((bits >> shift) & ((1n << width) - 1n));
  const date = new Date(0);
  date.setUTCFullYear(take(26n, 14n), take(22n, 4n) - 1, take(17n, 5n));
  const seconds = BigInt(date.getTime() / 1000 + take(12n, 5n) * 3600 + take(6n, 6n) * 60 + take(0n, 6n));
  return seconds * 1_000_000n + nanos / 1000n;
}

/** hour 5 minute 6 second 6 nanos 30: zetasql/public/civil_time.h. */
function timeMicros(bits: bigint): bigint {
  const nanos = bits & ((1n << 30n) - 1n);
  const rest = bits >> 30n;
  const seconds = ((rest >> 12n) & 31n) * 3600n + ((rest >> 6n) & 63n) * 60n + (rest & 63n);
  return seconds * 1_000_000n + nanos / 1000n;
}

/** micros int64, days int32, then the months' sign, 18 bits of months, and the nanos: zetasql/public/interval_value.h. */
function intervalOf(bytes: Buffer): string {
  const packed = bytes.readUInt32LE(12);
  const months = (packed & 0x7fff_ffff) >>> 13;
  return intervalText({
    months: packed >>> 31 ? -months : months,
    days: bytes.readInt32LE(8),
    micros: bytes.readBigInt64LE(0),
  });
}
