import type { Expression, FunctionCall } from "../ast.ts";
import { tried, tryText } from "../emit/tried.ts";
import type { AggregateCall, Argument, EmitContext, FunctionEntry, Signature } from "../functions/contract.ts";
import { raise } from "../functions/contract.ts";
import { duckdbType, holdsCollated, supportsGrouping, supportsOrdering, typeName } from "../types.ts";
import {
  choose,
  collatedArguments,
  emitContext,
  giveArguments,
  type NamedGiven,
  noMatch,
  type Prepared,
  prepare,
  valuesOf,
} from "./call-arguments.ts";
import { type CollatedCall, collatedCall } from "./collation.ts";
import { compare } from "./compare.ts";
import type { AggregateSink, Analysis, Context } from "./context.ts";
import { condition, resolve } from "./expressions.ts";
import { rowsUnder } from "./form.ts";
import { functionNamed } from "./function-table.ts";
import { privateAggregate } from "./private-aggregates.ts";
import { flagsOf, type Typed } from "./typed.ts";
import { aggregateCall, noCall, renderAggregate } from "./windows.ts";

/** A call of an aggregate or analytic function, over the rows of a group or of a window. */
export function resolveAggregate(
  a: Analysis,
  node: FunctionCall,
  name: string,
  entry: FunctionEntry,
  isSafe: boolean,
  cx: Context,
): Typed {
  const privacy = cx.aggregates?.privacy;
  if (privacy) {
    const sink = { ...cx.aggregates!, privacy };
    const over = node.over ? cx.aggregates!.rows : aggregateContext(a, node, name, cx);
    return privateAggregate(a, node, name, isSafe, sink, over);
  }
  check(a, node, name, entry, isSafe);
  const rows = aggregateContext(a, node, name, cx);
  const isExtreme = name === "ANY_VALUE" && node.having !== undefined;
  if (isExtreme && node.arguments.length === 1 && !node.filter && !isSafe) {
    const key = resolve(a, node.having!.expression, rows);
    if (holdsCollated(key.type)) a.refuse(node, "collation", "HAVING MAX or MIN of a collated string");
    if (key.type.kind !== "FLOAT64") return anyValueHaving(a, node, cx);
  }
  if (/^M(AX|IN)_BY$/.test(name) && node.arguments.length === 2 && !node.having) {
    const key = node.arguments[1]!;
    if (resolve(a, key as Expression, rows).type.kind === "FLOAT64")
      return byFloat(a, node, name, key as Expression, cx);
  }
  const isCountStar = node.arguments.length === 1 && node.arguments[0]!.kind === "star-argument";
  if (isCountStar && name !== "COUNT") a.fail(node, `Argument * can only be used in COUNT(*)`);
  if (name === "COUNT" && node.arguments.length === 0) a.fail(node, "COUNT takes one argument, or *");
  if (isCountStar && node.distinct) a.fail(node, "COUNT(*) cannot be used with DISTINCT");
  const offered = giveArguments(a, node, isCountStar ? [] : node.arguments, entry, rows);
  const collated = collatedCall(a, node, name, valuesOf(offered), node.distinct);
  if (!collated) return overRows(a, node, name, entry, isSafe, cx, rows, offered);
  if (isSafe || node.having) a.refuse(node, "collation", `SAFE or HAVING in ${name} of a collated string`);
  const given = collatedArguments(offered, collated);
  const value = overRows(a, node, name, entry, isSafe, cx, rows, given, collated.emit);
  return { ...value, type: collated.result(value.type) };
}

