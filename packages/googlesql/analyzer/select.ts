import type { Expression, OrderItem, Select } from "../ast.ts";
import { structText } from "../emit/text.ts";
import { duckdbType, type StructType, supportsGrouping, typeName } from "../types.ts";
import { walk } from "../walk.ts";
import { distinctHead } from "./collation.ts";
import type { AggregateSink, Analysis, Context } from "./context.ts";
import { condition, impliedName, resolve } from "./expressions.ts";
import { formOf } from "./form.ts";
import { resolveFrom } from "./from.ts";
import { type Grouping, GroupingStep, hasWindow } from "./grouping.ts";
import { type RowSource, sourceText, withOuterValues } from "./outer-values.ts";
import { filterPartitions } from "./partition-predicates.ts";
import { readPrivacyOptions } from "./privacy-options.ts";
import { limitText, ordinal, refuseLiteralKey, type Tail } from "./query.ts";
import { type Environment, type From, type OutColumn, type Relation, scopeOf } from "./relation.ts";
import { type Column, type RangeVariable, Scope } from "./scope.ts";
import { type ListItem, spellOut } from "./select-list.ts";
import { hasAggregate } from "./syntax-walk.ts";
import { type Typed, untypedNull } from "./typed.ts";
import { WindowSource } from "./window-source.ts";
import { orderText } from "./windows.ts";

/** Resolves SELECT ... with the ORDER BY and LIMIT that follow it. */
export function resolveSelect(
  a: Analysis,
  node: Select,
  env: Environment,
  tail: Tail,
  /** In place of the FROM clause: what a pipe has so far, and a column that is to be passed on beside the list. */
  given?: { readonly from: From; readonly carry: string | undefined },
): Relation {
  if (node.privacy) checkPrivate(a, node, env, tail);
  const from = given?.from ?? (node.from ? resolveFrom(a, node.from, env) : undefined);
  if (!from) withoutFrom(a, node, tail.orderBy);
  const scope = from ? scopeOf(from, env.scope) : new Scope({ parent: env.scope });
  const rows: Context = { scope, tables: env.tables, clause: "SELECT list" };
  const where = node.where
    ? condition(a, node.where, { ...rows, clause: "WHERE clause" }, "WHERE clause").sql
    : undefined;
  if (node.where) filterPartitions(a, node.where, rows);
  const windows = new Map(node.windows.map((window) => [window.name.name.toLowerCase(), window.spec]));
  if (windows.size < node.windows.length) a.fail(node.windows[1]!, "Duplicate window alias");
  for (const [i, { name, spec }] of node.windows.entries()) {
    const base = spec.base?.name.toLowerCase();
    if (base === undefined) continue;
    if (!node.windows.slice(0, i).some((other) => other.name.name.toLowerCase() === base)) {
      a.fail(name, `Unrecognized window alias ${spec.base!.name}`);
    }
    if (spec.partitionBy.length > 0) a.fail(name, "A window that refers to another one cannot have PARTITION BY");
  }
  const isGrouped =
    node.privacy !== undefined ||
    node.groupBy !== undefined ||
    node.having !== undefined ||
    hasAggregate(node.items, a.catalog) ||
    hasAggregate(node.qualify, a.catalog);
  const aggregated = isGrouped ? undefined : tail.orderBy.find((item) => hasAggregate(item.expression, a.catalog));
  if (aggregated) {
    a.fail(aggregated, "The ORDER BY clause only allows aggregation if GROUP BY or SELECT list aggregation is present");
  }
  if (node.having && !node.groupBy && !hasAggregate(node.items, a.catalog)) {
    const message = hasAggregate(node.having, a.catalog)
      ? "The HAVING clause only allows aggregation if GROUP BY or SELECT list aggregation is present"
      : "The HAVING clause requires GROUP BY or aggregation to be present";
    a.fail(node.having, message);
  }
  if (isGrouped && !from) a.fail(node, "Query without FROM clause cannot use aggregation");
  const privacy = node.privacy && readPrivacyOptions(a, node.privacy, rows);
  const step = isGrouped ? new GroupingStep(a, rows, from, where, privacy) : undefined;
  let usesWindow = false;
  const onWindow = (): void => {
    usesWindow = true;
  };
  const list: Context = step ? { ...rows, aggregates: step.sink } : { ...rows, windows, onWindow };
  const items = spellOut(a, node.items, from, list);
  if (step && node.groupBy) step.groupBy(node.groupBy, items);
  const grouping = step?.finish();
  const last = new Step(a, node, env, tail, items, rows, windows, grouping, from, where, given?.carry);
  if (!privacy || !step?.privacy) return last.relation(usesWindow);
  if (step.privacy.isEmpty && !node.groupBy)
    a.fail(node, "SELECT WITH DIFFERENTIAL_PRIVACY needs GROUP BY or an aggregate function");
  if (grouping!.keys.length > 0 && privacy.groups === undefined)
    a.refuse(
      node.privacy!,
      "max_groups_contributed",
      "without it nothing bounds what one privacy unit adds over all groups; set max_groups_contributed",
    );
  return last.relation(usesWindow);
}

