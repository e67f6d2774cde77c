import type { Expression, GroupBy, GroupingItem, GroupingSet } from "../ast.ts";
import { type GoogleSqlType, INT64, supportsGrouping, typeName } from "../types.ts";
import { comparedText } from "./collation.ts";
import type { AggregateSink, Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { formOf } from "./form.ts";
import { fieldAt } from "./names.ts";
import { type RowSource, sourceText, withOuterValues } from "./outer-values.ts";
import type { PrivacyOptions } from "./privacy-options.ts";
import { PrivateGroups } from "./private-groups.ts";
import type { From } from "./relation.ts";
import type { Scope } from "./scope.ts";
import type { ListItem } from "./select-list.ts";
import { hasAggregate, walk } from "./syntax-walk.ts";
import type { Typed } from "./typed.ts";

/** The grouping step of a SELECT: a subquery of keys and aggregates that the SELECT list then reads. */
export interface Grouping {
  /** The names of FROM, of which only grouped ones may be used. */
  readonly scope: Scope;
  readonly sink: AggregateSink;
  /** `(SELECT keys, aggregates ... GROUP BY ...) AS t`, and HAVING as what its rows must pass, once all aggregates are known. */
  source(having?: string): RowSource;
  /** The keys in order, as columns of the step. */
  readonly keys: readonly Typed[];
}

export interface GroupKey {
  readonly node: Expression;
  readonly value: Typed;
}

/** Collects keys and aggregates of one grouping step. */
export class GroupingStep {
  private readonly table: string;
  private readonly keyTexts: string[] = [];
  private readonly keyRefs: Typed[] = [];
  private readonly byText = new Map<string, Typed>();
  private readonly fields = new Map<string, Typed>();
  private readonly byForm = new Map<string, Typed>();
  private readonly keyNames = new Map<Typed, string>();
  private readonly aggregates = new Map<string, { readonly name: string; readonly type: GoogleSqlType; sql: string }>();
  private readonly derived = new Map<string, string>();
  /** The GROUP BY clause over key names; undefined for one group of everything. */
  private clause: string | undefined;
  /** Within ROLLUP, CUBE or GROUPING SETS, whose keys are NULL in other sets. */
  private isInSet = false;
  readonly sink: AggregateSink;
  /** Set for a SELECT WITH DIFFERENTIAL_PRIVACY, which it then computes. */
  readonly privacy: PrivateGroups | undefined;

  constructor(
    private readonly a: Analysis,
    private readonly rows: Context,
    private readonly from?: From | undefined,
    private readonly where?: string | undefined,
    /** Of a SELECT WITH DIFFERENTIAL_PRIVACY. */
    privacy?: PrivacyOptions,
  ) {
    this.table = a.fresh("t");
    const groups = privacy && new PrivateGroups(privacy, a.fresh, this.table);
    this.privacy = groups;
    const { aggregates, derived, byText, byForm, table } = this;
    this.sink = {
      rows,
      keyNodes: new Map(),
      keyKinds: new Set(),
      forms: byForm,
      keys: byText,
      privacy: groups,
      add(sql, type, isVolatile) {
        const before = isVolatile ? undefined : aggregates.get(sql);
        const name = before?.name ?? a.fresh("a");
        if (!before) aggregates.set(isVolatile ? `${sql} /* ${name} */` : sql, { name, type, sql });
        return { sql: `${table}.${name}`, type, isSimple: true };
      },
      derive(sql, type) {
        const name = derived.get(sql) ?? a.fresh("d");
        derived.set(sql, name);
        return { sql: `${table}.${name}`, type, isSimple: true };
      },
      grouping: (key) => this.sink.add(`CAST(GROUPING(${this.keyNames.get(key)}) AS BIGINT)`, INT64, false),
    };
  }

  /** Takes an expression as a key; the same expression twice is one key. */
  addKey(node: Expression | undefined, value: Typed, at: Expression | GroupBy): string {
    const isCollated = value.type.kind === "COLLATED";
    if (this.privacy && isCollated)
      this.a.refuse(at, "collation", "a collated string as a group of SELECT WITH DIFFERENTIAL_PRIVACY");
    if (!supportsGrouping(value.type) && !isCollated)
      this.a.fail(at, `Grouping by expressions of type ${typeName(value.type)} is not allowed`);
    const form = node && !value.isVolatile ? formOf(this.a, node, this.rows) : undefined;
    const before = value.isVolatile
      ? undefined
      : (this.byText.get(value.sql) ?? (form === undefined ? undefined : this.byForm.get(form)));
    if (before) {
      if (node) this.sink.keyNodes.set(node, before);
      return this.keyNames.get(before)!;
    }
    const name = this.a.fresh("g");
    const ref: Typed = isCollated
      ? this.sink.add(this.shown(value, name), value.type, false)
      : { sql: `${this.table}.${name}`, type: value.type, isSimple: true };
    this.keyTexts.push(`${value.isUntypedNull ? "CAST(NULL AS BIGINT)" : comparedText(value)} AS ${name}`);
    this.keyRefs.push(ref);
    this.byText.set(value.sql, ref);
    this.addFields(value, ref);
    if (!this.isInSet) this.a.partitions.passOn(value.sql, ref.sql);
    if (form !== undefined) this.byForm.set(form, ref);
    this.keyNames.set(ref, name);
    if (node) {
      this.sink.keyNodes.set(node, ref);
      if (node.kind !== "path" && !value.literal) this.sink.keyKinds.add(node.kind);
    }
    return name;
  }

  /** The fields of a grouped STRUCT are grouped. A table of values names them without the value: `t.x` and `x` of rows `t`. */
  private addFields(value: Typed, ref: Typed): void {
    if (value.type.kind !== "STRUCT") return;
    for (const i of value.type.fields.keys()) {
      const [field, ofKey] = [fieldAt(value, i), fieldAt(ref, i)];
      this.fields.set(field.sql, ofKey);
      this.addFields(field, ofKey);
    }
  }

  /** A group of strings that differ in case shows any of them, and none in a set without that key. */
  private shown(value: Typed, key: string): string {
    const any = `any_value(${value.sql})`;
    return this.isInSet ? `CASE WHEN GROUPING(${key}) = 0 THEN ${any} END` : any;
  }

  groupBy(node: GroupBy, items: readonly ListItem[]): void {
    const set = node.items.find((item) => item.kind !== "grouping-key" && item.kind !== "grouping-empty");
    if (this.privacy && set) this.a.refuse(set, set.kind, "ROLLUP, CUBE and GROUPING SETS with DIFFERENTIAL_PRIVACY");
    if (node.all) {
      const names = items.flatMap((item) => {
        if (!item.node) return [this.addKey(undefined, item.value!, node)];
        if (hasAggregate(item.node, this.a.catalog) || hasWindow(item.node)) return [];
        const value = resolve(this.a, item.node, { ...this.rows, clause: "GROUP BY ALL" });
        if (value.isVolatile) {
          this.a.fail(item.node, "GROUP BY ALL includes a volatile expression, which must be listed explicitly");
        }
        return value.literal ? [] : [this.addKey(item.node, value, item.node)];
      });
      if (names.length > 0) this.clause = names.join(", ");
      return;
    }
    const empty = node.items.find((item) => item.kind === "grouping-empty");
    if (empty && node.items.length > 1) {
      this.a.fail(empty, "GROUP BY () is only allowed when there are no other grouping items");
    }
    const plain: string[] = [];
    const sets: string[] = [];
    for (const item of node.items) this.item(item, items, plain, sets);
    const all = [...plain, ...sets];
    this.clause = all.length > 0 ? all.join(", ") : undefined;
  }

  /** GROUP BY these keys, given by their names. */
  useKeys(names: readonly string[]): void {
    this.clause = names.length > 0 ? names.join(", ") : undefined;
  }

  private item(item: GroupingItem, items: readonly ListItem[], plain: string[], sets: string[]): void {
    switch (item.kind) {
      case "grouping-key":
        plain.push(this.key(item.expression, items));
        return;
      case "grouping-empty":
        return;
      case "rollup":
      case "cube":
        this.isInSet = true;
        sets.push(this.elements(item.kind, item.elements, items));
        return;
      case "grouping-sets":
        this.isInSet = true;
        sets.push(`GROUPING SETS (${item.sets.map((set) => this.set(set, items)).join(", ")})`);
        return;
    }
  }

  private elements(
    kind: "rollup" | "cube",
    elements: readonly (readonly Expression[])[],
    items: readonly ListItem[],
  ): string {
    const names = elements.map((element) => {
      const keys = element.map((expression) => this.key(expression, items));
      return keys.length === 1 ? keys[0]! : `(${keys.join(", ")})`;
    });
    return `${kind.toUpperCase()} (${names.join(", ")})`;
  }

  private set(set: GroupingSet, items: readonly ListItem[]): string {
    if (set.kind === "grouping-set") return `(${set.keys.map((key) => this.key(key, items)).join(", ")})`;
    return this.elements(set.kind, set.elements, items);
  }

  /** An ordinal, an alias of the SELECT list, or an expression over the rows. */
  private key(expression: Expression, items: readonly ListItem[]): string {
    const { a } = this;
    const cx: Context = { ...this.rows, clause: "GROUP BY clause" };
    if (expression.kind === "integer-literal") {
      const item = items[Number(expression.value) - 1];
      if (!item) return a.fail(expression, `GROUP BY is out of SELECT column number range: ${expression.value}`);
      return this.itemKey(item, expression, cx);
    }
    if (expression.kind === "path" && expression.parts.length === 1) {
      const wanted = expression.parts[0]!.name.toLowerCase();
      const named = items.filter((item) => item.alias?.toLowerCase() === wanted);
      if (named.length > 0) {
        if (named.length > 1) a.fail(expression, `Name ${expression.parts[0]!.name} in GROUP BY clause is ambiguous`);
        return this.itemKey(named[0]!, expression, cx);
      }
    }
    const value = resolve(a, expression, cx);
    if (value.literal && value.isLiteral && !value.isParameter) a.fail(expression, "Cannot GROUP BY literal values");
    return this.addKey(expression, value, expression);
  }

  private itemKey(item: ListItem, at: Expression, cx: Context): string {
    if (!item.node) return this.addKey(undefined, item.value!, at);
    if (hasAggregate(item.node, this.a.catalog))
      this.a.fail(at, "The GROUP BY clause refers to an expression with an aggregate function");
    if (hasWindow(item.node)) this.a.fail(at, "The GROUP BY clause refers to an expression with an analytic function");
    return this.addKey(item.node, resolve(this.a, item.node, cx), at);
  }

  finish(): Grouping {
    return {
      scope: this.rows.scope.withGroups(new Map([...this.fields, ...this.byText])),
      sink: this.sink,
      keys: this.keyRefs,
      source: (having) => this.step(having),
    };
  }

  private step(having: string | undefined): RowSource {
    const { a, rows, from, where } = this;
    const source: RowSource = { from: from?.sql, tables: from?.tables ?? [], where };
    const tables = [{ alias: this.table }];
    if (this.privacy) {
      const names = this.keyRefs.map((key) => this.keyNames.get(key)!);
      const step = this.privacy.text(this.keyTexts, names, sourceText(source));
      return { from: `${step} AS ${this.table}`, tables, where: having };
    }
    const list = [...this.keyTexts, ...[...this.aggregates.values()].map(({ sql, name }) => `${sql} AS ${name}`)];
    if (list.length === 0) list.push("count(*) AS a0");
    const group = this.clause === undefined ? "" : ` GROUP BY ${this.clause}`;
    const aggregates = [...this.aggregates.values()].map(({ sql }) => sql);
    const head = `SELECT ${list.join(", ")}`;
    const inner = rows.scope.parent
      ? withOuterValues(a.fresh, head, source, group, aggregates)
      : `${head}${sourceText(source)}${group}`;
    const grouped = `(${inner}) AS ${this.table}`;
    const more = [...this.derived].map(([sql, name]) => `, ${sql} AS ${name}`).join("");
    const step = more === "" ? grouped : `(SELECT ${this.table}.*${more} FROM ${grouped}) AS ${this.table}`;
    return { from: step, tables, where: having };
  }
}

export function hasWindow(node: Expression): boolean {
  let found = false;
  walk(node, (one) => {
    if (one.kind === "function-call" && (one as { over?: unknown }).over) found = true;
    return !found;
  });
  return found;
}
