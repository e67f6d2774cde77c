import type { Expression, NodeBase, PathExpression } from "../ast.ts";
import { arrivalColumn, type CatalogTable } from "../catalog.ts";
import { arrivalDate } from "./arrival.ts";
import type { Analysis, Context } from "./context.ts";
import { columnAt } from "./names.ts";
import type { Predicate } from "./partition-filters.ts";
import type { From } from "./relation.ts";
import type { Column } from "./scope.ts";
import { walk } from "./syntax-walk.ts";

/** Notes that a table is read, if it is partitioned or a view over one that is. */
export function readPartitions(
  a: Analysis,
  node: NodeBase,
  path: readonly string[],
  table: CatalogTable,
  columns: readonly Column[],
): void {
  if (table.properties === undefined) return;
  const textOf = (name: string): readonly string[] =>
    columns
      .filter((column) => isNamed(column, name) || (name === arrivalColumn && isNamed(column, arrivalDate)))
      .map(({ sql }) => sql);
  a.partitions.read(node, path, table, textOf, (inner) => a.catalog.table(inner));
}

const isNamed = (column: Column, name: string): boolean => column.name?.toLowerCase() === name.toLowerCase();

/** Takes the conditions of MERGE's clauses for a filter: each row that is touched fits one of them. */
export function filterPartitionsByAny(
  a: Analysis,
  conditions: readonly { readonly node: Expression | undefined; readonly cx: Context }[],
): void {
  if (a.partitions.isEmpty) return;
  const parts = conditions.map(
    ({ node, cx }): Predicate => (node ? predicateOf(a, node, cx) : { kind: "all", parts: [] }),
  );
  a.partitions.filter({ kind: "any", parts });
}

/** Takes a condition that has been resolved for a filter on partitions; `side` is the part of FROM that it holds for. */
export function filterPartitions(a: Analysis, node: Expression, cx: Context, side?: From): void {
  if (a.partitions.isEmpty) return;
  const held = side && new Set([...side.star, ...side.names].map((column) => column.sql));
  a.partitions.filter(predicateOf(a, node, cx), held && ((text) => held.has(text)));
}

function predicateOf(a: Analysis, node: Expression, cx: Context): Predicate {
  if (node.kind === "logical")
    return {
      kind: node.operator === "and" ? "all" : "any",
      parts: node.operands.map((operand) => predicateOf(a, operand, cx)),
    };
  const columns = new Set<string>();
  let isKnown = true;
  walk([node], (one) => {
    if (subqueries.has(one.kind)) isKnown = false;
    if (one.kind === "path") {
      const text = columnAt(a, one as PathExpression, cx);
      if (text !== undefined) columns.add(text);
    }
    return isKnown;
  });
  return { kind: "test", columns: isKnown ? columns : undefined };
}

const subqueries: ReadonlySet<string> = new Set(["scalar-subquery", "array-subquery", "exists", "value-subquery"]);
