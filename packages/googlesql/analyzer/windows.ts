import type {
  Expression,
  FrameBound,
  FunctionCall,
  NodeBase,
  OrderItem,
  WindowFrame,
  WindowName,
  WindowSpec,
} from "../ast.ts";
import { coercionCost } from "../coercion.ts";
import type { AggregateCall, FunctionEntry } from "../functions/contract.ts";
import { INT64, isNumeric, supportsGrouping, supportsOrdering, typeName } from "../types.ts";
import { coerce } from "./coerce.ts";
import { collate, comparedText } from "./collation.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { formOf } from "./form.ts";
import { rankedFrame } from "./range-frame.ts";
import type { Typed } from "./typed.ts";

/** For scalar calls, which have nothing around their arguments. */
export const noCall: AggregateCall = {
  distinct: false,
  orderBy: "",
  limit: undefined,
  nulls: undefined,
  filter: undefined,
  over: undefined,
  windowHasOrder: false,
};

/** `name(DISTINCT a, b ORDER BY c) FILTER (WHERE d) OVER (e)`. */
export function renderAggregate(name: string, args: readonly string[], call: AggregateCall): string {
  const distinct = call.distinct ? "DISTINCT " : "";
  const order = call.orderBy ? ` ${call.orderBy}` : "";
  const nulls = call.over !== undefined && call.nulls === "IGNORE" ? " IGNORE NULLS" : "";
  const filter = call.filter === undefined ? "" : ` FILTER (WHERE ${call.filter})`;
  const over = call.over === undefined ? "" : ` OVER ${call.over}`;
  return `${name}(${distinct}${args.join(", ")}${order}${nulls})${filter}${over}`;
}

export interface WindowedCall extends AggregateCall {
  /** The window stands on values that are windows themselves. */
  readonly isRanked: boolean;
}

export function aggregateCall(
  a: Analysis,
  node: FunctionCall,
  entry: FunctionEntry,
  values: readonly Typed[],
  rows: Context,
  cx: Context,
  /** What stands for a value of the rows, where the call is not over the rows themselves. */
  stand: (value: Typed) => Typed = (value) => value,
): WindowedCall {
  const items = node.orderBy.map((item) => {
    const isArgument = node.distinct && values[0] !== undefined && isSame(a, item.expression, node.arguments[0], rows);
    const value = isArgument ? values[0]! : stand(resolve(a, item.expression, rows));
    if (node.distinct && value.sql !== values[0]?.sql) {
      a.fail(
        item,
        "An aggregate function that has both DISTINCT and ORDER BY arguments can only ORDER BY expressions that are arguments",
      );
    }
    if (value.literal && value.isLiteral && !value.isParameter && item.expression.kind !== "path") {
      a.fail(item, "Aggregate functions do not allow literal values or an index in ORDER BY");
    }
    return orderText(a, item, value);
  });
  let limit: string | undefined;
  if (node.limit) {
    const value = resolve(a, node.limit, rows);
    if (typeof value.literal?.value !== "bigint" || value.literal.value < 0n) {
      a.fail(node.limit, "LIMIT expects a non-negative integer literal or parameter");
    }
    limit = coerce(a, node.limit, value, INT64).sql;
  }
  const filter = node.over ? undefined : cx.aggregates?.filter;
  const window = node.over ? resolveWindow(a, node.over, entry, cx, node.distinct) : undefined;
  return {
    distinct: node.distinct,
    orderBy: items.length > 0 ? `ORDER BY ${items.join(", ")}` : "",
    limit,
    nulls: node.nulls === undefined ? undefined : node.nulls === "ignore" ? "IGNORE" : "RESPECT",
    filter,
    over: window?.sql,
    windowHasOrder: window?.hasOrder ?? false,
    isRanked: window?.isRanked ?? false,
  };
}

const isSame = (a: Analysis, one: Expression, other: FunctionCall["arguments"][number] | undefined, cx: Context) => {
  const form = formOf(a, one, cx);
  return form !== undefined && other !== undefined && form === formOf(a, other as Expression, cx);
};

