import { supertypeOf } from "../coercion.ts";
import {
  dateText,
  datetimeText,
  parseDate,
  parseDatetime,
  parseTime,
  parseTimestamp,
  timestampText,
  timeText,
} from "../emit/civil.ts";
import { bignumericText, decimalText, numericKind, readBignumeric, readDecimal } from "../emit/decimal.ts";
import { castInterval, intervalText } from "../emit/intervals.ts";
import { GoogleSqlError, GoogleSqlParameterError } from "../errors.ts";
import { canonicalJson } from "../functions/json-tree.ts";
import { rangeParts } from "../functions/range-steps.ts";
import type { Binding } from "../translate.ts";
import { arrayOf, type GoogleSqlType, parseType, scalarTypes, typeName } from "../types.ts";
import { bindingOf } from "./render-value.ts";
import type { StructEntry, Value } from "./values.ts";

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
 * BYTES, arrays ARRAY, records STRUCT; `{type, value}` says the type itself. Null without a type is a STRING. `name` is for the
 * message. Throws a GoogleSqlParameterError for a type that is none, and for a value that is none of its type.
 */
export function parameterBinding(given: unknown, name: string): Binding {
  const fail = (what: string, hint?: string): never => {
    throw new GoogleSqlParameterError(`Query parameter ${name}: ${what}`, hint);
  };
  try {
    const type = typeOfJs(given, fail);
    return bindingOf(toValue(isTyped(given) ? given.value : given, type, fail), type);
  } catch (error) {
    if (error instanceof GoogleSqlError) throw error;
    // A reader of texts says why it does not take one.
    return fail(error instanceof Error ? error.message : String(error));
  }
}

/** The values of `?`, in order. */
export const positionalBindings = (given: readonly unknown[]): readonly Binding[] =>
  given.map((value, i) => parameterBinding(value, `${i + 1}`));

/** The values of `@name`, by names in lower case. */
export const namedBindings = (given: Readonly<Record<string, unknown>> = {}): ReadonlyMap<string, Binding> =>
  new Map(Object.entries(given).map(([name, value]) => [name.toLowerCase(), parameterBinding(value, `@${name}`)]));

type Fail = (what: string, hint?: string) => never;

function typeNamed(text: string, fail: Fail): GoogleSqlType {
  const hint = "write the type as GoogleSQL does: INT64, ARRAY<STRING>, STRUCT<a DATE>";
  let type: GoogleSqlType;
  try {
    type = parseType(text);
  } catch {
    return fail(`"${text}" is no GoogleSQL type`, hint);
  }
  if (type.kind === "ARRAY" && type.element.kind === "ARRAY") return fail("there are no arrays of arrays", hint);
  return type;
}

function typeOfJs(value: unknown, fail: Fail): GoogleSqlType {
  if (isTyped(value)) return typeNamed(value.type, fail);
  switch (typeof value) {
    case "bigint":
      return scalarTypes.INT64;
    case "number":
      return Number.isSafeInteger(value) ? scalarTypes.INT64 : scalarTypes.FLOAT64;
    case "boolean":
      return scalarTypes.BOOL;
    case "string":
    case "undefined":
      return scalarTypes.STRING;
    case "object":
      if (value === null) return scalarTypes.STRING;
      if (value instanceof Date) return scalarTypes.TIMESTAMP;
      if (value instanceof Uint8Array) return scalarTypes.BYTES;
      if (Array.isArray(value)) return arrayOf(elementTypeOf(value, fail));
      return {
        kind: "STRUCT",
        fields: Object.entries(value).map(([name, field]) => ({ name, type: typeOfJs(field, fail) })),
      };
    default:
      return fail(`a ${typeof value} is no value of GoogleSQL`);
  }
}

