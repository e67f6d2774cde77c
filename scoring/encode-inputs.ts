import features from "../includes/features.js";
import type { FeatureColumns } from "./feature-columns.ts";

/** A model's input as its record lists it. */
export interface InputColumn {
  readonly name: string;
  readonly type: "number" | "category";
}

/** What is known of one row, by feature. A feature that is absent, undefined or null is not known. */
export type InputRow = Readonly<Record<string, unknown>>;

const closed: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(features.closed as Record<string, readonly string[]>).map(([name, values]) => [name, new Set(values)]),
);

/** A number as models take it: NaN is unknown. Truths are 1 and 0, whole numbers of a warehouse are bigints. */
export function encodeNumber(name: string, value: unknown): number {
  if (value === null || value === undefined) return Number.NaN;
  if (typeof value === "number") return value;
  if (typeof value === "bigint" || typeof value === "boolean") return Number(value);
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) throw new TypeError(`feature ${name} is a number, not ${JSON.stringify(value)}`);
  return number;
}

/**
 * A category as models take it: "" is unknown. One that can only have certain values is refused with any other: a model would
 * take it for unknown and answer something else, without anybody noticing.
 */
export function encodeCategory(name: string, value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  if (text !== "" && closed.get(name)?.has(text) === false)
    throw new TypeError(`feature ${name} is one of ${[...closed.get(name)!].join(", ")}, not ${JSON.stringify(text)}`);
  return text;
}

/** Rows as the columns that a model takes. The only way from what a warehouse or a store holds to what a model is trained on and asked with. */
export function encodeInputs(list: readonly InputColumn[], rows: readonly InputRow[]): FeatureColumns {
  return encodeColumns(list, rows.length, (name, row) => rows[row]![name]);
}

/** The same from anything that can be asked for a cell. Throws TypeError on a value that no model can have learned. */
export function encodeColumns(
  list: readonly InputColumn[],
  rows: number,
  cell: (name: string, row: number) => unknown,
): FeatureColumns {
  const columns: Record<string, Float64Array | readonly string[]> = {};
  for (const { name, type } of list) {
    if (type === "number") {
      const values = new Float64Array(rows);
      for (let row = 0; row < rows; row++) values[row] = encodeNumber(name, cell(name, row));
      columns[name] = values;
    } else {
      columns[name] = Array.from({ length: rows }, (_, row) => encodeCategory(name, cell(name, row)));
    }
  }
  return columns;
}