/** One ORDER BY item: NULLs are smallest unless it says otherwise, and NaN comes right after them. */
export function orderText(a: Analysis, item: OrderItem, value: Typed): string {
  if (item.collation) return orderText(a, { ...item, collation: undefined }, collatedBy(a, item.collation, value));
  if (value.type.kind === "ARRAY" && supportsOrdering(value.type)) a.refuse(item, "array_ordering", "ordering arrays");
  if (!supportsOrdering(value.type)) {
    a.fail(item, `ORDER BY does not support expressions of type ${typeName(value.type)}`);
  }
  return orderKeys(value, item.direction === "desc", item.nulls).join(", ");
}

/** ORDER BY x COLLATE '...' goes before what collation x has. */
function collatedBy(a: Analysis, node: Expression, value: Typed): Typed {
  const name = node.kind === "string-literal" ? node.value : undefined;
  if (value.type.kind !== "STRING" && value.type.kind !== "COLLATED" && !value.isUntypedNull)
    a.fail(
      node,
      `COLLATE can only be applied to expressions of type STRING, but was applied to ${typeName(value.type)}`,
    );
  if (value.literal && !value.isUntypedNull) return a.refuse(node, "COLLATE", "ORDER BY a constant with COLLATE");
  return { ...collate(a, node, value, name, true), isUntypedNull: value.isUntypedNull };
}

export function orderKeys(value: Typed, descending: boolean, nulls: "first" | "last" | undefined): readonly string[] {
  const direction = descending ? "DESC" : "ASC";
  const place = `NULLS ${(nulls ?? (descending ? "last" : "first")).toUpperCase()}`;
  if (value.type.kind === "FLOAT64" && value.literal === undefined) {
    return [`isnan(${value.sql}) ${descending ? "ASC" : "DESC"} ${place}`, `${value.sql} ${direction} ${place}`];
  }
  const key =
    value.type.kind === "BIGNUMERIC"
      ? `gs_bignumeric_key(${value.sql})`
      : value.type.kind === "RANGE"
        ? `gs_range_key(${value.sql})`
        : comparedText(value);
  return [`${key} ${direction} ${place}`];
}

interface Flattened {
  readonly partitionBy: WindowSpec["partitionBy"];
  readonly orderBy: WindowSpec["orderBy"];
  readonly frame: WindowFrame | undefined;
}

function flatten(a: Analysis, spec: WindowSpec | WindowName, cx: Context, seen: readonly string[] = []): Flattened {
  const name = spec.kind === "window-name" ? spec.name : spec.base;
  if (!name) return spec as WindowSpec;
  const key = name.name.toLowerCase();
  const base = cx.windows?.get(key);
  if (!base || seen.includes(key)) return a.fail(name, `Unrecognized window alias ${name.name}`);
  const under = flatten(a, base, cx, [...seen, key]);
  if (spec.kind === "window-name") return under;
  if (spec.partitionBy.length === 0 && spec.orderBy.length === 0 && !spec.frame) return under;
  if (spec.partitionBy.length > 0) a.fail(spec, "A window that refers to another one cannot have PARTITION BY");
  if (under.orderBy.length > 0 && spec.orderBy.length > 0) a.fail(spec, "The window referred to has ORDER BY already");
  if (under.frame) a.fail(spec, "The window referred to has a frame already");
  return {
    partitionBy: under.partitionBy,
    orderBy: spec.orderBy.length > 0 ? spec.orderBy : under.orderBy,
    frame: spec.frame,
  };
}