function elementTypeOf(items: readonly unknown[], fail: Fail): GoogleSqlType {
  const types = items.filter((item) => item !== null).map((item) => ({ type: typeOfJs(item, fail) }));
  if (types.length === 0) return scalarTypes.STRING;
  const type =
    supertypeOf(types) ??
    fail("the elements of an array have one type", 'say it: { type: "ARRAY<STRING>", value: […] }');
  return type.kind === "ARRAY" ? fail("there are no arrays of arrays") : type;
}

function toValue(given: unknown, type: GoogleSqlType, fail: Fail): Value {
  const value = isTyped(given) ? given.value : given;
  if (value === null || value === undefined) return null;
  const unfit = (): never => fail(`${shown(value)} is no ${typeName(type)}`);
  /** A text that the reader takes, as it is printed. */
  const text = <T>(read: (text: string) => T | undefined, print: (read: T) => string): string => {
    const found = typeof value === "string" ? read(value) : undefined;
    return found === undefined ? unfit() : print(found);
  };
  const digits = (): string =>
    typeof value === "string" || typeof value === "number" || typeof value === "bigint" ? String(value) : unfit();
  switch (type.kind) {
    case "BOOL":
      return typeof value === "boolean" ? value : unfit();
    case "INT64": {
      const isWhole = typeof value === "number" ? Number.isSafeInteger(value) : /^[+-]?\d+$/.test(digits());
      const whole = isWhole ? BigInt(digits().replace(/^\+/, "")) : unfit();
      return BigInt.asIntN(64, whole) === whole ? whole : unfit();
    }
    case "FLOAT64": {
      const special = { inf: Infinity, "+inf": Infinity, "-inf": -Infinity, nan: Number.NaN }[digits().toLowerCase()];
      if (typeof value !== "string" || special !== undefined) return special ?? Number(value);
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : unfit();
    }
    case "NUMERIC":
      return decimalText(readDecimal(digits(), numericKind), numericKind.scale);
    case "BIGNUMERIC":
      return bignumericText(readBignumeric(digits()));
    case "STRING":
    case "COLLATED":
      return typeof value === "boolean" ? String(value) : digits();
    case "BYTES":
      return value instanceof Uint8Array ? value : unfit();
    case "DATE":
      return text(parseDate, dateText);
    case "TIME":
      return text(parseTime, timeText);
    case "DATETIME":
      return text(parseDatetime, datetimeText);
    case "TIMESTAMP": {
      if (!(value instanceof Date)) return text(parseTimestamp, timestampText);
      return Number.isNaN(value.getTime()) ? unfit() : timestampText(BigInt(value.getTime()) * 1000n);
    }
    case "INTERVAL":
      return text(castInterval, intervalText);
    case "RANGE": {
      if (typeof value !== "string") return unfit();
      const bounds = rangeParts(value).map((bound) => toValue(bound, type.element, fail) ?? "UNBOUNDED");
      return `[${bounds.join(", ")})`;
    }
    case "JSON":
      return canonicalJson(typeof value === "string" ? value : (JSON.stringify(value) ?? unfit()));
    case "ARRAY":
      return Array.isArray(value) ? value.map((item) => toValue(item, type.element, fail)) : unfit();
    case "STRUCT": {
      if (typeof value !== "object") return unfit();
      const entries = Array.isArray(value) ? (value as readonly unknown[]) : undefined;
      const record = value as Readonly<Record<string, unknown>>;
      const other = entries ? undefined : Object.keys(record).find((key) => !type.fields.some((f) => f.name === key));
      if (other !== undefined) return fail(`${typeName(type)} has no field ${other}`);
      return type.fields.map((field, i) => {
        const own = entries ? ((entries[i] as StructEntry | undefined)?.value ?? entries[i]) : record[field.name ?? ""];
        return { name: field.name ?? "", value: toValue(own, field.type, fail) };
      });
    }
    default:
      return unfit();
  }
}

const shown = (value: unknown): string => {
  const text =
    typeof value === "object" && !(value instanceof Date)
      ? JSON.stringify(value, (_key, item) => (typeof item === "bigint" ? String(item) : item))
      : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};