/** What GoogleSQL or this engine does not do together with DIFFERENTIAL_PRIVACY. */
function checkPrivate(a: Analysis, node: Select, env: Environment, tail: Tail): void {
  if (!node.from) a.fail(node, "SELECT without FROM clause cannot specify WITH DIFFERENTIAL_PRIVACY");
  if (node.distinct) a.fail(node, "SELECT WITH DIFFERENTIAL_PRIVACY does not support DISTINCT");
  const what = "in SELECT WITH DIFFERENTIAL_PRIVACY";
  if (node.as) a.refuse(node, `AS_${node.as.toUpperCase()}`, `AS ${node.as.toUpperCase()} ${what}`);
  if (node.qualify) a.refuse(node.qualify, "QUALIFY", `QUALIFY ${what}`);
  if (node.windows.length > 0) a.refuse(node.windows[0]!, "WINDOW", `WINDOW ${what}`);
  if (env.scope) a.refuse(node, "DIFFERENTIAL_PRIVACY", "in a query within an expression");
  const expressions = [node.items, node.where, node.groupBy, node.having, tail.orderBy].flat();
  for (const one of expressions)
    if (one)
      walk(one, (inner) => {
        // It could read rows whose persons nobody bounds.
        if (inner.kind === "query") a.refuse(inner, "subquery", `a query within an expression ${what}`);
      });
}

function withoutFrom(a: Analysis, node: Select, orderBy: readonly OrderItem[]): void {
  if (node.where) a.fail(node.where, "Query without FROM clause cannot have a WHERE clause");
  if (node.groupBy) a.fail(node.groupBy, "Query without FROM clause cannot have a GROUP BY clause");
  if (node.having) a.fail(node.having, "Query without FROM clause cannot have a HAVING clause");
  if (node.qualify) a.fail(node.qualify, "Query without FROM clause cannot have a QUALIFY clause");
  if (node.distinct) a.fail(node, "Query without FROM clause cannot use SELECT DISTINCT");
  if (node.windows.length > 0) a.fail(node.windows[0]!, "Query without FROM clause cannot have a WINDOW clause");
  if (orderBy.length > 0) a.fail(orderBy[0]!, "Query without FROM clause cannot have an ORDER BY clause");
  const star = node.items.find((item) => item.kind === "select-star");
  if (star) a.fail(star, "SELECT * must have a FROM clause");
}

/** The last step of a SELECT: its list over the rows, or over the groups. */
class Step {
  private usesWindow = false;
  /** What all windows are partitioned by, as texts. */
  private windowKeys: readonly string[] | undefined;
  private readonly windowSource: WindowSource;
  private readonly values: readonly Typed[];
  private readonly columns: readonly OutColumn[];
  private readonly after: Context;
  private readonly distinct: boolean;

  constructor(
    private readonly a: Analysis,
    private readonly node: Select,
    private readonly env: Environment,
    private readonly tail: Tail,
    private readonly items: readonly ListItem[],
    private readonly rows: Context,
    windows: ReadonlyMap<string, Select["windows"][number]["spec"]>,
    private readonly grouping: Grouping | undefined,
    private readonly from: From | undefined,
    private readonly where: string | undefined,
    private readonly carry: string | undefined,
  ) {
    this.distinct = node.distinct;
    this.windowSource = new WindowSource(a.fresh("w"), a.fresh);
    this.after = {
      ...rows,
      scope: grouping?.scope ?? rows.scope,
      aggregates: grouping?.sink,
      windows,
      windowSource: this.windowSource,
      onWindow: (partitionBy) => {
        this.usesWindow = true;
        this.windowKeys = this.windowKeys?.filter((key) => partitionBy.includes(key)) ?? partitionBy;
      },
    };
    this.values = items.map((item) => this.itemValue(item));
    this.columns = this.outColumns();
  }