/** The call over the rows of its group or window; `own` takes the place of the function's text. */
function overRows(
  a: Analysis,
  node: FunctionCall,
  name: string,
  entry: FunctionEntry,
  isSafe: boolean,
  cx: Context,
  rows: Context,
  given: readonly NamedGiven[],
  own?: CollatedCall["emit"],
): Typed {
  const chosen = choose(entry, given);
  if (!chosen) return noMatch(a, node, name, given);
  const prepared = prepare(a, node, name, chosen, given, rows);
  if (node.distinct) {
    const first = prepared.values[0];
    if (first && !supportsGrouping(first.type)) {
      a.fail(node, `Aggregate functions with DISTINCT cannot be used with arguments of type ${typeName(first.type)}`);
    }
  }
  const filter = filterText(a, node, rows, cx);
  const emit: Signature["emit"] =
    own === undefined
      ? chosen.signature.emit
      : (args, ctx) =>
          own(
            args.flatMap((arg) => (arg ? [arg.sql] : [])),
            ctx,
          );
  if (node.over) {
    const call = { ...aggregateCall(a, node, entry, prepared.values, rows, cx), filter };
    const context = emitContext(a, node, name, call);
    const args = filteredArguments(prepared, filter);
    if (isSafe && call.isRanked) a.refuse(node, "SAFE_analytic", `SAFE.${name} with this window`);
    if (isSafe) return { sql: safeWindow(a, node, name, (own) => emit(args, own), context, cx), type: prepared.result };
    const sql = emit(args, context);
    return { sql: `(${sql})`, type: prepared.result, isVolatile: false, canFail: true };
  }
  const flags = { canFail: prepared.values.some((value) => value.canFail) };
  if (node.having) {
    if (isSafe) a.refuse(node, "HAVING_MAX", `HAVING MAX or MIN in SAFE.${name}`);
    const having = new ExtremeRows(a, node.having.expression, node.having.extreme, rows, filter);
    const values = prepared.values.map((value) => having.stand(value));
    const args = prepared.args.map((arg) => arg && having.argument(arg));
    const call = {
      ...aggregateCall(a, node, entry, values, rows, cx, (value) => having.stand(value)),
      filter: undefined,
    };
    const sql = emit(args, emitContext(a, node, name, call));
    return { ...having.over(cx.aggregates!, sql, prepared), ...flags };
  }
  const call: AggregateCall = { ...aggregateCall(a, node, entry, prepared.values, rows, cx), filter };
  const args = filteredArguments(prepared, node.filter ? filter : undefined);
  const isVolatile = flagsOf(...prepared.values).isVolatile === true;
  const filtered = new FilteredEmit(emit);
  const context = emitContext(a, node, name, call);
  const value =
    isSafe || (cx.isLazy && flags.canFail)
      ? heldBack(cx.aggregates!, name, { ...prepared, args }, filtered.emit, context, isSafe, cx.isLazy === true)
      : cx.aggregates!.add(`(${filtered.emit(args, context)})`, prepared.result, isVolatile);
  if (filter !== undefined && !filtered.isSure) a.refuse(node, name, "a condition on its rows");
  return { ...value, ...flags };
}

/** What a call becomes, watched for its taking in rows that are filtered out. */
class FilteredEmit {
  private calls = 0;
  private isMissed = false;

  constructor(private readonly inner: Signature["emit"]) {}

  /** Every aggregate in the text was given the filter, and there is one. */
  get isSure(): boolean {
    return this.calls > 0 && !this.isMissed;
  }

  readonly emit: Signature["emit"] = (args, context) =>
    this.inner(args, {
      ...context,
      aggregate: (fn, list, more) => {
        this.calls++;
        if (more && "filter" in more && more.filter === undefined) this.isMissed = true;
        return context.aggregate(fn, list, more);
      },
    });
}

/** SAFE over a window: its values are computed first, and what is made of them is tried. */
function safeWindow(
  a: Analysis,
  node: FunctionCall,
  name: string,
  emit: (context: EmitContext) => string,
  context: EmitContext,
  cx: Context,
): string {
  const { windowSource: source } = cx;
  if (!source) return a.refuse(node, "SAFE_analytic", `SAFE.${name} with an OVER clause here`);
  const sql = emit({
    ...context,
    aggregate: (fn, list, more) => {
      const text = renderAggregate(fn, list, { ...context.call, ...more });
      return source.add(0, text);
    },
  });
  return tryText(sql);
}

