import type { Expression, OrderItem, PipeAggregate, PipeOperator, Query, Select, SelectItem } from "../ast.ts";
import { emptySelect } from "../empty-select.ts";
import { supportsGrouping, typeName } from "../types.ts";
import { carried } from "./carried.ts";
import { distinctRows } from "./collation.ts";
import { type Analysis, type Context, withoutColumns } from "./context.ts";
import { condition, impliedName, resolve } from "./expressions.ts";
import { joinSides, resolveFrom } from "./from.ts";
import { GroupingStep, hasWindow } from "./grouping.ts";
import { sourceText } from "./outer-values.ts";
import { filterPartitions } from "./partition-predicates.ts";
import { keyNames, orderItem } from "./pipe-group-keys.ts";
import { resolvePivot, resolveUnpivot } from "./pivot.ts";
import { fromRelation, limitText, relationOfFrom, resolveBody, resolveQuery, resolveWith } from "./query.ts";
import {
  type Environment,
  type From,
  type OutColumn,
  onlyAlias,
  type Relation,
  scopeOf,
  withText,
} from "./relation.ts";
import { sampleOf } from "./sample.ts";
import type { Column } from "./scope.ts";
import { resolveSelect } from "./select.ts";
import { spellOut } from "./select-list.ts";
import { combineInputs, matchByName, unifyInputs } from "./set-operations.ts";
import { hasAggregate } from "./syntax-walk.ts";
import { resolveTableFunction } from "./table-functions.ts";
import { orderText } from "./windows.ts";

const noTail = { orderBy: [], limit: undefined, keepOrder: false };

/** Resolves a query that goes on with `|>` operators: each is a step over the table that the one before gave. */
export function resolvePipes(a: Analysis, query: Query, env: Environment, keepOrder: boolean): Relation {
  const { body } = query;
  const isPlain = query.orderBy.length === 0 && !query.limit;
  let from: From;
  let order: string | undefined;
  if (body.kind === "from-query" && isPlain) from = resolveFrom(a, body.from, env);
  else {
    const relation = resolveBody(a, body, env, { orderBy: query.orderBy, limit: query.limit, keepOrder: true });
    from = fromRelation(a, relation, undefined);
    order = relation.orderColumn && `${onlyAlias(from)}.${relation.orderColumn}`;
  }
  const pipe = new Pipe(a, env, from, order);
  for (const operator of query.pipes) pipe.apply(operator);
  return pipe.relation(keepOrder);
}

class Pipe {
  private readonly withs: string[] = [];

  constructor(
    private readonly a: Analysis,
    private env: Environment,
    private from: From,
    /** DuckDB SQL of a column that holds the order of rows, while there is one. */
    private order: string | undefined,
  ) {}

  private context(clause: string, windows = false): Context {
    const scope = scopeOf(this.from, this.env.scope);
    return { scope, tables: this.env.tables, clause, windows: windows ? new Map() : undefined };
  }

  relation(keepOrder: boolean): Relation {
    const { a, order, withs } = this;
    const hasWith = withs.length > 0;
    const place = order && (keepOrder || hasWith) ? a.fresh("o") : undefined;
    const orderColumn = keepOrder ? place : undefined;
    const plain = relationOfFrom(a, this.from, place && `${order} AS ${place}`);
    if (!hasWith) return { ...plain, sql: order && !place ? `${plain.sql} ORDER BY ${order}` : plain.sql, orderColumn };
    const t = a.fresh("t");
    const list = plain.columns.map((column) => `${t}.${column.sqlName}`);
    if (orderColumn) list.push(`${t}.${orderColumn}`);
    const ordered = place && !keepOrder ? ` ORDER BY ${t}.${place}` : "";
    const sql = `SELECT ${list.join(", ")} FROM (${withs.join(" ")} ${plain.sql}) AS ${t}${ordered}`;
    return { ...plain, sql, orderColumn };
  }

