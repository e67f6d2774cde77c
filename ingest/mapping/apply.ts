import { classifyRefusal } from "../bounces/classify.ts";
import { decodeRecord } from "../door/decode.ts";
import type { IdHasher } from "../door/id-hasher.ts";
import { instantText } from "../door/instant.ts";
import { cleanText } from "../door/metadata.ts";
import type { DeadLetterReason, Item } from "../door/signal.ts";
import type { Lookups } from "./lookups.ts";
import { readMoney, readNumber } from "./numbers.ts";
import type { ColumnExpression, Condition, Expression, LookupExpression, Mapping } from "./schema.ts";
import { readTime } from "./times.ts";

export interface RowContext {
  /** Names the file by its content, so that row 7 of it is the same row tomorrow. */
  readonly fileId: string;
  /** From 1. */
  readonly rowNumber: number;
  readonly hashId: IdHasher;
  readonly defaultProvenance: string;
  /** Without its folder. */
  readonly fileName?: string | undefined;
  /** Nothing in the file speaks against UTC. */
  readonly mayAssumeUtc?: boolean | undefined;
  /** What other files of the run hold. */
  readonly lookups?: Lookups | undefined;
}

/** The context of one record, with what the whole mapping says and what was found on the way. */
interface Reading extends RowContext {
  readonly mapping: Pick<Mapping, "zone" | "decimal" | "lookups">;
  readonly nulls: ReadonlySet<string>;
  isZoneAssumed: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Why a row cannot be mapped; thrown and caught in this file only. */
class Refused {
  readonly reason: DeadLetterReason;
  readonly detail: string;
  constructor(reason: DeadLetterReason, detail: string) {
    this.reason = reason;
    this.detail = detail;
  }
}

/**
 * What the mapping makes of one record: an item for each of its `rows` whose condition holds. A row that names a column
 * which is not there, or whose value does not cast, is a dead letter by itself; the others stand. Never throws.
 */
export function applyMapping(mapping: Mapping, fields: Fields, context: RowContext): readonly Item[] {
  const nulls = new Set(mapping.nulls ?? []);
  const read = reader(fields, nulls);
  const reading: Reading = { ...context, mapping, nulls, isZoneAssumed: false };
  const items: Item[] = [];
  for (const [index, { table, when, set }] of mapping.rows.entries()) {
    let hasAssumedZone = false;
    try {
      if (when && !holds(when, read, fields, context.fileName ?? "")) continue;
      const values: Record<string, unknown> = {};
      for (const [name, expression] of Object.entries(set)) {
        values[name] = evaluate(expression, read, reading);
        if (name === "timestamp_utc") hasAssumedZone = reading.isZoneAssumed;
        reading.isZoneAssumed = false;
      }
      if (table === "events") {
        if (hasAssumedZone)
          values["metadata"] = { ...(values["metadata"] as object | undefined), is_zone_assumed: true };
        if (values["event_id"] === undefined) values["event_id"] = rowId(`row-${index}`, context);
        items.push(eventOf(values, table, context.defaultProvenance));
      } else items.push({ kind: "row", table, values });
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      items.push({ kind: "dead-letter", reason: refused.reason, detail: `raw.${table}: ${refused.detail}` });
    }
  }
  return items;
}

/** An event; `mailing_id` is an id that several people share, which the door makes one person's as it does with providers' (message-identity.ts). */
function eventOf({ mailing_id: mailing, ...values }: Fields, table: string, provenance: string): Item {
  const isShared = mailing !== undefined && mailing !== null && (values["message_id"] ?? null) === null;
  const item = decodeRecord({ ...values, table, ...(isShared ? { message_id: mailing } : {}) }, provenance, true);
  return isShared && item.kind === "signal" ? { ...item, signal: { ...item.signal, isMessageIdShared: true } } : item;
}

/** Whether a condition of a mapping holds for a record; a column that is not there is null. Never throws. */
export const recordMatches = (condition: Condition, fields: Fields, fileName: string): boolean => {
  const read = reader(fields, new Set());
  return holds(condition, (name) => read(name, true), fields, fileName);
};

/** The value; null where it is empty. Refuses a column that is not there, unless it is optional. */
type Reader = (name: string, optional: boolean | undefined) => unknown;

function reader(fields: Fields, nulls: ReadonlySet<string>): Reader {
  return (name, optional) => {
    let value: unknown;
    if (Object.hasOwn(fields, name)) value = fields[name];
    else {
      value = name.includes(".") ? nested(fields, name.split(".")) : undefined;
      if (value === undefined && !optional)
        throw new Refused("missing-column", `no column "${cleanText(name).slice(0, 80)}"`);
    }
    if (value === undefined || value === null || value === "") return null;
    return typeof value === "string" && nulls.has(value) ? null : value;
  };
}

function nested(fields: Fields, path: readonly string[]): unknown {
  let value: unknown = fields;
  for (const key of path) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, key)) return undefined;
    value = (value as Fields)[key];
  }
  return value;
}