function check(a: Analysis, node: FunctionCall, name: string, entry: FunctionEntry, isSafe: boolean): void {
  const options = entry.aggregate ?? {};
  if (isSafe && name.startsWith("HLL_COUNT.")) a.fail(node, `Function ${name} does not support SAFE error mode`);
  if (node.distinct && !options.distinct && entry.kind === "analytic")
    a.fail(node, `Analytic function ${name} does not support DISTINCT`);
  if (node.distinct && options.distinct === false) a.fail(node, `${name} does not support DISTINCT in arguments`);
  if (node.distinct && !options.distinct) a.refuse(node, name, "DISTINCT in its arguments");
  if (node.orderBy.length > 0 && !options.orderBy) a.fail(node, `${name} does not support ORDER BY in arguments`);
  if (node.limit && !options.limit) a.fail(node, `${name} does not support LIMIT in arguments`);
  if (node.nulls && !options.nulls) a.fail(node, `${name} does not support IGNORE NULLS or RESPECT NULLS`);
  if (node.having && entry.kind === "analytic") a.fail(node, `${name} does not support HAVING in arguments`);
  if (node.having && node.over) a.refuse(node, "HAVING_MAX", `HAVING MAX or MIN in ${name} with an OVER clause`);
  if (node.filter && entry.kind === "analytic") a.fail(node, `${name} does not support WHERE in arguments`);
  if (!node.over && (entry.kind === "analytic" || options.over === "required")) {
    a.fail(node, `Analytic function ${name} cannot be called without an OVER clause`);
  }
  if (node.over && options.over === "never") a.fail(node, `Function ${name} does not support an OVER clause`);
  if (node.over && node.orderBy.length > 0)
    a.fail(node, `${name} does not support ORDER BY in arguments together with OVER`);
}

/** The rows that count: WHERE within the call, and what stands around it (PIVOT, a user's aggregate function). */
export function filterText(a: Analysis, node: FunctionCall, rows: Context, cx: Context): string | undefined {
  const outer = node.over ? undefined : cx.aggregates?.filter;
  if (!node.filter) return outer;
  const own = condition(a, node.filter, { ...rows, clause: "WHERE within a function call" }, "WHERE").sql;
  return outer === undefined ? own : `(CASE WHEN ${outer} THEN ${own} END)`;
}

/** Rows that are filtered out must not fail either. */
function filteredArguments({ args, sources }: Prepared, filter: string | undefined): Prepared["args"] {
  if (filter === undefined) return args;
  return args.map((arg, i) =>
    arg && sources[i]?.canFail ? { ...arg, sql: `(CASE WHEN ${filter} THEN ${arg.sql} END)` } : arg,
  );
}

/**
 * The aggregates go to the grouping step as they are, over arguments that cannot fail; what is made of them, and the error of
 * an argument, comes up only where the value is asked for. SAFE holds back the function's errors, not its arguments'.
 */
function heldBack(
  sink: AggregateSink,
  name: string,
  prepared: Prepared,
  emit: (args: readonly (Argument | undefined)[], ctx: EmitContext) => string,
  context: EmitContext,
  isSafe: boolean,
  isLazy: boolean,
): Typed {
  const { call } = context;
  const type = prepared.result;
  const isVolatile = flagsOf(...prepared.values).isVolatile === true;
  const add = (sql: string): string => sink.add(sql, type, isVolatile).sql;
  const isHeld = (value: Typed | undefined): boolean =>
    isLazy && value?.canFail === true && !value.isVolatile && !value.hasSubquery;
  const plain = { ...noCall, filter: call.filter };
  const failed: string[] = [];
  const args = prepared.args.map((arg, i) => {
    if (!arg || !isHeld(prepared.sources[i])) return arg;
    const value = tried(arg.sql);
    failed.push(add(renderAggregate("bool_or", [`${value} IS NULL`], plain)));
    return { ...arg, sql: `${value}[1]` };
  });
  const result = emit(args, {
    ...context,
    aggregate: (fn, list, more) => add(renderAggregate(fn, list, { ...call, ...more })),
  });
  const safe = isSafe ? tryText(result) : `(${result})`;
  if (failed.length === 0) return { sql: safe, type };
  const message = raise(`'an argument of ${name} failed'`, duckdbType(type));
  return { sql: `(CASE WHEN ${failed.join(" OR ")} THEN ${message} ELSE ${safe} END)`, type };
}

/**
 * `f(x HAVING MAX y)`: the rows of a group are listed with their y, and f is computed over those of the list whose y equals the
 * greatest one. So nothing equals a NULL or a NaN.
 */
class ExtremeRows {
  private readonly fields: string[] = [];
  private readonly names = new Map<string, string>();
  private readonly table: string;
  private readonly key: Typed;

