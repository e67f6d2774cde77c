import { createContext, Script } from "node:vm";
import { datetimeText, timeText } from "../emit/civil.ts";
import { decimalText, parseDecimal } from "../emit/decimal.ts";
import type { JsFunction, JsValue } from "../functions/contract.ts";
import { duckdbType, type GoogleSqlType, structFieldName } from "../types.ts";

/**
 * A function `LANGUAGE js` of the user's as a DuckDB scalar function. Values pass as BigQuery passes them: BYTES as base64
 * text, DATE and TIMESTAMP as Date, NUMERIC as text, JSON parsed, STRUCT as an object, INT64 as a number.
 * The code runs in a context of its own, without `require`, files or network. Throws an Error when it does not parse.
 */
export function userJsFunction(
  name: `gs_${string}`,
  parameters: readonly { readonly name: string; readonly type: GoogleSqlType }[],
  result: GoogleSqlType,
  code: string,
  isVolatile: boolean,
): JsFunction {
  const sandbox: { inboxloopRows?: (() => void) | undefined } = {};
  const context = createContext(sandbox);
  const names = parameters.map((parameter) => parameter.name).join(", ");
  const call = new Script(`(function (${names}) {\n${code}\n})`).runInContext(context) as (
    ...args: unknown[]
  ) => unknown;
  return {
    name,
    args: parameters.map((parameter) => duckdbType(parameter.type)),
    result: duckdbType(result),
    nulls: "own",
    volatile: isVolatile,
    within(rows) {
      sandbox.inboxloopRows = rows;
      try {
        callRows.runInContext(context, { timeout: batchMs });
      } finally {
        sandbox.inboxloopRows = undefined;
      }
    },
    run: (...args) => fromUser(call(...args.map((arg, i) => toUser(arg, parameters[i]!.type))), result),
  };
}

/** A function that does not come back for this long, over the 2048 rows or fewer that DuckDB hands out at once, is ended. */
const batchMs = 10_000;
const callRows = new Script("inboxloopRows()");

function toUser(value: JsValue, type: GoogleSqlType): unknown {
  if (value === null) return null;
  switch (type.kind) {
    case "INT64":
      return Number(value);
    case "NUMERIC":
      return decimalText(value as bigint, 9);
    case "BYTES":
      return Buffer.from(value as Uint8Array).toString("base64");
    case "DATE":
      return new Date((value as number) * 86_400_000);
    case "TIMESTAMP":
      return new Date(Number((value as bigint) / 1000n));
    case "DATETIME":
      return datetimeText(value as bigint, "T");
    case "TIME":
      return timeText(value as bigint);
    case "JSON":
      return JSON.parse(value as string);
    case "ARRAY":
      return (value as readonly JsValue[]).map((item) => toUser(item, type.element));
    case "STRUCT": {
      const record = value as Readonly<Record<string, JsValue>>;
      return Object.fromEntries(
        type.fields.map((field, i) => [
          field.name ?? `_field_${i + 1}`,
          toUser(record[structFieldName(i)] ?? null, field.type),
        ]),
      );
    }
    default:
      return value;
  }
}

const isDate = (value: unknown): value is Date => Object.prototype.toString.call(value) === "[object Date]";

function fromUser(value: unknown, type: GoogleSqlType): JsValue {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case "BOOL":
      return Boolean(value);
    case "INT64": {
      const number =
        typeof value === "string" || typeof value === "bigint" ? BigInt(value) : BigInt(Math.trunc(Number(value)));
      if (BigInt.asIntN(64, number) !== number) throw new Error(`INT64 out of range: ${String(value)}`);
      return number;
    }
    case "FLOAT64":
      return Number(value);
    case "NUMERIC": {
      const scaled = parseDecimal(String(value), 9);
      if (scaled === undefined) throw new Error(`Invalid NUMERIC value: ${String(value)}`);
      return scaled;
    }
    case "BYTES":
      return typeof value === "string"
        ? new Uint8Array(Buffer.from(value, "base64"))
        : new Uint8Array(value as ArrayBuffer);
    case "DATE":
      return Math.floor((isDate(value) ? value.getTime() : Date.parse(String(value))) / 86_400_000);
    case "TIMESTAMP":
      return BigInt(isDate(value) ? value.getTime() : Date.parse(String(value))) * 1000n;
    case "JSON":
      return JSON.stringify(value);
    case "ARRAY":
      return Array.from(value as ArrayLike<unknown>, (item) => fromUser(item, type.element));
    case "STRUCT": {
      const record = value as Readonly<Record<string, unknown>>;
      return Object.fromEntries(
        type.fields.map((field, i) => [
          structFieldName(i),
          fromUser(record[field.name ?? `_field_${i + 1}`], field.type),
        ]),
      );
    }
    case "STRING":
    case "BIGNUMERIC":
      return isDate(value) ? value.toISOString() : String(value);
    default:
      throw new Error(`LANGUAGE js cannot return ${type.kind}`);
  }
}