  apply(node: PipeOperator): void {
    const { a } = this;
    switch (node.kind) {
      case "pipe-where": {
        let usesWindow = false;
        const cx: Context = {
          ...this.context("pipe WHERE", true),
          onWindow: () => {
            usesWindow = true;
          },
        };
        const test = condition(a, node.condition, cx, "pipe WHERE");
        if (!usesWindow) filterPartitions(a, node.condition, cx);
        return void this.step(usesWindow ? { qualify: test.sql } : { where: test.sql });
      }
      case "pipe-assert": {
        const test = condition(a, node.condition, this.context("pipe ASSERT"), "pipe ASSERT");
        return void this.step({
          where: `CASE WHEN ${test.sql} THEN true ELSE CAST(gs_raise('Assert failed') AS BOOLEAN) END`,
        });
      }
      case "pipe-select":
        return void this.select(node.items, node.distinct, node.as, node.windows);
      case "pipe-extend":
      case "pipe-window":
        return void this.extend(node.items, node.kind === "pipe-extend" ? node.windows : []);
      case "pipe-set":
        return void this.set(node);
      case "pipe-drop": {
        const gone = new Set(node.columns.map((name) => this.named(name)));
        if (this.from.star.every((column) => gone.has(column))) a.fail(node, "Pipe DROP removes all columns");
        return void this.columns((column) => (gone.has(column) ? undefined : column));
      }
      case "pipe-rename": {
        const renamed = new Map(node.items.map((item) => [this.named(item.from), item.to.name]));
        return void this.columns((column) =>
          renamed.has(column) ? { ...column, name: renamed.get(column)! } : column,
        );
      }
      case "pipe-as": {
        const { name } = node.alias;
        const { value, star } = this.from;
        if (value && value.type.kind !== "STRUCT") {
          const named: Column = { ...value, name };
          this.from = {
            ...this.from,
            star: [named],
            names: [],
            ranges: [{ name, columns: [], value: named }],
            value: named,
          };
        } else this.from = { ...this.from, ranges: [{ name, columns: star, value }] };
        return;
      }
      case "pipe-aggregate":
        return void this.aggregate(node);
      case "pipe-order-by":
        return void this.orderBy(node.items);
      case "pipe-limit":
        return void this.step({
          limit: `${this.order ? ` ORDER BY ${this.order}` : ""}${limitText(a, node.limit, this.env)}`,
        });
      case "pipe-join": {
        const right = resolveFrom(a, node.right, this.env, this.from);
        this.order = undefined;
        this.from = joinSides(a, node, this.from, right, this.env);
        return;
      }
      case "pipe-set-operation": {
        const inputs = [relationOfFrom(a, this.from), ...node.inputs.map((input) => resolveQuery(a, input, this.env))];
        const matched = node.matching ? matchByName(a, node, inputs) : inputs;
        return void this.become(combineInputs(a, node, unifyInputs(a, node, matched, node.operator.toUpperCase())));
      }
      case "pipe-distinct": {
        for (const column of this.from.star) {
          if (column.type.kind !== "COLLATED" && !supportsGrouping(column.type))
            a.fail(node, `Column of type ${typeName(column.type)} cannot be used in DISTINCT`);
        }
        const all = relationOfFrom(a, this.from);
        const ranges = this.from.ranges.map((range) => range.name);
        this.become({ ...all, sql: distinctRows(a, all) });
        if (ranges.length === 1)
          this.from = { ...this.from, ranges: [{ name: ranges[0]!, columns: this.from.star, value: undefined }] };
        return;
      }
      case "pipe-pivot":
        this.order = undefined;
        this.from = resolvePivot(a, node.pivot, this.from, node.alias?.name, this.env);
        return;
      case "pipe-unpivot":
        this.order = undefined;
        this.from = resolveUnpivot(a, node.unpivot, this.from, node.alias?.name);
        return;
      case "pipe-sample":
        this.order = undefined;
        this.from = sampleOf(a, node.sample, this.from, this.env);
        return;
      case "pipe-with": {
        const made = resolveWith(a, node.with, this.env);
        if (this.withs.length > 0) a.refuse(node, "pipe_WITH", "several of them");
        this.withs.push(withText(made));
        this.env = { ...this.env, tables: made.tables };
        return;
      }
      case "pipe-if": {
        const chosen = node.cases.find(({ condition: test }) => this.isTrue(test));
        for (const operator of chosen ? chosen.pipes : node.otherwise) this.apply(operator);
        return;
      }
      case "pipe-call": {
        const input = relationOfFrom(a, this.from);
        this.order = undefined;
        this.from = resolveTableFunction(a, node, this.env, node.alias?.name, input);
      }
    }
  }

