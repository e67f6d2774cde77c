import type { Expression, FunctionCall } from "../ast.ts";
import { letBind } from "../emit/let.ts";
import { tried } from "../emit/tried.ts";
import { arrayOf, holdsCollated, INT64, STRING, typeName } from "../types.ts";
import { coerceOrFail, toSupertype } from "./coerce.ts";
import { collate } from "./collation.ts";
import { compare } from "./compare.ts";
import type { AggregateSink, Analysis, Context } from "./context.ts";
import { condition, resolve } from "./expressions.ts";
import { resolveFlattened } from "./flatten.ts";
import { groupedForm } from "./form.ts";
import { heldBackName } from "./subqueries.ts";
import { bool, flagsOf, nullOf, type Typed } from "./typed.ts";

type Form = (a: Analysis, node: FunctionCall, args: readonly Expression[], cx: Context) => Typed;

const arity = (low: number, high: number, name: string, form: Form): [string, Form] => [
  name,
  (a, node, args, cx) => {
    if (args.length < low || args.length > high) {
      a.fail(node, `No matching signature for function ${name}: wrong number of arguments (${args.length})`);
    }
    return form(a, node, args, cx);
  },
];

/** Functions whose arguments are evaluated only as needed, or that look at more than values. */
const forms: ReadonlyMap<string, Form> = new Map([
  arity(3, 3, "IF", (a, node, args, cx) => {
    const test = condition(a, args[0]!, cx, "The first argument of IF");
    const branch: Context = { ...cx, isLazy: true };
    const branches = [resolve(a, args[1]!, branch), resolve(a, args[2]!, branch)];
    const { type, values } = toSupertype(a, node, branches, "function IF");
    const [yes, no] = values as [Typed, Typed];
    return { sql: `(CASE WHEN ${test.sql} THEN ${yes.sql} ELSE ${no.sql} END)`, type, ...flagsOf(test, yes, no) };
  }),
  arity(1, Number.POSITIVE_INFINITY, "COALESCE", (a, node, args, cx) => coalesce(a, node, args, cx, "COALESCE")),
  arity(2, 2, "IFNULL", (a, node, args, cx) => coalesce(a, node, args, cx, "IFNULL")),
  arity(2, 2, "NULLIF", (a, node, args, cx) => {
    const { type, values } = toSupertype(
      a,
      node,
      args.map((arg) => resolve(a, arg, cx)),
      "function NULLIF",
    );
    if (holdsCollated(type)) a.refuse(node, "collation", "NULLIF of collated strings");
    const [left, right] = values as [Typed, Typed];
    const sql = letBind([left], a.fresh, ([x]) => {
      const equal = compare(a, node, "=", { ...left, sql: x! }, right);
      return `(CASE WHEN ${equal.sql} THEN NULL ELSE ${x} END)`;
    });
    return { sql, type, ...flagsOf(left, right) };
  }),
  arity(2, 2, "IFERROR", (a, node, args, cx) => {
    const held = new HeldBack(a, cx);
    const { type, values } = toSupertype(
      a,
      node,
      args.map((arg) => resolve(a, arg, held.context)),
      "function IFERROR",
    );
    const [value, other] = values as [Typed, Typed];
    holdable(a, args[0]!, value);
    // A NULL that is no error stays NULL: the value is wrapped to tell the two apart.
    const row = a.fresh("v");
    const sql = `list_transform([${tried(value.sql)}], lambda ${row}: CASE WHEN ${row} IS NULL THEN ${other.sql} ELSE ${row}[1] END)[1]`;
    if (other.hasSubquery) a.refuse(args[1]!, "IFERROR", "a subquery as the value of IFERROR");
    return held.around({ sql, type, ...flagsOf(other) });
  }),
  arity(2, 2, "COLLATE", (a, node, args, cx) => {
    const name = resolve(a, args[1]!, cx).literal?.value;
    return collate(a, node, resolve(a, args[0]!, cx), typeof name === "string" ? name : undefined);
  }),
  arity(1, 1, "ISERROR", (a, _node, args, cx) => {
    const held = new HeldBack(a, cx);
    const value = resolve(a, args[0]!, held.context);
    holdable(a, args[0]!, value);
    return held.around({ ...bool(`(${tried(value.sql)} IS NULL)`), isNeverNull: true });
  }),
  arity(1, 1, "NULLIFERROR", (a, _node, args, cx) => {
    const held = new HeldBack(a, cx);
    const value = resolve(a, args[0]!, held.context);
    holdable(a, args[0]!, value);
    return held.around({ sql: `${tried(value.sql)}[1]`, type: value.type });
  }),
  arity(1, 1, heldBackName, (a, _node, args, cx) => {
    const value = resolve(a, args[0]!, { ...cx, isLazy: true });
    holdable(a, args[0]!, value);
    return { sql: tried(value.sql), type: arrayOf(value.type) };
  }),
  arity(1, 1, "ERROR", (a, _node, args, cx) => {
    const message = coerceOrFail(a, args[0]!, resolve(a, args[0]!, cx), STRING, "Argument of ERROR");
    return {
      ...nullOf(INT64),
      sql: `gs_raise(coalesce(${message.sql}, 'ERROR function called with NULL value'))`,
      literal: undefined,
      isSimple: false,
      isUntypedNull: true,
      raises: { message },
      canFail: true,
    } as Typed;
  }),
  arity(1, 1, "FLATTEN", (a, node, args, cx) => {
    const array = resolveFlattened(a, args[0]!, cx);
    if (array.type.kind === "ARRAY") return array;
    return a.fail(node, `No matching signature for function FLATTEN for argument types: ${typeName(array.type)}`);
  }),
  arity(1, 1, "GROUPING", (a, node, args, cx) => {
    if (!cx.aggregates) return a.fail(node, `GROUPING is not allowed in ${cx.clause}`);
    const key = groupingKey(a, args[0]!, cx, cx.aggregates);
    if (key === undefined)
      return a.fail(node, "GROUPING must have an argument that exists within the group-by expression list");
    if (cx.aggregates.privacy) return a.refuse(node, "GROUPING", "in SELECT WITH DIFFERENTIAL_PRIVACY");
    return cx.aggregates.grouping(key);
  }),
]);

