import { type GoogleSqlType, parseType } from "../../../packages/googlesql/index.ts";
import type { Column, QueryResult, Row } from "../../warehouse.ts";
import { typedValue, ValueMismatch } from "./typed-value.ts";

/** Rows that a test expects. Only the columns that a row mentions are compared. */
export interface ExpectedRows {
  readonly rows: readonly Row[];
  /** Compare by position; otherwise any order will do. */
  readonly isOrdered: boolean;
}

export interface RowDifference {
  /** Expected, and not there. */
  readonly missing: readonly Row[];
  /** There, and not expected; only the columns that were compared. */
  readonly extra: readonly Row[];
  /** What the expectation itself has wrong: a column that is not there, a value that does not fit its type. */
  readonly problems: readonly string[];
}

/** Undefined when the rows are as expected. */
export function compareRows(actual: QueryResult, expected: ExpectedRows): RowDifference | undefined {
  const types = new Map(actual.columns.map((column) => [column.name.toLowerCase(), typeOf(column)]));
  const problems: string[] = [];
  const wanted: { row: Row; names: readonly string[]; key: string }[] = [];
  for (const given of expected.rows) {
    const names = Object.keys(given).map((name) => name.toLowerCase());
    const parts: string[] = [];
    const row: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(given)) {
      const type = types.get(name.toLowerCase());
      if (type === undefined) {
        problems.push(
          `there is no column "${name}"; there are: ${actual.columns.map((column) => column.name).join(", ")}`,
        );
        continue;
      }
      try {
        row[name] = typedValue(value, type);
        parts.push(keyOf(row[name], type));
      } catch (error) {
        if (!(error instanceof ValueMismatch)) throw error;
        problems.push(`column "${name}": ${error.message}`);
      }
    }
    wanted.push({ row, names, key: parts.join("\u0000") });
  }
  if (problems.length > 0) return { missing: [], extra: [], problems: [...new Set(problems)] };

  const byLowerName = actual.rows.map(
    (row) => new Map(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value])),
  );
  const project = (index: number, names: readonly string[]): string =>
    names
      .map((name) => keyOf(typedValue(byLowerName[index]!.get(name), types.get(name)!), types.get(name)!))
      .join("\u0000");
  const compared = [...new Set(wanted.flatMap((item) => item.names))];
  const show = (index: number): Row =>
    Object.fromEntries(
      actual.columns
        .filter((column) => compared.length === 0 || compared.includes(column.name.toLowerCase()))
        .map((column) => [column.name, byLowerName[index]!.get(column.name.toLowerCase())]),
    );

  const matched = expected.isOrdered
    ? wanted.map((item, i) => (i < actual.rows.length && project(i, item.names) === item.key ? i : undefined))
    : assign(wanted, actual.rows.length, project);
  const used = new Set(matched.filter((index) => index !== undefined));
  const missing = wanted.filter((_, i) => matched[i] === undefined).map((item) => item.row);
  const extra = actual.rows.flatMap((_, i) => (used.has(i) ? [] : [show(i)]));
  return missing.length + extra.length === 0 ? undefined : { missing, extra, problems: [] };
}

const typeOf = (column: Column): GoogleSqlType => parseType(column.type);

/** For each expected row an actual row that no other has, where there is such a choice: a matching of greatest size. */
function assign(
  wanted: readonly { readonly names: readonly string[]; readonly key: string }[],
  count: number,
  project: (index: number, names: readonly string[]) => string,
): (number | undefined)[] {
  const byColumns = new Map<string, Map<string, number[]>>();
  const candidatesOf = ({ names, key }: (typeof wanted)[number]): readonly number[] => {
    const columns = names.join("\u0000");
    let index = byColumns.get(columns);
    if (index === undefined) {
      index = new Map();
      for (let i = 0; i < count; i++) {
        const projected = project(i, names);
        const known = index.get(projected);
        if (known === undefined) index.set(projected, [i]);
        else known.push(i);
      }
      byColumns.set(columns, index);
    }
    return index.get(key) ?? [];
  };
  const takenBy = new Map<number, number>();
  const matched: (number | undefined)[] = wanted.map(() => undefined);
  const hasOneShape = new Set(wanted.map((item) => item.names.join("\u0000"))).size <= 1;
  const place = (which: number, tried: Set<number>): boolean => {
    for (const candidate of candidatesOf(wanted[which]!)) {
      if (tried.has(candidate)) continue;
      tried.add(candidate);
      const holder = takenBy.get(candidate);
      // Rows of one shape are interchangeable: moving the holder away would only push the shortage along.
      if (holder !== undefined && (hasOneShape || !place(holder, tried))) continue;
      takenBy.set(candidate, which);
      matched[which] = candidate;
      return true;
    }
    return false;
  };
  for (let i = 0; i < wanted.length; i++) place(i, new Set());
  return matched;
}

/** Text that is the same for values that count as equal; FLOAT64 to 12 significant digits. */
function keyOf(value: unknown, type: GoogleSqlType): string {
  if (value === null || value === undefined) return "\u0001";
  if (type.kind === "FLOAT64")
    return Number.isFinite(value) ? String(Number((value as number).toPrecision(12)) + 0) : String(value);
  if (type.kind === "ARRAY") return `[${(value as unknown[]).map((item) => keyOf(item, type.element)).join("\u0002")}]`;
  if (type.kind === "STRUCT") {
    const fields = value as Readonly<Record<string, unknown>>;
    return `{${type.fields.map((field, i) => keyOf(fields[field.name ?? `_field_${i + 1}`], field.type)).join("\u0003")}}`;
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);
}

const shown = (value: unknown): string => {
  if (value === null || value === undefined) return "null";
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  if (typeof value === "object") return JSON.stringify(value, (_k, v) => (typeof v === "bigint" ? Number(v) : v));
  return String(value);
};

/** A difference as lines to read: what is missing, what is there instead, and which columns of the closest row differ. */
export function renderDifference(difference: RowDifference, limit = 10): string {
  const lines = [...difference.problems];
  const spare = [...difference.extra];
  const line = (row: Row) =>
    Object.entries(row)
      .map(([name, value]) => `${name}: ${shown(value)}`)
      .join(", ");
  const more = (count: number, what: string) => (count > limit ? [`  ... and ${count - limit} more ${what}`] : []);
  for (const row of difference.missing.slice(0, limit)) {
    lines.push(`- expected  ${line(row)}`);
    const closest = spare
      .map((other) => ({ other, differing: differing(row, other) }))
      .filter(({ differing }) => differing.length < Object.keys(row).length)
      .sort((a, b) => a.differing.length - b.differing.length)[0];
    if (closest === undefined) continue;
    spare.splice(spare.indexOf(closest.other), 1);
    lines.push(`+ actual    ${line(closest.other)}`);
    lines.push(
      `  differs in ${closest.differing.map((name) => `${name}: ${shown(row[name])} -> ${shown(columnValue(closest.other, name))}`).join(", ")}`,
    );
  }
  lines.push(...more(difference.missing.length, "expected rows"));
  for (const row of spare.slice(0, limit)) lines.push(`+ actual    ${line(row)}  (not expected)`);
  lines.push(...more(spare.length, "rows that were not expected"));
  return lines.join("\n");
}

const columnValue = (row: Row, name: string): unknown =>
  Object.entries(row).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];

const differing = (expected: Row, actual: Row): string[] =>
  Object.keys(expected).filter((name) => shown(expected[name]) !== shown(columnValue(actual, name)));