  private itemValue(item: ListItem): Typed {
    const value = item.node ? resolve(this.a, item.node, this.after) : item.value!;
    if (item.node || !this.grouping || item.isAggregated) return value;
    return (
      this.grouping.sink.keys.get(value.sql) ??
      this.a.fail(
        this.node,
        `Star expansion expression references column ${item.name ?? ""} which is neither grouped nor aggregated`,
      )
    );
  }

  private outColumns(): readonly OutColumn[] {
    const { node, a } = this;
    if (node.as === "struct") {
      const fields = this.items.map((item, i) => ({ name: item.name, type: this.values[i]!.type }));
      const type: StructType = { kind: "STRUCT", fields };
      const source: Typed = { sql: structText(this.values.map(typedText)), type, isNeverNull: true };
      return [{ name: undefined, sqlName: a.fresh("c"), type, source }];
    }
    if (node.as === "value" && this.items.length !== 1) {
      a.fail(node, "SELECT AS VALUE query must have exactly one column");
    }
    return this.items.map((item, i) => ({
      name: node.as === "value" ? undefined : item.name,
      sqlName: a.fresh("c"),
      type: this.values[i]!.type,
      source: this.values[i]!,
    }));
  }

  /** `usesWindow`: what `.*` spelled out has an analytic function. */
  relation(usesWindow: boolean): Relation {
    const { a, node, env, tail } = this;
    if (usesWindow) {
      this.usesWindow = true;
      this.windowKeys = [];
    }
    if (this.distinct) this.checkDistinct();
    const aliases = this.aliasScope();
    const over = this.namesAggregates() ? this.aggregatesOverAliases() : this.after.aggregates;
    const having = node.having
      ? condition(
          a,
          node.having,
          { ...this.after, scope: aliases, aggregates: over, windows: undefined, clause: "HAVING clause" },
          "HAVING clause",
        ).sql
      : undefined;
    let qualify: string | undefined;
    if (node.qualify) {
      qualify = condition(
        a,
        node.qualify,
        { ...this.after, scope: aliases, aggregates: over, clause: "QUALIFY clause" },
        "QUALIFY clause",
      ).sql;
      if (!this.usesWindow) a.fail(node.qualify, "The QUALIFY clause requires analytic function to be present");
    }
    const order = tail.orderBy.map((item) =>
      this.orderValue(item, { ...this.after, scope: aliases, aggregates: over }),
    );
    this.passPartitionsOn();
    // Only now are all aggregates known.
    const source = this.windowSource.wrap(this.grouping ? this.grouping.source(having) : this.plainSource());
    const list = this.columns.map((column) => `${typedText(column.source)} AS ${column.sqlName}`);
    const qualified = qualify ? ` QUALIFY ${qualify}` : "";
    const limit = tail.limit ? limitText(a, tail.limit, env) : "";
    const base = { columns: this.columns, isValueTable: node.as !== undefined };
    if (this.carry && !this.distinct) list.push(`${this.carry} AS o0`);
    const mustWrap = order.length > 0 && (this.distinct || order.some((one) => one.value.isVolatile));
    const wantsOrder = tail.keepOrder && order.length > 0;
    if (!mustWrap) {
      const keys = order.map((one) => orderText(a, one.item, one.value)).join(", ");
      const orderColumn = wantsOrder ? a.fresh("o") : this.naturalOrder();
      if (wantsOrder) list.push(`row_number() OVER (ORDER BY ${keys}) AS ${orderColumn}`);
      else if (orderColumn) list.push(`${this.place()}.c2 AS ${orderColumn}`);
      const distinct = this.distinctText();
      const ordered = keys === "" || (wantsOrder && !tail.limit) ? "" : ` ORDER BY ${keys}`;
      return {
        ...base,
        sql: this.select(`SELECT ${distinct}${list.join(", ")}`, source, `${qualified}${ordered}${limit}`),
        row: this.isOneRow(source, `${distinct}${qualified}${ordered}${limit}`)
          ? this.columns.map((c) => typedText(c.source))
          : undefined,
        orderColumn,
      };
    }
    // ORDER BY works on what the list gave: for DISTINCT by rule, for volatile values so that they are computed once.
    const t = a.fresh("t");
    const keys = order.map(({ item, value, index }) => {
      let sqlName: string;
      if (this.distinct && !isPlainKey(item, index)) {
        return orderText(a, item, this.valueAfterDistinct(item, t));
      }
      if (index !== undefined) sqlName = this.columns[index]!.sqlName;
      else {
        sqlName = a.fresh("o");
        list.push(`${value.sql} AS ${sqlName}`);
      }
      return orderText(a, item, { sql: `${t}.${sqlName}`, type: value.type });
    });
    const inner = this.select(`SELECT ${this.distinctText()}${list.join(", ")}`, source, qualified);
    const outer = this.columns.map((column) => `${t}.${column.sqlName}`);
    const orderColumn = wantsOrder ? a.fresh("o") : undefined;
    if (orderColumn) outer.push(`row_number() OVER (ORDER BY ${keys.join(", ")}) AS ${orderColumn}`);
    const sql = `SELECT ${outer.join(", ")} FROM (${inner}) AS ${t} ORDER BY ${keys.join(", ")}${limit}`;
    return { ...base, sql, orderColumn };
  }

