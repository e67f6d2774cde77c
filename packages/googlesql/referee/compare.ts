import type { Value } from "../duckdb/values.ts";
import { type GoogleSqlType, typeName } from "../types.ts";

export interface TypedRows {
  readonly columns: readonly { readonly name: string; readonly type: GoogleSqlType }[];
  readonly rows: readonly (readonly Value[])[];
}

/**
 * What differs between two results, in words; undefined when nothing does. Names compare without case. Rows are a multiset:
 * no statement of the suite promises an order that it does not also show in its values. FLOAT64 may differ in its last
 * bits where both engines call a library for it (sin, exp, a sum in another order): 4 parts in 10^14.
 */
export function differenceOf(
  local: TypedRows,
  referee: TypedRows,
  options: { readonly ignoreArrayOrder?: boolean } = {},
): string | undefined {
  const types = (of: TypedRows) => of.columns.map((column) => typeName(column.type)).join(", ");
  if (types(local) !== types(referee)) return `types: ${types(local)}, the referee has ${types(referee)}`;
  const names = (of: TypedRows) => of.columns.map((column) => column.name.toLowerCase()).join(", ");
  if (names(local) !== names(referee)) return `names: ${names(local)}, the referee has ${names(referee)}`;
  if (local.rows.length !== referee.rows.length) {
    return `${local.rows.length} rows, the referee has ${referee.rows.length}`;
  }
  const keyed = (of: TypedRows) =>
    of.rows
      .map((row) => row.map((value, i) => keyOf(value, of.columns[i]!.type, options.ignoreArrayOrder === true)))
      .map((key) => ({
        key,
        text: JSON.stringify(key, (_k, v) => (typeof v === "number" ? Number(v.toPrecision(9)) : v)),
      }))
      .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  const mine = keyed(local);
  const theirs = keyed(referee);
  for (const [i, { key }] of mine.entries()) {
    if (!isSame(key, theirs[i]!.key)) {
      return `row: ${JSON.stringify(key)}, the referee has ${JSON.stringify(theirs[i]!.key)}`;
    }
  }
  return undefined;
}

type Key = string | number | boolean | null | readonly Key[];

function keyOf(value: Value, type: GoogleSqlType, ignoreOrder: boolean): Key {
  if (value === null) return null;
  switch (type.kind) {
    case "ARRAY": {
      const items = (value as readonly Value[]).map((item) => keyOf(item, type.element, ignoreOrder));
      return ignoreOrder ? items.map((item) => JSON.stringify(item)).sort() : items;
    }
    case "STRUCT":
      return (value as readonly { readonly value: Value }[]).map((field, i) =>
        keyOf(field.value, type.fields[i]!.type, ignoreOrder),
      );
    case "BYTES":
      return Buffer.from(value as Uint8Array).toString("hex");
    case "FLOAT64": {
      const number = value as number;
      return Number.isFinite(number) ? (Object.is(number, -0) ? 0 : number) : String(number);
    }
    case "JSON":
      return jsonKey(JSON.parse(value as string));
    default:
      return typeof value === "boolean" ? value : String(value);
  }
}

/** JSON by value: numbers as numbers, members in any order. */
function jsonKey(value: unknown): Key {
  if (Array.isArray(value)) return ["array", ...value.map(jsonKey)];
  if (value !== null && typeof value === "object") {
    return [
      "object",
      ...Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([k, v]) => [k, jsonKey(v)]),
    ];
  }
  return ["json", value as Key];
}

const tolerance = 4e-14;

function isSame(a: Key, b: Key): boolean {
  if (typeof a === "number" && typeof b === "number") {
    return a === b || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item: Key, i: number) => isSame(item, b[i] as Key));
  }
  return a === b;
}
