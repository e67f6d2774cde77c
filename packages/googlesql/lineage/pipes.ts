import { impliedName } from "../analyzer/expressions.ts";
import type { GroupingItem, Identifier, PipeAggregate, PipeOperator, Select, WindowSpec } from "../ast.ts";
import { resolveValue } from "./expression.ts";
import { joined, resolveFrom } from "./from.ts";
import { pivoted, unpivoted } from "./pivot.ts";
import { deciding, merge, type Provenance } from "./provenance.ts";
import { fromRelation, noTail, relationOf, resolveQuery, resolveWith, sortProvenance } from "./query.ts";
import {
  type Analysis,
  type Column,
  type CommonTables,
  type Context,
  type From,
  type Relation,
  type Scope,
  scopeOf,
} from "./scope.ts";
import { grouped, listed, resolveSelect } from "./select.ts";
import { combined } from "./set-operations.ts";
import { total } from "./value.ts";

/** The `|>` operators of a query: each a step over the table that the one before gave. */
export function applyPipes(
  a: Analysis,
  operators: readonly PipeOperator[],
  input: From,
  scope: Scope | undefined,
  outer: CommonTables,
): Relation {
  let from = input;
  let tables = outer;
  /** Of SELECT AS, while its rows stay what they are: a row is a value, whose fields can be named. */
  let values: Relation | undefined;
  for (const operator of operators) {
    if (operator.kind === "pipe-with") tables = resolveWith(a, operator.with, scope, tables);
    else if (operator.kind === "pipe-select") {
      const relation = selected(a, operator, from, scope, tables);
      values = relation.isValueTable ? relation : undefined;
      from = fromRelation(relation, undefined);
    } else {
      if (!keepsRows.has(operator.kind)) values = undefined;
      from = step(a, operator, from, scope, tables);
    }
  }
  return values === undefined ? relationOf(from) : { ...values, rows: from.rows };
}

const keepsRows: ReadonlySet<PipeOperator["kind"]> = new Set([
  "pipe-where",
  "pipe-assert",
  "pipe-order-by",
  "pipe-limit",
]);

function selected(
  a: Analysis,
  node: Extract<PipeOperator, { readonly kind: "pipe-select" }>,
  from: From,
  scope: Scope | undefined,
  tables: CommonTables,
): Relation {
  const select: Select = {
    ...node,
    kind: "select",
    privacy: undefined,
    from: undefined,
    where: undefined,
    groupBy: undefined,
    having: undefined,
    qualify: undefined,
  };
  return resolveSelect(a, select, scope, tables, noTail, from);
}

type Step = Exclude<PipeOperator, { readonly kind: "pipe-with" | "pipe-select" }>;

function step(a: Analysis, node: Step, from: From, scope: Scope | undefined, tables: CommonTables): From {
  const cx: Context = { scope: scopeOf(from, scope), tables, rows: from.rows, windows: new Map() };
  const filtered = (...more: readonly Provenance[]): From => ({ ...from, rows: merge(from.rows, ...more) });
  switch (node.kind) {
    case "pipe-if":
      return a.refuse(node, "pipe_IF");
    case "pipe-where":
    case "pipe-assert":
      return filtered(deciding(total(resolveValue(a, node.condition, cx)), "FILTER"));
    case "pipe-order-by":
      return filtered(sortProvenance(a, node.items, { columns: from.star }, cx));
    case "pipe-limit":
    case "pipe-sample":
      return from;
    case "pipe-distinct":
      return filtered(deciding(merge(...from.star.map((column) => total(column.value))), "GROUP_BY"));
    case "pipe-extend":
    case "pipe-window": {
      const windows = node.kind === "pipe-extend" ? node.windows : [];
      const named = new Map<string, WindowSpec>(windows.map((window) => [window.name.name.toLowerCase(), window.spec]));
      const added = listed(a, node.items, from, { ...cx, windows: named }).map(
        ({ name, value }): Column => ({ name, value }),
      );
      return { ...from, star: [...from.star, ...added], names: [...from.names, ...added] };
    }
    case "pipe-set": {
      const changed = new Map(
        node.items.map((item) => {
          const column = named(a, item.column, from);
          return [column, { name: column.name, value: resolveValue(a, item.value, cx) }] as const;
        }),
      );
      return changing(from, (column) => changed.get(column) ?? column);
    }
    case "pipe-drop": {
      const gone = new Set(node.columns.map((name) => named(a, name, from)));
      return changing(from, (column) => (gone.has(column) ? undefined : column));
    }
    case "pipe-rename": {
      const renamed = new Map(node.items.map((item) => [named(a, item.from, from), item.to.name]));
      return changing(from, (column) => ({ name: renamed.get(column) ?? column.name, value: column.value }));
    }
    case "pipe-as":
      return { ...from, ranges: [{ name: node.alias.name, columns: from.star, value: undefined }] };
    case "pipe-join":
      return joined(a, node, from, resolveFrom(a, node.right, scope, tables, from), scope, tables);
    case "pipe-set-operation": {
      const inputs = [relationOf(from), ...node.inputs.map((input) => resolveQuery(a, input, scope, tables))];
      return fromRelation(combined(a, node, inputs), undefined);
    }
    case "pipe-pivot":
      return pivoted(a, node.pivot, from, node.alias?.name, scope, tables);
    case "pipe-unpivot":
      return unpivoted(a, node.unpivot, from, node.alias?.name);
    case "pipe-aggregate":
      return aggregate(a, node, from, cx);
    case "pipe-call":
      return a.refuse(node, "pipe_CALL", "table functions");
  }
}

/** Changes what `*` and unqualified names see; aliases keep their columns. */
function changing(from: From, change: (column: Column) => Column | undefined): From {
  const all = (columns: readonly Column[]): Column[] => columns.map(change).filter((column) => column !== undefined);
  return { ...from, star: all(from.star), names: all(from.names) };
}

function named(a: Analysis, name: Identifier, from: From): Column {
  const found = from.star.filter((column) => column.name?.toLowerCase() === name.name.toLowerCase());
  if (found.length !== 1)
    return a.fail(name, `Column ${name.name} does not exist in the pipe's input, or is ambiguous`);
  return found[0]!;
}

function aggregate(a: Analysis, node: PipeAggregate, from: From, cx: Context): From {
  const keys: Column[] = (node.groupBy?.items ?? []).flatMap((item) => keyColumns(a, item, cx));
  if (node.groupBy?.all) return a.refuse(node, "pipe_AGGREGATE", "GROUP BY ALL");
  const by = node.groupBy ? grouped(a, node.groupBy, [], cx) : undefined;
  const items = node.items.map(
    (item): Column => ({
      name: item.alias?.name ?? impliedName(item.expression),
      value: resolveValue(a, item.expression, by ? { ...cx, rows: merge(cx.rows, by) } : cx),
    }),
  );
  return fromRelation(
    { columns: [...keys, ...items], isValueTable: false, rows: by ? merge(from.rows, by) : from.rows },
    undefined,
  );
}

function keyColumns(a: Analysis, item: GroupingItem, cx: Context): readonly Column[] {
  if (item.kind === "grouping-key") {
    const name = item.alias?.name ?? impliedName(item.expression);
    return [{ name, value: resolveValue(a, item.expression, cx) }];
  }
  if (item.kind === "grouping-empty") return [];
  return a.refuse(item, "pipe_AGGREGATE", "grouping sets");
}
