import { type GoogleSqlType, typeName } from "../../../packages/googlesql/index.ts";

/** A value written down in a test file does not fit its column. */
export class ValueMismatch extends Error {}

const micros = (text: string): string => text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
const civil =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?\s*(Z|UTC|[+-]\d{1,2}(?::?\d{2})?)?$/i;

/**
 * A value of a YAML test file as the Warehouse port writes values of that type: timestamps in UTC with `Z`, decimals without
 * trailing zeros, JSON as text with sorted keys. Both sides of a comparison go through here. Throws a ValueMismatch.
 */
export function typedValue(value: unknown, type: GoogleSqlType): unknown {
  if (value === null || value === undefined) return null;
  const fail = (): never => {
    const shown =
      typeof value === "object"
        ? JSON.stringify(value, (_k, v) => (typeof v === "bigint" ? String(v) : v))
        : String(value);
    throw new ValueMismatch(`${shown} is no ${typeName(type)}`);
  };
  const text = (): string =>
    typeof value === "string" || typeof value === "number" || typeof value === "bigint" ? String(value) : fail();
  switch (type.kind) {
    case "BOOL":
      return typeof value === "boolean" ? value : value === "true" ? true : value === "false" ? false : fail();
    case "INT64":
      return /^[+-]?\d+$/.test(text()) ? BigInt(text()) : fail();
    case "FLOAT64": {
      const special = ({ nan: Number.NaN, inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY } as const)[
        text().toLowerCase().replace(/^\./, "").replace(/^-\./, "-") as "nan"
      ];
      if (special !== undefined) return special;
      const number = Number(text());
      return typeof value !== "string" || (text().trim() !== "" && !Number.isNaN(number)) ? number : fail();
    }
    case "NUMERIC":
    case "BIGNUMERIC":
      return decimal(text()) ?? fail();
    case "STRING":
      return typeof value === "boolean" ? String(value) : text();
    case "BYTES":
      return value instanceof Uint8Array ? value : new Uint8Array(Buffer.from(text(), "base64"));
    case "DATE":
      return civil.exec(text())?.[1] ?? fail();
    case "DATETIME": {
      const [, date, time] = civil.exec(text()) ?? fail();
      return `${date}T${clock(time ?? "00:00:00")}`;
    }
    case "TIMESTAMP":
      return instant(text()) ?? fail();
    case "TIME":
      return /^\d{1,2}:\d{2}/.test(text()) ? clock(text()) : fail();
    case "JSON":
      return canonicalJson(typeof value === "string" ? parseJson(value) : value);
    case "ARRAY":
      return Array.isArray(value) ? value.map((item) => typedValue(item, type.element)) : fail();
    case "STRUCT": {
      if (typeof value !== "object" || Array.isArray(value)) return fail();
      const given = new Map(Object.entries(value as object).map(([key, item]) => [key.toLowerCase(), item]));
      const names = type.fields.map((field, i) => (field.name ?? `_field_${i + 1}`).toLowerCase());
      const unknown = [...given.keys()].find((key) => !names.includes(key));
      if (unknown !== undefined) throw new ValueMismatch(`${typeName(type)} has no field "${unknown}"`);
      return Object.fromEntries(
        type.fields.map((field, i) => [field.name ?? `_field_${i + 1}`, typedValue(given.get(names[i]!), field.type)]),
      );
    }
    default:
      return text();
  }
}

function clock(time: string): string {
  const [hour = "0", minute = "00", second = "00"] = time.split(":");
  return micros(`${hour.padStart(2, "0")}:${minute}:${second}${second.includes(".") ? "" : ".0"}`);
}

/** In UTC, at most microseconds, no trailing zeros: `2023-11-14T22:13:21Z`. */
function instant(text: string): string | undefined {
  const [, date, time = "00:00:00", zone = "Z"] = civil.exec(text.trim()) ?? [];
  if (date === undefined) return undefined;
  const [, whole, fraction = ""] = /^([^.]*)(?:\.(\d+))?$/.exec(clock(time)) ?? [];
  const offset = /^(Z|UTC)$/i.test(zone) ? 0 : offsetMinutes(zone);
  const ms = Date.parse(`${date}T${whole}Z`) - offset * 60_000;
  if (Number.isNaN(ms)) return undefined;
  const seconds = new Date(ms).toISOString().slice(0, 19);
  return `${seconds}${fraction === "" ? "" : `.${fraction.slice(0, 6)}`}Z`;
}

function offsetMinutes(zone: string): number {
  const [, sign, hours, minutes = "0"] = /^([+-])(\d{1,2}):?(\d{2})?$/.exec(zone) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** Without leading or trailing zeros: `1.50` is `1.5`, `-0` is `0`. */
function decimal(text: string): string | undefined {
  const [, sign, whole = "", fraction = "", exponent] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text.trim()) ?? [];
  if (sign === undefined || (whole === "" && fraction === "")) return undefined;
  if (exponent !== undefined) return decimal(shift(sign, whole, fraction, Number(exponent)));
  const left = whole.replace(/^0+(?=\d)/, "") || "0";
  const right = fraction.replace(/0+$/, "");
  const number = right === "" ? left : `${left}.${right}`;
  return sign === "-" && number !== "0" ? `-${number}` : number;
}

function shift(sign: string, whole: string, fraction: string, by: number): string {
  const digits = whole + fraction;
  const point = whole.length + by;
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return `${sign}${digits}${"0".repeat(point - digits.length)}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** JSON text with sorted keys, so that equal documents are equal texts. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, item) => {
    if (typeof item === "bigint") return Number(item);
    return typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item;
  });
