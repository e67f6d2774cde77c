import {
  type Expression,
  emptySelect,
  type Identifier,
  type NodeBase,
  type PivotTable,
  pivotName,
  type UnpivotTable,
  walk,
} from "../../../packages/googlesql/index.ts";
import { resolveVal } from "./expression.ts";
import { needsOf, together, val } from "./knowledge.ts";
import { type Item, selectFrom } from "./query.ts";
import { type Analysis, type Column, type Env, type From, fromRelation, type Relation, sealed } from "./relation.ts";
import { union } from "./union.ts";

/**
 * PIVOT is a GROUP BY of the columns that it does not name, with an aggregate for each value over the rows that have it: what
 * `agg(x where of = value)` says.
 */
export function pivoted(
  a: Analysis,
  node: Pick<PivotTable, "pivot" | "alias"> & NodeBase,
  input: From,
  env: Env,
): From {
  const { pivot } = node;
  const used = new Set<string>();
  for (const one of [pivot.forExpression, ...pivot.aggregates])
    walk(one, (part) => {
      if (part.kind === "path") for (const { name } of part.parts) used.add(name.toLowerCase());
    });
  const keys = input.star.filter((column) => !used.has(column.name?.toLowerCase() ?? ""));
  if (keys.some((column) => column.name === "*")) a.refuse(node, "the columns of a table that is not known");
  const items: readonly Item[] = [
    ...keys.map(
      (column): Item => ({
        name: column.name,
        node: undefined,
        span: column.span,
        val: () => ({ ...column.val, needs: [] }),
      }),
    ),
    ...pivot.values.flatMap((value) =>
      pivot.aggregates.map((aggregate): Item => {
        const { expression, span } = aggregate;
        const isOf: Expression = {
          kind: "binary",
          operator: "=",
          left: pivot.forExpression,
          right: value.expression,
          span,
        };
        const filter: Expression = expression.filter
          ? { kind: "logical", operator: "and", operands: [expression.filter, isOf], span }
          : isOf;
        const counted: Expression = { ...expression, filter };
        return { name: pivotName(a, aggregate, value), node: counted, span, val: (one) => resolveVal(a, counted, one) };
      }),
    ),
  ];
  return fromRelation(selectFrom(a, emptySelect(node.span), input, items, keys, env), node.alias?.name);
}

/** UNPIVOT is a UNION ALL of the same rows, with another column as the value in each part. */
export function unpivoted(a: Analysis, node: Pick<UnpivotTable, "unpivot" | "alias">, input: From, env: Env): From {
  const { unpivot } = node;
  const columnNamed = (name: Identifier): Column =>
    input.star.find((column) => column.name?.toLowerCase() === name.name.toLowerCase()) ??
    a.fail(name, `Column ${name.name} in UNPIVOT does not exist`);
  const sets = unpivot.items.map((item) => item.columns.map(columnNamed));
  const gone = new Set(sets.flat());
  const rest = input.star.filter((column) => !gone.has(column));
  const parts = sets.map((set, i): Relation => {
    const values = unpivot.valueColumns.map((name, v): Column => ({ ...set[v]!, name: name.name }));
    const there = unpivot.includeNulls ? [] : together(...values.map((one) => needsOf(one.val)));
    const columns = [...rest, ...values, { name: unpivot.nameColumn.name, val: val([], { literal: String(i) }) }];
    const exists = together(input.exists, there);
    return sealed(columns, env.facts.with(input.orders), together(input.rows, there), exists, [], env.outer);
  });
  return fromRelation(union(parts, env.outer), node.alias?.name);
}