function holds(condition: Condition, read: Reader, fields: Fields, fileName: string): boolean {
  const inner = (one: Condition): boolean => holds(one, read, fields, fileName);
  if ("all" in condition) return condition.all.every(inner);
  if ("any" in condition) return condition.any.some(inner);
  if ("not" in condition) return !inner(condition.not);
  if ("file" in condition) return fileName.includes(condition.file);
  if ("columns" in condition) {
    const has = (name: string): boolean => Object.hasOwn(fields, name);
    return condition.columns.every(has) && !(condition.without ?? []).some(has);
  }
  const value = read(condition.column, condition.optional);
  if (condition.present !== undefined && (value !== null) !== condition.present) return false;
  if (condition.equals !== undefined && !isEqual(value, condition.equals)) return false;
  if (condition.in && !condition.in.some((one) => isEqual(value, one))) return false;
  if (condition.ends !== undefined && !(typeof value === "string" && value.endsWith(condition.ends))) return false;
  const number = value === null ? Number.NaN : Number(value);
  if (condition.above !== undefined && !(number > condition.above)) return false;
  return condition.below === undefined || number < condition.below;
}

/** A CSV knows only text: `1` in the mapping and "1" in the file are the same. */
const isEqual = (value: unknown, wanted: unknown): boolean =>
  value === wanted ||
  (value !== null &&
    wanted !== null &&
    (String(value) === String(wanted) || (typeof wanted === "number" && Number(value) === wanted)));

function evaluate(expression: Expression, read: Reader, context: Reading): unknown {
  if (expression === null || typeof expression !== "object") return expression;
  if ("column" in expression) return columnValue(expression, read, context);
  if ("lookup" in expression) return lookedUp(expression, read, context);
  if ("row" in expression) return rowId(expression.row, context);
  if ("text" in expression) {
    let hasGap = false;
    const written = expression.text.replace(/\{([^{}]+)\}/g, (_whole, name: string) => {
      const value = name === "row" ? context.rowNumber : read(name, expression.optional);
      hasGap ||= value === null;
      return value === null ? "" : String(value);
    });
    return hasGap && expression.optional ? null : written;
  }
  if ("hash" in expression) {
    const value = evaluate(expression.hash, read, context);
    return value === null || value === undefined ? null : context.hashId(String(value));
  }
  if ("smtp" in expression) {
    const said = evaluate(expression.smtp, read, context);
    const refusal = classifyRefusal({ said: said === null || said === undefined ? undefined : String(said) });
    if (expression.give === "code") return refusal.smtpCode ?? null;
    if (expression.give === "enhanced_code") return refusal.enhancedCode ?? null;
    return refusal.smtpCode || refusal.enhancedCode ? refusal.bounceClass : null;
  }
  if ("list" in expression)
    return expression.list.map((one) => evaluate(one, read, context)).filter((one) => one !== null);
  if ("first" in expression) {
    for (const one of expression.first) {
      const value = evaluate(one, read, context);
      if (value !== null && value !== undefined) return value;
    }
    return null;
  }
  const object: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(expression.object)) {
    const value = evaluate(one, read, context);
    if (value !== null && value !== undefined) object[key] = value;
  }
  return object;
}