function resolveWindow(
  a: Analysis,
  node: WindowSpec | WindowName,
  entry: FunctionEntry,
  cx: Context,
  isDistinct: boolean,
): { readonly sql: string; readonly hasOrder: boolean; readonly isRanked: boolean } {
  const spec = flatten(a, node, cx);
  if (isDistinct && spec.orderBy.length > 0) a.fail(node, "Window ORDER BY is not allowed if DISTINCT is specified");
  if (isDistinct && spec.frame) a.fail(node, "Window framing clause is not allowed if DISTINCT is specified");
  const options = entry.aggregate ?? {};
  const inner: Context = { ...cx, windows: undefined, clause: "a window specification" };
  const pieces: string[] = [];
  let partition: readonly string[] = [];
  if (spec.partitionBy.length > 0) {
    partition = spec.partitionBy.map((expression) => {
      const value = resolve(a, expression, inner);
      if (value.type.kind === "COLLATED") return comparedText(value);
      if (!supportsGrouping(value.type) || value.type.kind === "FLOAT64") {
        a.fail(expression, `Partitioning by expressions of type ${typeName(value.type)} is not allowed`);
      }
      return value.sql;
    });
    pieces.push(`PARTITION BY ${partition.join(", ")}`);
  }
  cx.onWindow?.(partition);
  const order = spec.orderBy.map((item) => ({ item, value: resolve(a, item.expression, inner) }));
  const [name] = entry.names;
  if (order.length === 0 && options.windowOrder === "required") {
    a.fail(node, `Window ORDER BY is required for analytic function ${name}`);
  }
  if (order.length > 0 && options.windowOrder === "never") {
    a.fail(node, `Window ORDER BY is not allowed for analytic function ${name}`);
  }
  const hasOffsets = spec.frame?.unit === "range" && [spec.frame.start, spec.frame.end].some((bound) => bound?.offset);
  if (spec.frame && options.windowFrame === false)
    a.fail(spec.frame, `Window framing clause is not allowed for analytic function ${name}`);
  if (spec.frame && hasOffsets) {
    const key = order[0]?.value;
    if (order.length !== 1 || !key || !isNumeric(key.type)) {
      return a.fail(spec.frame, "A RANGE frame with an offset needs exactly one numeric ORDER BY key");
    }
    const frame = offsetFrame(a, node, spec.frame, order[0]!, partition, inner);
    if (frame !== undefined) return { ...frame, hasOrder: true };
  }
  if (order.length > 0) {
    const keys = order.map(({ item, value }) =>
      hasOffsets && value.type.kind === "FLOAT64" ? rangeKey(a, item, value) : orderText(a, item, value),
    );
    pieces.push(`ORDER BY ${keys.join(", ")}`);
  }
  if (spec.frame) pieces.push(frameText(a, spec.frame, order[0]?.value, inner));
  return { sql: `(${pieces.join(" ")})`, hasOrder: order.length > 0, isRanked: false };
}

/** Offsets from here on may lead out of INT64, which RANGE then has to count in a wider type. */
const farOffset = 10n ** 18n;

/** A RANGE frame with an offset where DuckDB's own is not GoogleSQL's; undefined where it is. */
function offsetFrame(
  a: Analysis,
  node: NodeBase,
  frame: WindowFrame,
  { item, value }: { readonly item: OrderItem; readonly value: Typed },
  partition: readonly string[],
  cx: Context,
): { readonly sql: string; readonly isRanked: boolean } | undefined {
  checkFrame(a, frame);
  const bounds = [frame.start, frame.end].filter((bound) => bound?.offset) as readonly FrameBound[];
  const offset = (bound: Pick<FrameBound, "bound" | "offset">): Typed =>
    offsetValue(a, frame, bound.offset!, value, cx);
  const offsets = bounds.map((bound) => offset(bound).literal?.value);
  if (value.type.kind === "INT64") {
    const by = partition.length > 0 ? `PARTITION BY ${partition.join(", ")} ` : "";
    if (offsets.some((one) => typeof one === "bigint" && one >= farOffset)) {
      const key: Typed = { ...value, sql: `CAST(${value.sql} AS HUGEINT)`, literal: undefined };
      const wide = frameText(a, frame, value, cx, (sql) => `CAST(${sql} AS HUGEINT)`);
      return { sql: `(${by}ORDER BY ${orderText(a, item, key)} ${wide})`, isRanked: false };
    }
    const held = heldOffsets(
      frame,
      value,
      item.direction === "desc",
      bounds.map((bound) => offset(bound).sql),
    );
    if (held === undefined) return undefined;
    const text = frameText(a, frame, value, cx, (_, isStart) => held[isStart ? 0 : held.length - 1]!);
    return { sql: `(${by}ORDER BY ${orderText(a, item, value)} ${text})`, isRanked: false };
  }
  if (value.type.kind === "FLOAT64" && offsets.some((one) => !Number.isFinite(Number(one)))) return undefined;
  const ranked = { frame, item, key: value, partition, order: orderText(a, item, value), offset };
  return { sql: rankedFrame(a, node, ranked, cx), isRanked: true };
}