/** The key that GROUPING names: an expression over the rows, or an alias of the SELECT list. */
function groupingKey(a: Analysis, node: Expression, cx: Context, sink: AggregateSink): Typed | undefined {
  const form = groupedForm(a, node, { ...cx, scope: sink.rows.scope });
  const same = form === undefined ? undefined : sink.forms.get(form);
  if (same) return same;
  const named = resolve(a, node, cx).sql;
  return [...sink.keys.values()].find((key) => key.sql === named);
}

/** Where errors are held back: the subqueries come out of the expression, for DuckDB's TRY takes none. */
class HeldBack {
  private readonly fields: string[] = [];
  private readonly row: string;
  readonly context: Context;

  constructor(a: Analysis, cx: Context) {
    this.row = a.fresh("v");
    const hoist = (sql: string): string => {
      this.fields.push(`'h${this.fields.length + 1}': ${sql}`);
      return `${this.row}.h${this.fields.length}`;
    };
    this.context = { ...cx, isLazy: true, hoist: cx.hoist ?? hoist };
  }

  around(value: Typed): Typed {
    if (this.fields.length === 0) return value;
    const sql = `list_transform([{${this.fields.join(", ")}}], lambda ${this.row}: ${value.sql})[1]`;
    return { ...value, sql, hasSubquery: true };
  }
}

function coalesce(a: Analysis, node: FunctionCall, args: readonly Expression[], cx: Context, name: string): Typed {
  const { type, values } = toSupertype(
    a,
    node,
    args.map((arg, i) => resolve(a, arg, i === 0 ? cx : { ...cx, isLazy: true })),
    `function ${name}`,
  );
  return {
    sql: values.length === 1 ? values[0]!.sql : `COALESCE(${values.map((value) => value.sql).join(", ")})`,
    type,
    ...flagsOf(...values),
    isNeverNull: values.some((value) => value.isNeverNull),
  };
}

/** DuckDB's TRY takes neither subqueries nor volatile functions. */
function holdable(a: Analysis, node: Expression, value: Typed): void {
  if (value.hasSubquery || value.isVolatile) a.refuse(node, "IFERROR", "holding back errors of a subquery");
}

/** These fail only where an argument does, which SAFE. leaves alone. */
const harmless: ReadonlySet<string> = new Set([
  "COALESCE",
  "FLATTEN",
  "IF",
  "IFERROR",
  "IFNULL",
  "ISERROR",
  "NULLIF",
  "NULLIFERROR",
]);

export function specialForm(
  a: Analysis,
  node: FunctionCall,
  name: string,
  isSafe: boolean,
  cx: Context,
): Typed | undefined {
  const form = forms.get(name);
  if (!form) return undefined;
  if (isSafe && name === "ERROR") {
    const [argument] = node.arguments;
    const message = argument && form(a, node, [argument as Expression], cx).raises?.message;
    if (message === undefined || message.literal) return { ...nullOf(INT64), isUntypedNull: false };
    // What computes the message may still fail.
    const sql = `TRY_CAST(left(coalesce(${message.sql}, ''), 0) AS BIGINT)`;
    return { sql, type: INT64, ...flagsOf(message), canFail: true, isUntypedNull: false };
  }
  if (isSafe && name === "COLLATE") a.refuse(node, "COLLATE", "SAFE.COLLATE");
  if (isSafe && !harmless.has(name)) a.fail(node, `Function ${name} does not support SAFE error mode`);
  if (node.over || node.distinct) a.fail(node, `Function ${name} does not support OVER or DISTINCT`);
  const args = node.arguments.map((argument) => {
    const { kind } = argument;
    if (
      kind === "star-argument" ||
      kind === "named-argument" ||
      kind === "lambda" ||
      kind === "table-argument" ||
      kind === "model-argument"
    ) {
      return a.fail(argument, `Function ${name} takes plain expressions only`);
    }
    return argument;
  });
  return form(a, node, args, cx);
}
