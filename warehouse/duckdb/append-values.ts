import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBValue,
  listValue,
  structValue,
} from "../../packages/googlesql/duckdb/client.ts";
import { type GoogleSqlType, structFieldName, typeName } from "../../packages/googlesql/index.ts";

/** A value that a column of its type cannot hold. */
export class UnfitValue extends Error {}

const civil =
  /^(-?\d{1,6}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i;

/**
 * A value as the Warehouse port gives it, as DuckDB takes it for a column of that GoogleSQL type: the way back of what a query
 * reads. Numbers may be given for INT64 and decimals where they are exact, Dates for TIMESTAMP. Throws UnfitValue.
 */
export function toDuckDb(value: unknown, type: GoogleSqlType): DuckDBValue {
  if (value === null || value === undefined) return null;
  const fail = (): never => {
    throw new UnfitValue(`${describe(value)} is no ${typeName(type)}`);
  };
  switch (type.kind) {
    case "BOOL":
      return typeof value === "boolean" ? value : fail();
    case "INT64": {
      if (typeof value === "bigint") return inInt64(value) ? value : fail();
      if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
      if (typeof value === "string" && /^[+-]?\d+$/.test(value)) return inInt64(BigInt(value)) ? BigInt(value) : fail();
      return fail();
    }
    case "FLOAT64":
      if (typeof value === "number") return value;
      return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : fail();
    case "NUMERIC":
      return new DuckDBDecimalValue(unscaled(decimalText(value) ?? fail(), 9) ?? fail(), 38, 9);
    case "BIGNUMERIC":
      return decimalText(value) ?? fail();
    case "STRING":
      return typeof value === "string" ? value : fail();
    case "BYTES":
      return value instanceof Uint8Array ? new DuckDBBlobValue(value) : fail();
    case "DATE": {
      const micros = instant(textOf(value));
      return micros === undefined ? fail() : new DuckDBDateValue(Number(micros / 86_400_000_000n));
    }
    case "DATETIME":
      return new DuckDBTimestampValue(instant(textOf(value)) ?? fail());
    case "TIMESTAMP":
      return new DuckDBTimestampTZValue(instant(value instanceof Date ? value.toISOString() : textOf(value)) ?? fail());
    case "TIME": {
      const micros = instant(`1970-01-01T${textOf(value)}`);
      return micros === undefined ? fail() : new DuckDBTimeValue(micros);
    }
    case "INTERVAL":
      return value instanceof DuckDBIntervalValue ? value : fail();
    case "JSON":
      return typeof value === "string" ? (jsonText(value) ?? fail()) : JSON.stringify(value);
    case "ARRAY":
      return Array.isArray(value) ? listValue(value.map((item) => toDuckDb(item, type.element))) : fail();
    case "STRUCT": {
      if (typeof value !== "object" || Array.isArray(value)) return fail();
      const given = new Map(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item as unknown]));
      const fields = type.fields.map((field, i) => {
        const name = (field.name ?? `_field_${i + 1}`).toLowerCase();
        return [structFieldName(i), toDuckDb(given.get(name), field.type)] as const;
      });
      return structValue(Object.fromEntries(fields));
    }
    default:
      return fail();
  }
}

const inInt64 = (value: bigint): boolean => BigInt.asIntN(64, value) === value;
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function describe(value: unknown): string {
  const text =
    typeof value === "object"
      ? JSON.stringify(value, (_k, item) => (typeof item === "bigint" ? String(item) : item))
      : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Microseconds since 1970 of a civil time, in its zone or UTC. */
function instant(text: string): bigint | undefined {
  const [, date, time = "00:00:00", fraction = "", zone = "Z"] = civil.exec(text) ?? [];
  if (date === undefined) return undefined;
  const seconds = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}Z`);
  if (Number.isNaN(seconds) || fraction.slice(6).replaceAll("0", "") !== "") return undefined;
  const offset = /^(Z|UTC)$/i.test(zone) ? 0 : offsetMinutes(zone);
  return BigInt(seconds - offset * 60_000) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
}

function offsetMinutes(zone: string): number {
  const [, sign, hours, minutes = "0"] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function decimalText(value: unknown): string | undefined {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number")
    return Number.isSafeInteger(value) || Number.isFinite(value) ? plain(String(value)) : undefined;
  return typeof value === "string" && /^[+-]?(\d+\.?\d*|\.\d+)$/.test(value.trim()) ? value.trim() : undefined;
}

/** Without an exponent. */
const plain = (text: string): string | undefined => (/e/i.test(text) ? undefined : text);

/** The digits of a decimal at a fixed scale; undefined when it has more of them. */
function unscaled(text: string, scale: number): bigint | undefined {
  const [, sign, whole = "", fraction = ""] = /^([+-]?)(\d*)\.?(\d*)$/.exec(text) ?? [];
  if (sign === undefined || fraction.slice(scale).replaceAll("0", "") !== "") return undefined;
  const digits = BigInt(`${whole}${fraction.slice(0, scale).padEnd(scale, "0")}` || "0");
  return digits >= 10n ** 38n ? undefined : sign === "-" ? -digits : digits;
}

function jsonText(text: string): string | undefined {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