  /** Which columns are the partition column of a table: a filter on them reaches it, but past LIMIT and other rows' windows. */
  private passPartitionsOn(): void {
    const { a, tail, columns, windowKeys } = this;
    if (a.partitions.isEmpty || tail.limit) return;
    for (const { source, sqlName } of columns)
      if (windowKeys?.includes(source.sql) !== false) a.partitions.passOn(source.sql, sqlName);
  }

  private distinctText(): string {
    if (!this.distinct) return "";
    return distinctHead(this.columns.map(({ source, type }) => ({ sql: typedText(source), type })));
  }

  private select(head: string, source: RowSource, tail: string): string {
    return this.env.scope ? withOuterValues(this.a.fresh, head, source, tail) : `${head}${sourceText(source)}${tail}`;
  }

  /** `clauses` is what stands around the list. Within another query the values might name its columns. */
  private isOneRow(source: RowSource, clauses: string): boolean {
    const { carry, env, columns } = this;
    if (clauses !== "" || source.from !== undefined || carry) return false;
    return columns.every(({ source }) =>
      env.scope ? source.isLiteral === true : !source.isVolatile && !source.hasSubquery,
    );
  }

  /** An array scan on its own has an order that ARRAY(SELECT ...) keeps, as BigQuery does. */
  private naturalOrder(): string | undefined {
    const { tail, node } = this;
    if (!tail.keepOrder || tail.orderBy.length > 0 || this.grouping || node.distinct || !this.from) return undefined;
    return this.place() === undefined ? undefined : this.a.fresh("o");
  }

  /** The alias of the array that is all of FROM. */
  private place(): string | undefined {
    const form = this.from?.form;
    return form?.kind === "array" ? form.alias : undefined;
  }

  private plainSource(): RowSource {
    return { from: this.from?.sql, tables: this.from?.tables ?? [], where: this.where };
  }

  private checkDistinct(): void {
    for (const value of this.columns) {
      if (value.type.kind !== "COLLATED" && !supportsGrouping(value.type))
        this.a.fail(this.node, `Column of type ${typeName(value.type)} cannot be used in SELECT DISTINCT`);
    }
  }

  /** Where the aggregates of HAVING, QUALIFY and ORDER BY look names up: in the SELECT list, then among the rows. */
  private aggregatesOverAliases(): AggregateSink | undefined {
    const { a, rows, grouping } = this;
    if (!grouping) return undefined;
    const locals = new Map<string, Typed>();
    for (const item of this.items) {
      const key = item.alias?.toLowerCase();
      const isItself =
        item.node?.kind === "path" && item.node.parts.length === 1 && impliedName(item.node)?.toLowerCase() === key;
      if (key === undefined || (isItself && !locals.has(key))) continue;
      const isComputed = item.node && (hasAggregate(item.node, a.catalog) || hasWindow(item.node));
      const fault = isComputed ? "Aggregations of aggregations are not allowed" : undefined;
      const value = isComputed ? untypedNull : item.node ? resolve(a, item.node, rows) : item.value!;
      locals.set(key, { ...value, isLiteral: false, literal: undefined, isAmbiguous: locals.has(key), fault });
    }
    if (locals.size === 0) return grouping.sink;
    return { ...grouping.sink, rows: { ...grouping.sink.rows, scope: new Scope({ parent: rows.scope, locals }) } };
  }

