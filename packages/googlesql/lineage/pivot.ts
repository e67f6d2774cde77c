import type { Expression, NodeBase, Pivot, PivotAggregate, PivotValue, Unpivot } from "../ast.ts";
import { resolveValue } from "./expression.ts";
import { deciding, merge } from "./provenance.ts";
import {
  type Analysis,
  type Column,
  type CommonTables,
  type Context,
  type From,
  type Scope,
  scopeOf,
  tableOf,
} from "./scope.ts";
import { also, constant, oneOf, total } from "./value.ts";

/** Groups by all columns that the aggregates and the FOR expression do not use. */
export function pivoted(
  a: Analysis,
  node: Pivot,
  input: From,
  alias: string | undefined,
  scope: Scope | undefined,
  tables: CommonTables,
): From {
  const cx: Context = { scope: scopeOf(input, scope), tables, rows: input.rows, windows: new Map() };
  const outer = a.touched;
  const touched = new Set<Column>();
  a.touched = touched;
  const by = deciding(total(resolveValue(a, node.forExpression, cx)), "CONDITIONAL");
  const made = node.aggregates.map((aggregate) => ({ aggregate, value: resolveValue(a, aggregate.expression, cx) }));
  a.touched = outer;
  const used = new Set([...touched].map((column) => column.value));
  const keys = input.star.filter((column) => !used.has(column.value));
  const grouped = deciding(merge(...keys.map((column) => total(column.value))), "GROUP_BY");
  const columns = node.values.flatMap((value) =>
    made.map(
      ({ aggregate, value: result }): Column => ({
        name: pivotName(a, aggregate, value),
        value: also(result, by, grouped),
      }),
    ),
  );
  return tableOf(alias, [...keys, ...columns], false, merge(input.rows, grouped));
}

type Refuse = { refuse(node: NodeBase, construct: string, detail?: string): never };

/** What the column of an aggregate and a value is called. */
export function pivotName(a: Refuse, aggregate: PivotAggregate, value: PivotValue): string {
  const suffix = value.alias?.name ?? nameOf(a, value);
  return aggregate.alias ? `${aggregate.alias.name}_${value.alias ? suffix : suffix.replace(/^_/, "")}` : suffix;
}

/** The name of a pivot column that has no alias. */
function nameOf(a: Refuse, value: PivotValue): string {
  const text = (node: Expression): string => {
    switch (node.kind) {
      case "null-literal":
        return "NULL";
      case "string-literal":
        return node.value;
      case "boolean-literal":
        return node.value ? "TRUE" : "FALSE";
      case "integer-literal":
        return `_${node.value}`;
      case "typed-literal":
        if (node.type === "DATE") return `_${node.value.replaceAll("-", "_")}`;
        break;
      case "unary":
        if (node.operator === "-" && node.operand.kind === "integer-literal") return `minus_${node.operand.value}`;
        break;
      default:
    }
    return a.refuse(value, "PIVOT", "a value without alias whose column name is not plain");
  };
  return text(value.expression);
}

/** A row for each set of columns: their values below one another, and their name as a constant. */
export function unpivoted(a: Analysis, node: Unpivot, input: From, alias: string | undefined): From {
  const sets = node.items.map((item) => {
    if (item.columns.length !== node.valueColumns.length)
      a.fail(item, `UNPIVOT expects ${node.valueColumns.length} columns`);
    return item.columns.map((name) => {
      const found = input.star.filter((column) => column.name?.toLowerCase() === name.name.toLowerCase());
      if (found.length !== 1) return a.fail(name, `Column ${name.name} in UNPIVOT does not exist, or is ambiguous`);
      return found[0]!;
    });
  });
  const gone = new Set(sets.flat());
  const values = node.valueColumns.map(
    (name, i): Column => ({ name: name.name, value: oneOf(sets.map((set) => set[i]!.value)) }),
  );
  const columns = [
    ...input.star.filter((column) => !gone.has(column)),
    ...values,
    { name: node.nameColumn.name, value: constant },
  ];
  const filtered = node.includeNulls ? [] : values.map((column) => deciding(total(column.value), "FILTER"));
  return tableOf(alias, columns, false, merge(input.rows, ...filtered));
}