/** A RANGE frame with offsets takes one key, so that NaN, which DuckDB would put last, cannot be given its place. */
function rangeKey(a: Analysis, item: OrderItem, value: Typed): string {
  const plain = `CASE WHEN isnan(${value.sql}) THEN CAST(gs_raise('refused.RANGE_frame: NaN with an infinite offset') AS DOUBLE) ELSE ${value.sql} END`;
  return orderText(a, item, { ...value, sql: plain, literal: { value: null } });
}

const boundRank = ["unbounded-preceding", "preceding", "current-row", "following", "unbounded-following"];

function checkFrame(a: Analysis, frame: WindowFrame): void {
  const end = frame.end ?? { bound: "current-row" as const, offset: undefined };
  if (
    frame.start.bound === "unbounded-following" ||
    end.bound === "unbounded-preceding" ||
    boundRank.indexOf(frame.start.bound) > boundRank.indexOf(end.bound)
  ) {
    a.fail(frame, "The window frame starts after it ends");
  }
}

function frameText(
  a: Analysis,
  frame: WindowFrame,
  key: Typed | undefined,
  cx: Context,
  /** What stands for an offset, where it is not the offset itself. */
  hold: (sql: string, isStart: boolean) => string = (sql) => sql,
): string {
  checkFrame(a, frame);
  const end = frame.end ?? { bound: "current-row" as const, offset: undefined };
  const text = (bound: Pick<FrameBound, "bound" | "offset">, isStart: boolean): string => {
    const words = bound.bound.replace("-", " ").toUpperCase();
    if (!bound.offset) return words;
    return `${hold(offsetValue(a, frame, bound.offset, key, cx).sql, isStart)} ${words}`;
  };
  return `${frame.unit.toUpperCase()} BETWEEN ${text(frame.start, true)} AND ${text(end, false)}`;
}

/**
 * The offsets of a RANGE frame over INT64, held at the end of the type where nothing lies beyond it. Undefined for a bound towards
 * the row's own side, where rows at the end itself would be counted in: DuckDB fails there rather than answer.
 */
function heldOffsets(
  frame: WindowFrame,
  key: Typed,
  isDescending: boolean,
  offsets: readonly string[],
): readonly string[] | undefined {
  if (frame.start.bound === "following" || frame.end?.bound === "preceding") return undefined;
  const hold = (offset: string, isPreceding: boolean): string =>
    isPreceding !== isDescending
      ? `(CASE WHEN ${key.sql} < -9223372036854775808 + ${offset} THEN ${key.sql} - (-9223372036854775808) ELSE ${offset} END)`
      : `(CASE WHEN ${key.sql} > 9223372036854775807 - ${offset} THEN 9223372036854775807 - ${key.sql} ELSE ${offset} END)`;
  const [first, last] = [offsets[0]!, offsets.at(-1)!];
  if (offsets.length === 2) return [hold(first, true), hold(last, false)];
  return [hold(first, frame.start.bound === "preceding")];
}

function offsetValue(
  a: Analysis,
  frame: WindowFrame,
  node: NonNullable<FrameBound["offset"]>,
  key: Typed | undefined,
  cx: Context,
): Typed {
  const value = resolve(a, node, cx);
  const given = value.literal?.value;
  if (given === undefined) {
    // A cast of a literal is a literal to GoogleSQL.
    if (value.isParameter || node.kind === "cast") return a.refuse(node, "window_frame", "this offset");
    return a.fail(node, "Window framing expression must be a literal or parameter");
  }
  const type = frame.unit === "rows" ? INT64 : (key?.type ?? INT64);
  if (given === null || coercionCost(value, type) === undefined) {
    return a.fail(
      node,
      `Window framing expression has type ${typeName(value.type)} that cannot coerce to ${typeName(type)}`,
    );
  }
  if (String(given).startsWith("-") || Number.isNaN(given))
    a.fail(node, "Window frame offset for PRECEDING or FOLLOWING must be non-negative");
  return coerce(a, node, value, type);
}
