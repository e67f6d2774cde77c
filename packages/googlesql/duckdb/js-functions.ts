import { parseDate, parseTimestamp } from "../emit/civil.ts";
import { bignumericText, decimalText, numericKind, readBignumeric, readDecimal } from "../emit/decimal.ts";
import type { JsFunction, JsValue } from "../functions/contract.ts";
import { GuestEnded, type GuestFunction, type Shape } from "../sandbox/guest-realm.ts";
import { checkFunction, releaseFunction, runFunction } from "../sandbox/sandbox.ts";
import { duckdbType, type GoogleSqlType, structFieldName, typeName } from "../types.ts";

export interface UserParameter {
  readonly name: string;
  readonly type: GoogleSqlType;
}

/** Functions made in this process. */
let made = 0;

/**
 * A function `LANGUAGE js` of the user's as a DuckDB scalar function, in the sandbox. Values pass as BigQuery documents it: BYTES as
 * base64 text, DATE and TIMESTAMP as Date, NUMERIC and BIGNUMERIC as a number where it is whole and at most 2^53 and as text
 * otherwise, JSON parsed, STRUCT as an object. Throws GuestSyntaxError when the code is no JavaScript.
 * https://cloud.google.com/bigquery/docs/user-defined-functions#supported-external-udf-data-types
 */
export function userJsFunction(
  name: `gs_${string}`,
  shownName: string,
  parameters: readonly UserParameter[],
  result: GoogleSqlType,
  code: string,
  isVolatile: boolean,
): JsFunction {
  const guest: GuestFunction = {
    names: parameters.map((parameter) => parameter.name),
    code,
    parameters: parameters.map(({ type }) => shapeOf(type, "in")),
    result: shapeOf(result, "out"),
  };
  checkFunction(guest);
  const encoders = parameters.map(({ type }) => encoderOf(type));
  const id = ++made;
  let wasCalled = false;
  const runRows = (rows: readonly (readonly JsValue[])[]): readonly JsValue[] => {
    const texts = rows.map((row) => `[${row.map((value, i) => encoders[i]!(value)).join(",")}]`);
    wasCalled = true;
    return runFunction(id, guest, texts).map(([isValue, value]) => {
      if (!isValue) throw new Error(`${String(value)} in function ${shownName}`);
      return read(value, result);
    });
  };
  const batch = (rows: readonly (readonly JsValue[])[]): readonly JsValue[] => {
    try {
      return runRows(rows);
    } catch (error) {
      if (error instanceof GuestEnded) throw new Error(`function ${shownName} was ended: ${error.message}`);
      throw error;
    }
  };
  return {
    name,
    args: parameters.map((parameter) => duckdbType(parameter.type)),
    result: duckdbType(result),
    nulls: "own",
    volatile: isVolatile,
    batch,
    release() {
      if (wasCalled) releaseFunction(id);
      wasCalled = false;
    },
    run: (...args) => batch([args])[0] ?? null,
  };
}

/** What BigQuery does not give to JavaScript, or take from it, within a type; undefined when it does all of it. */
export function unfitForJs(type: GoogleSqlType, way: "in" | "out"): GoogleSqlType | undefined {
  switch (type.kind) {
    case "ARRAY":
      return unfitForJs(type.element, way);
    case "STRUCT":
      for (const field of type.fields) {
        const found = unfitForJs(field.type, way);
        if (found) return found;
      }
      return undefined;
    case "INT64":
      return way === "in" ? type : undefined;
    case "DATETIME":
    case "TIME":
    case "INTERVAL":
    case "RANGE":
      return type;
    default:
      return undefined;
  }
}

function shapeOf(type: GoogleSqlType, way: "in" | "out"): Shape {
  switch (type.kind) {
    case "ARRAY":
      return { kind: "array", element: shapeOf(type.element, way) };
    case "STRUCT":
      return {
        kind: "object",
        fields: type.fields.map((field, i) => ({
          name: field.name ?? `_field_${i + 1}`,
          shape: shapeOf(field.type, way),
        })),
      };
    case "BOOL":
      return { kind: "boolean" };
    case "INT64":
      return { kind: "integer" };
    case "FLOAT64":
      return { kind: "number" };
    case "DATE":
    case "TIMESTAMP":
      return { kind: "date" };
    case "JSON":
      return { kind: "json" };
    default:
      return { kind: "text" };
  }
}

/** Writes a value as JSON text, as `toUser` of the guest reads it. */
function encoderOf(type: GoogleSqlType): (value: JsValue) => string {
  const encode = encodeKnown(type);
  return (value) => (value === null ? "null" : encode(value));
}