  /** The rows (or groups) with the aliases of the SELECT list in front. */
  private aliasScope(): Scope {
    const locals = new Map<string, Typed>();
    for (const [i, item] of this.items.entries()) {
      const key = item.alias?.toLowerCase();
      if (key === undefined) continue;
      const value = this.values[i]!;
      if (locals.has(key)) locals.set(key, { ...value, isAmbiguous: true });
      else locals.set(key, { ...value, isLiteral: false, literal: value.isUntypedNull ? value.literal : undefined });
    }
    return new Scope({ parent: this.after.scope, locals, isAliases: true });
  }

  private namesAggregates(): boolean {
    const nodes = [this.node.having, this.node.qualify, ...this.tail.orderBy.map((item) => item.expression)];
    return hasAggregate(nodes, this.a.catalog);
  }

  /** Where the SELECT list has the expression; -1 when it has not. */
  private listed(node: Expression, value: Typed, cx: Context): number {
    const at = this.values.findIndex((one) => one.sql === value.sql);
    if (at >= 0 || value.isVolatile || this.grouping) return at;
    const form = formOf(this.a, node, cx);
    if (form === undefined) return -1;
    return this.items.findIndex((item) => item.node && formOf(this.a, item.node, this.rows) === form);
  }

  /** An expression over what SELECT DISTINCT gives: its aliases, and the columns of FROM that stand in the list as they are. */
  private valueAfterDistinct(item: OrderItem, t: string): Typed {
    const { from, columns, a, env } = this;
    const given = new Map(columns.map(({ source, sqlName }) => [source.sql, `${t}.${sqlName}`]));
    const visible = (all: readonly Column[] = []): Column[] =>
      all.flatMap((column) => (given.has(column.sql) ? [{ ...column, sql: given.get(column.sql)! }] : []));
    const ranges = (from?.ranges ?? []).map(({ name, columns: own, hidden, value }): RangeVariable => {
      const [whole] = value ? visible([value]) : [];
      return { name, columns: visible(own), hidden: visible(hidden), value: whole };
    });
    const isWhole = (name: string): boolean =>
      ranges.some((range) => range.name.toLowerCase() === name && !range.value);
    const locals = new Map<string, Typed>();
    for (const [i, { alias }] of this.items.entries()) {
      const key = alias?.toLowerCase();
      if (key === undefined) continue;
      const value = { sql: `${t}.${columns[i]!.sqlName}`, type: columns[i]!.type, isSimple: true };
      locals.set(key, locals.has(key) ? { ...value, isAmbiguous: true } : value);
    }
    walk(item.expression, (node) => {
      const [first, second] = node.kind === "path" ? node.parts : [];
      const name = first?.name.toLowerCase();
      // Of a row as a whole only some columns may be left.
      if (name !== undefined && second === undefined && isWhole(name) && !locals.has(name))
        a.fail(
          node,
          `ORDER BY clause expression references table alias ${name} which is not visible after SELECT DISTINCT`,
        );
      return node.kind === "query" ? "skip" : undefined;
    });
    const scope = new Scope({ parent: env.scope, ranges, names: visible(from?.names), locals });
    return resolve(a, item.expression, { scope, tables: env.tables, clause: "ORDER BY clause after SELECT DISTINCT" });
  }

  private orderValue(item: OrderItem, cx: Context): { item: OrderItem; value: Typed; index: number | undefined } {
    const at = ordinal(this.a, item, this.items.length);
    if (at !== undefined) {
      const isStruct = this.node.as === "struct";
      if (isStruct && this.distinct) this.a.refuse(item, "ORDER_BY_ordinal", "with SELECT DISTINCT AS STRUCT");
      return { item, value: { ...this.values[at]!, literal: undefined }, index: isStruct ? undefined : at };
    }
    const value = resolve(this.a, item.expression, { ...cx, clause: "ORDER BY clause" });
    const index = this.node.as === "struct" ? -1 : this.listed(item.expression, value, cx);
    refuseLiteralKey(this.a, item, value);
    return { item, value, index: index < 0 ? undefined : index };
  }
}

/** A place in the SELECT list, or a name in it. */
const isPlainKey = (item: OrderItem, index: number | undefined): boolean =>
  index !== undefined && (item.expression.kind === "path" || item.expression.kind === "integer-literal");

/** Where no type was decided, an untyped NULL is an INT64. */
const typedText = (value: Typed): string =>
  value.isUntypedNull ? `CAST(${value.sql} AS ${duckdbType(value.type)})` : value.sql;