  /** A condition of pipe IF, which is a constant. */
  private isTrue(node: Expression): boolean {
    const cx = withoutColumns("pipe IF");
    const test = condition(this.a, node, cx, "Pipe IF");
    if (test.literal === undefined && !test.isUntypedNull) {
      this.a.refuse(node, "pipe_IF", "a condition that is more than a literal or a constant");
    }
    return test.literal?.value === true;
  }

  private become(relation: Relation): void {
    this.order = undefined;
    this.from = fromRelation(this.a, relation, undefined);
  }

  private named(name: { readonly name: string; readonly span: PipeOperator["span"] }): Column {
    const key = name.name.toLowerCase();
    const found = this.from.star.filter((column) => column.name?.toLowerCase() === key);
    if (found.length === 0) return this.a.fail(name, `Column ${name.name} does not exist in the pipe's input`);
    if (found.length > 1) return this.a.fail(name, `Column ${name.name} is ambiguous in the pipe's input`);
    return found[0]!;
  }

  /** Changes what `*` and unqualified names see; aliases keep their columns. */
  private columns(change: (column: Column) => Column | undefined): void {
    const all = (list: readonly Column[]): Column[] => list.map(change).filter((column) => column !== undefined);
    this.from = { ...this.from, star: all(this.from.star), names: all(this.from.names), value: undefined };
  }

  /** A subquery over the input: filtered, limited, with further columns; all names stay what they were. */
  private step(what: {
    readonly where?: string;
    readonly qualify?: string;
    readonly limit?: string;
    readonly order?: string;
    readonly added?: readonly Column[];
  }): void {
    const { a, from } = this;
    const one = carried(a, from, what.added);
    const order = what.order ?? this.order;
    if (order) one.list.push(`${order} AS o0`);
    this.order = order ? `${one.table}.o0` : undefined;
    const where = what.where ? ` WHERE ${what.where}` : what.qualify ? ` QUALIFY ${what.qualify}` : "";
    this.from = one.from(`(SELECT ${one.list.join(", ")} FROM ${from.sql}${where}${what.limit ?? ""}) AS ${one.table}`);
  }

  private orderBy(items: readonly OrderItem[]): void {
    const cx = this.context("pipe ORDER BY", true);
    const given = this.from.star.length;
    if (items.some((item) => hasWindow(item.expression))) {
      // A window function cannot stand in the window that keeps the order: it becomes a column first.
      const added = items.map((item): Column => {
        const value = resolve(this.a, item.expression, cx);
        return { name: undefined, sql: value.sql, type: value.type };
      });
      this.step({ added });
      const computed = this.from.star.slice(given);
      const texts = items.map((item, i) => orderText(this.a, item, { sql: computed[i]!.sql, type: computed[i]!.type }));
      this.columns((column) => (computed.includes(column) ? undefined : column));
      this.step({ order: `row_number() OVER (ORDER BY ${texts.join(", ")})` });
      return;
    }
    const keys = items.map((item) => {
      if (item.expression.kind === "integer-literal") {
        const column = this.from.star[Number(item.expression.value) - 1];
        if (!column) return this.a.fail(item, "ORDER BY is out of SELECT column number range");
        return orderText(this.a, item, { sql: column.sql, type: column.type });
      }
      const value = resolve(this.a, item.expression, cx);
      if (value.literal && value.isLiteral && !value.isParameter && item.expression.kind !== "path") {
        this.a.fail(item, "Cannot ORDER BY a literal");
      }
      return orderText(this.a, item, value);
    });
    this.step({ order: `row_number() OVER (ORDER BY ${keys.join(", ")})` });
  }