function encodeKnown(type: GoogleSqlType): (value: JsValue) => string {
  switch (type.kind) {
    case "BOOL":
      return String;
    case "FLOAT64":
      return (value) => {
        const number = value as number;
        return Number.isFinite(number) && !Object.is(number, -0)
          ? String(number)
          : `{"$":"${Object.is(number, -0) ? "-0" : number}"}`;
      };
    case "NUMERIC":
      return (value) => decimalJson(decimalText(value as bigint, 9));
    case "BIGNUMERIC":
      return (value) => decimalJson(String(value));
    case "BYTES":
      return (value) => JSON.stringify(Buffer.from(value as Uint8Array).toString("base64"));
    case "DATE":
      return (value) => String((value as number) * 86_400_000);
    case "TIMESTAMP":
      return (value) => String(floorDivide(value as bigint, 1000n));
    case "JSON":
      return String;
    case "ARRAY": {
      const element = encoderOf(type.element);
      return (value) => `[${(value as readonly JsValue[]).map(element).join(",")}]`;
    }
    case "STRUCT": {
      const fields = type.fields.map((field) => encoderOf(field.type));
      return (value) => {
        const record = value as Readonly<Record<string, JsValue>>;
        return `[${fields.map((field, i) => field(record[structFieldName(i)] ?? null)).join(",")}]`;
      };
    }
    default:
      return (value) => JSON.stringify(value);
  }
}

const floorDivide = (value: bigint, by: bigint): bigint => value / by - (value % by < 0n ? 1n : 0n);

/** A number where it is whole and no further from 0 than 2^53, text otherwise. */
const decimalJson = (text: string): string =>
  /^-?\d{1,16}$/.test(text) && Math.abs(Number(text)) <= 2 ** 53 && BigInt(text) === BigInt(Number(text))
    ? text
    : JSON.stringify(text);

const unfit = (value: unknown, type: GoogleSqlType): Error =>
  new Error(
    `Failed to coerce output value ${typeof value === "string" ? JSON.stringify(value) : JSON.stringify(value ?? null)} to type ${typeName(type)}`,
  );

/** A value of what `fromUser` of the guest wrote. Everything is looked at: the guest may have written anything. */
function read(value: unknown, type: GoogleSqlType): JsValue {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case "ARRAY":
      if (!Array.isArray(value)) throw unfit(value, type);
      return value.map((item) => read(item, type.element));
    case "STRUCT":
      if (!Array.isArray(value)) throw unfit(value, type);
      return Object.fromEntries(type.fields.map((field, i) => [structFieldName(i), read(value[i], field.type)]));
    case "BOOL":
      if (typeof value === "boolean") return value;
      if (typeof value === "string" && /^(true|false)$/i.test(value)) return value.toLowerCase() === "true";
      throw unfit(value, type);
    case "DATE":
      return readDate(value, type);
    case "TIMESTAMP":
      return readTimestamp(value, type);
    case "FLOAT64":
      if (typeof value === "number") return value;
      return readText(String(value), type);
    default:
      if (typeof value !== "string") throw unfit(value, type);
      return readText(value, type);
  }
}

function readText(text: string, type: GoogleSqlType): JsValue {
  switch (type.kind) {
    case "INT64": {
      if (!/^\s*[+-]?\d+\s*$/.test(text)) throw unfit(text, type);
      const whole = BigInt(text.trim().replace(/^\+/, ""));
      if (BigInt.asIntN(64, whole) !== whole) throw new Error(`INT64 out of range: ${text}`);
      return whole;
    }
    case "FLOAT64": {
      const number = Number(text);
      if (text.trim() === "" || (Number.isNaN(number) && !/^\s*nan\s*$/i.test(text))) throw unfit(text, type);
      return number;
    }
    case "NUMERIC":
      return readDecimal(text, numericKind);
    case "BIGNUMERIC":
      return bignumericText(readBignumeric(text));
    case "BYTES":
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, "").length % 4 === 1) throw unfit(text, type);
      return new Uint8Array(Buffer.from(text, "base64"));
    case "JSON":
      return JSON.stringify(JSON.parse(text));
    case "STRING":
      return text;
    default:
      throw new Error(`LANGUAGE js cannot return ${type.kind}`);
  }
}

function millisOf(value: unknown, type: GoogleSqlType): number | undefined {
  if (typeof value === "string") return undefined;
  const millis: unknown = typeof value === "object" && value !== null && "ms" in value ? value.ms : undefined;
  if (typeof millis !== "number") throw unfit("Invalid Date", type);
  const year = new Date(millis).getUTCFullYear();
  if (!(year >= 1 && year <= 9999)) throw new Error(`${type.kind} out of range: ${millis} ms since 1970`);
  return millis;
}

function readDate(value: unknown, type: GoogleSqlType): number {
  const millis = millisOf(value, type);
  if (millis !== undefined) return Math.floor(millis / 86_400_000);
  const day = parseDate(String(value)) ?? dayOfDatetime(String(value));
  if (day === undefined) throw unfit(value, type);
  return day;
}

const dayOfDatetime = (text: string): number | undefined => {
  const micros = parseTimestamp(text);
  return micros === undefined ? undefined : Number(floorDivide(micros, 86_400_000_000n));
};

function readTimestamp(value: unknown, type: GoogleSqlType): bigint {
  const millis = millisOf(value, type);
  if (millis !== undefined) return BigInt(Math.trunc(millis)) * 1000n;
  const micros = parseTimestamp(String(value));
  if (micros === undefined) throw unfit(value, type);
  return micros;
}