const rowId = (prefix: string, { fileId, rowNumber }: RowContext): string =>
  `${prefix}:${fileId.slice(0, 12)}:${rowNumber}`;

/** A value of another file's record. What is not there is null where that may be, and else a dead letter that says which file to give. */
function lookedUp({ lookup, by, of, ...how }: LookupExpression, read: Reader, context: Reading): unknown {
  const key = read(by, how.optional);
  const found = key === null ? undefined : context.lookups?.find(lookup, String(key));
  if (found !== undefined) return columnValue({ ...how, column: of }, reader(found, context.nulls), context);
  if (how.default !== undefined || how.optional) return how.default ?? null;
  const file = context.mapping.lookups?.[lookup]?.by ?? "id";
  throw new Refused(
    "missing-column",
    `no record of "${lookup}" has this ${by} as its ${file}: give the file that does in the same run`,
  );
}

function columnValue(expression: ColumnExpression, read: Reader, context: Reading): unknown {
  let value = read(expression.column, expression.optional);
  if (value === null) return expression.default ?? null;
  if (expression.lower && typeof value === "string") value = value.toLowerCase();
  if (expression.values) {
    const key = String(value);
    if (Object.hasOwn(expression.values, key)) return expression.values[key];
    if (expression.otherwise === undefined) {
      throw new Refused("wrong-type", `column "${expression.column}" has a value that the mapping does not list`);
    }
    if (expression.otherwise !== "keep") return expression.otherwise;
  }
  if (!expression.cast) return value;
  if (expression.cast === "instant") return instantValue(expression, value, context);
  const decimal = expression.decimal ?? context.mapping.decimal;
  const cast = castTo(expression.cast, value, decimal);
  if (cast === undefined) {
    const hint = expression.cast === "money" || expression.cast === "number" ? ` (decimal: "${decimal ?? "."}")` : "";
    throw new Refused(
      expression.cast === "money" ? "money-unreadable" : "wrong-type",
      `column "${expression.column}" is not ${expression.cast}${hint}`,
    );
  }
  return cast;
}

function instantValue(expression: ColumnExpression, value: unknown, context: Reading): string {
  const { format } = expression;
  const read = readTime(value, {
    formats: format === undefined ? [] : Array.isArray(format) ? format : [format as string],
    zone: expression.zone ?? context.mapping.zone,
    mayAssumeUtc: context.mayAssumeUtc === true,
  });
  if (read.kind === "unreadable") throw new Refused("time-unreadable", `column "${expression.column}": ${read.why}`);
  if (read.isZoneAssumed) context.isZoneAssumed = true;
  return instantText(read.at);
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["t", true],
  ["yes", true],
  ["y", true],
  ["1", true],
  ["false", false],
  ["f", false],
  ["no", false],
  ["n", false],
  ["0", false],
]);

function castTo(
  cast: Exclude<NonNullable<ColumnExpression["cast"]>, "instant">,
  value: unknown,
  decimal: Mapping["decimal"],
): unknown {
  switch (cast) {
    case "text":
      return typeof value === "object" ? JSON.stringify(value) : String(value);
    case "integer": {
      const number = typeof value === "string" && !/^\s*[-+]?\d+(?:\.0+)?\s*$/.test(value) ? Number.NaN : Number(value);
      return Number.isSafeInteger(number) ? number : undefined;
    }
    case "number":
      return readNumber(value, decimal);
    case "money":
      return readMoney(value, decimal);
    case "boolean":
      return typeof value === "boolean" ? value : truths.get(String(value).trim().toLowerCase());
    case "json":
      if (typeof value !== "string") return value;
      try {
        return JSON.parse(value) as unknown;
      } catch {
        return undefined;
      }
  }
}