  private select(items: readonly SelectItem[], distinct: boolean, as: Select["as"], windows: Select["windows"]): void {
    const aggregated = items.find((item) => hasAggregate(item, this.a.catalog));
    if (aggregated) this.a.fail(aggregated, "Aggregate functions are not allowed in pipe SELECT");
    const select: Select = { ...emptySelect(items[0]!.span), distinct, as, items, windows };
    const relation = resolveSelect(this.a, select, this.env, noTail, { from: this.from, carry: this.order });
    const ordered = this.order !== undefined && !distinct;
    this.from = fromRelation(this.a, relation, undefined);
    this.order = ordered ? `${onlyAlias(this.from)}.o0` : undefined;
  }

  private extend(items: readonly SelectItem[], windows: Select["windows"]): void {
    const named = new Map(windows.map((window) => [window.name.name.toLowerCase(), window.spec]));
    const cx: Context = { ...this.context("pipe EXTEND", true), windows: named };
    const added = spellOut(this.a, items, this.from, cx).map((item): Column => {
      const value = item.node ? resolve(this.a, item.node, cx) : item.value!;
      return { name: item.name, sql: value.isUntypedNull ? "CAST(NULL AS BIGINT)" : value.sql, type: value.type };
    });
    this.step({ added });
  }

  private set(node: Extract<PipeOperator, { kind: "pipe-set" }>): void {
    const cx = this.context("pipe SET", true);
    const changed = new Map<Column, Column>();
    for (const item of node.items) {
      const column = this.named(item.column);
      if (changed.has(column)) this.a.fail(item, `Pipe SET names column ${item.column.name} twice`);
      const value = resolve(this.a, item.value, cx);
      changed.set(column, {
        name: column.name,
        sql: value.isUntypedNull ? "CAST(NULL AS BIGINT)" : value.sql,
        type: value.type,
      });
    }
    this.columns(
      (column) =>
        changed.get(column) ??
        [...changed].find(([from]) => from.sql === column.sql && from.name === column.name)?.[1] ??
        column,
    );
    this.step({});
  }

  private aggregate(node: PipeAggregate): void {
    const { a } = this;
    const rows = this.context("pipe AGGREGATE");
    const step = new GroupingStep(a, rows, this.from);
    const outputs: { name: string | undefined; sql: string; type: OutColumn["type"] }[] = [];
    const orders: { item: OrderItem; at: number }[] = [];
    if (node.groupBy) {
      step.groupBy(node.groupBy, []);
      const names = node.groupBy.items.flatMap(keyNames);
      for (const { name, expression } of names) {
        const key = step.sink.keyNodes.get(expression)!;
        outputs.push({ name, sql: key.sql, type: key.type });
      }
      for (const [i, name] of names.entries()) {
        if (!name.order && !node.groupAndOrder) continue;
        orders.push({ at: i, item: orderItem(node, name.order) });
      }
    }
    const grouping = step.finish();
    const cx: Context = { ...rows, scope: grouping.scope, aggregates: grouping.sink, clause: "pipe AGGREGATE" };
    for (const item of node.items) {
      if (!hasAggregate(item.expression, a.catalog)) {
        a.fail(item, "Pipe AGGREGATE cannot include non-aggregate expressions");
      }
      const value = resolve(a, item.expression, cx);
      if (item.order) orders.push({ at: outputs.length, item: orderItem(node, item.order) });
      outputs.push({ name: item.alias?.name ?? impliedName(item.expression), sql: value.sql, type: value.type });
    }
    const columns = outputs.map(
      (output): OutColumn => ({
        name: output.name,
        sqlName: a.fresh("c"),
        type: output.type,
        source: { sql: output.sql, type: output.type },
      }),
    );
    const list = columns.map((column) => `${column.source.sql} AS ${column.sqlName}`);
    if (orders.length > 0) {
      const keys = orders.map(({ item, at }) => orderText(a, item, { sql: outputs[at]!.sql, type: outputs[at]!.type }));
      list.push(`row_number() OVER (ORDER BY ${keys.join(", ")}) AS o0`);
    }
    this.from = fromRelation(
      a,
      { sql: `SELECT ${list.join(", ")}${sourceText(grouping.source())}`, columns, isValueTable: false },
      undefined,
    );
    this.order = orders.length > 0 ? `${onlyAlias(this.from)}.o0` : undefined;
  }
}