  constructor(
    private readonly a: Analysis,
    private readonly expression: Expression,
    private readonly extreme: "max" | "min",
    private readonly rows: Context,
    private readonly filter: string | undefined,
  ) {
    this.table = a.fresh("u");
    this.key = resolve(a, expression, rows);
    if (this.key.type.kind === "ARRAY" || !supportsOrdering(this.key.type)) {
      a.fail(expression, `HAVING ${extreme.toUpperCase()} does not support type ${typeName(this.key.type)}`);
    }
  }

  stand(value: Typed): Typed {
    if (value.literal !== undefined) return value;
    return { ...value, sql: this.field(value.sql), isSimple: true };
  }

  argument(arg: Argument): Argument {
    return arg.literal !== undefined || arg.part !== undefined || arg.lambda
      ? arg
      : { ...arg, sql: this.field(arg.sql) };
  }

  private field(sql: string): string {
    let name = this.names.get(sql);
    if (name === undefined) {
      name = `f${this.names.size + 1}`;
      this.names.set(sql, name);
      this.fields.push(`'${name}': ${sql}`);
    }
    return `${this.table}.r.${name}`;
  }

  over(sink: AggregateSink, sql: string, prepared: Prepared): Typed {
    const { a, key, filter, table, expression } = this;
    const isVolatile = flagsOf(key, ...prepared.values).isVolatile === true;
    const keyField: Typed = { ...key, sql: this.field(key.sql), literal: undefined };
    const list = sink.add(
      renderAggregate("list", [`{${this.fields.join(", ")}}`], { ...noCall, filter }),
      prepared.result,
      isVolatile,
    );
    const function_ = this.extreme.toUpperCase();
    const entry = functionNamed(function_)!;
    const given: NamedGiven[] = [{ name: undefined, value: { kind: "value", node: expression, typed: key } }];
    const chosen = choose(entry, given) ?? noMatch(a, expression, function_, given);
    const { args, result } = prepare(a, expression, function_, chosen, given, this.rows);
    const context = emitContext(a, expression, function_, { ...noCall, filter });
    const best = sink.add(`(${chosen.signature.emit(args, context)})`, result, isVolatile);
    const isBest = compare(a, expression, "=", keyField, best).sql;
    return sink.derive(
      `(SELECT ${sql} FROM (SELECT unnest(${list.sql}) AS r) AS ${table} WHERE ${isBest})`,
      prepared.result,
    );
  }
}

/** ANY_VALUE(x HAVING MAX y) is MAX_BY(x, y). */
function anyValueHaving(a: Analysis, node: FunctionCall, cx: Context): Typed {
  const having = node.having!;
  const name = having.extreme === "max" ? "MAX_BY" : "MIN_BY";
  const entry = functionNamed(name) ?? a.refuse(node, "HAVING_MAX");
  const call: FunctionCall = {
    ...node,
    name: [{ kind: "identifier", name, quoted: false, span: node.span }],
    arguments: [node.arguments[0]!, having.expression],
    having: undefined,
  };
  return resolveAggregate(a, call, name, entry, false, cx);
}

/** MAX_BY(x, y) is ANY_VALUE(x HAVING MAX y), which knows what to do with NaN. */
function byFloat(a: Analysis, node: FunctionCall, name: string, key: Expression, cx: Context): Typed {
  const call: FunctionCall = {
    ...node,
    name: [{ kind: "identifier", name: "ANY_VALUE", quoted: false, span: node.span }],
    arguments: [node.arguments[0]!],
    having: {
      kind: "having-modifier",
      extreme: name === "MAX_BY" ? "max" : "min",
      expression: key,
      span: node.span,
    },
  };
  return resolveAggregate(a, call, "ANY_VALUE", functionNamed("ANY_VALUE")!, false, cx);
}

/** Where the arguments are resolved: for OVER the rows of the SELECT, else the rows before grouping. */
export function aggregateContext(a: Analysis, node: FunctionCall, name: string, cx: Context): Context {
  if (node.over) {
    if (!cx.windows) a.fail(node, `Analytic function ${name} is not allowed in ${cx.clause}`);
    return { ...cx, windows: undefined, isLazy: false, clause: `an argument of analytic function ${name}` };
  }
  if (!cx.aggregates) return a.fail(node, `Aggregate function ${name} is not allowed in ${cx.clause}`);
  return {
    ...cx.aggregates.rows,
    scope: rowsUnder(cx, false),
    aggregates: undefined,
    windows: undefined,
    clause: `an argument of aggregate function ${name}`,
  };
}
