import type { FunctionCall, Pivot, PivotValue, Unpivot, UnpivotItem } from "../ast.ts";
import { structText } from "../emit/text.ts";
import { INT64, STRING, sameType, supportsGrouping, typeName } from "../types.ts";
import { coerceOrFail } from "./coerce.ts";
import { comparisonText } from "./compare.ts";
import { type AggregateSink, type Analysis, type Context, withoutColumns } from "./context.ts";
import { resolve } from "./expressions.ts";
import { GroupingStep } from "./grouping.ts";
import { columnValue } from "./names.ts";
import { sourceText } from "./outer-values.ts";
import { type Environment, type From, scopeOf, tableOf } from "./relation.ts";
import { type Column, Scope } from "./scope.ts";
import { isAggregateCall } from "./syntax-walk.ts";
import type { Typed } from "./typed.ts";

/** `input PIVOT(aggregates FOR expression IN (values))`: groups by all columns that these do not use. */
export function resolvePivot(a: Analysis, node: Pivot, input: From, alias: string | undefined, env: Environment): From {
  if (input.value || input.ranges.some((range) => range.value)) a.fail(node, "PIVOT is not allowed with value tables");
  const scope = scopeOf(input, env.scope);
  const rows: Context = { scope, tables: env.tables, clause: "PIVOT" };
  const used = new Set<string>();
  /** Notes which of the input's columns a part of PIVOT names: these are no keys. */
  const noting = <T>(work: () => T): T =>
    a.listening((at, _value, columns) => {
      if (at === scope) for (const column of columns) used.add(column.sql);
    }, work);
  const forValue = noting(() => resolve(a, node.forExpression, rows));
  if (!supportsGrouping(forValue.type))
    a.fail(node.forExpression, `Type ${typeName(forValue.type)} cannot be used as a FOR expression in PIVOT`);
  if (forValue.isVolatile) a.refuse(node.forExpression, "PIVOT", "a FOR expression that differs each time");
  const step = new GroupingStep(a, rows, input);
  const columns: Column[] = [];
  if (node.aggregates.length > 1 && node.aggregates.some((one) => !one.alias)) {
    a.fail(node, "PIVOT with several aggregates needs an alias for each");
  }
  for (const value of node.values) {
    const constant = coerceOrFail(
      a,
      value.expression,
      resolve(a, value.expression, { ...rows, scope: new Scope({}) }),
      forValue.type,
      "PIVOT IN value",
    );
    if (constant.isVolatile || constant.hasSubquery) a.fail(value, "PIVOT IN values must be constants");
    const match = matches(a, value, forValue, constant);
    for (const aggregate of node.aggregates) {
      const call = aggregate.expression;
      if (!isAggregateCall(call as FunctionCall, a.catalog))
        a.fail(aggregate, "PIVOT expression must be an aggregate function call");
      if ((call as FunctionCall).filter) a.fail(aggregate, "PIVOT expression cannot have a WHERE of its own");
      let isCounted = false;
      const add: AggregateSink["add"] = (sql, type, isVolatile) => {
        if (isVolatile) a.refuse(call, "PIVOT", "an aggregate over values that differ each time");
        isCounted = true;
        return step.sink.add(sql, type, isVolatile);
      };
      const cx: Context = { ...rows, aggregates: { ...step.sink, add, filter: match } };
      const result = noting(() => resolve(a, call, cx));
      if (!isCounted) a.refuse(call, "PIVOT", "this aggregate function in PIVOT");
      const start = aggregate.alias ? `${aggregate.alias.name}_` : "";
      const name = value.alias ? start + value.alias.name : withValue(a, value, start, constant);
      columns.push({ name, sql: result.sql, type: result.type });
    }
  }
  const keys = input.star.filter((column) => !used.has(column.sql));
  step.useKeys(keys.map((column) => step.addKey(undefined, columnValue(column), node.forExpression)));
  const grouping = step.finish();
  const t = a.fresh("t");
  const all = [
    ...keys.map((column, i) => ({ name: column.name, sql: grouping.keys[i]!.sql, type: column.type })),
    ...columns,
  ];
  const named = all.map((column) => ({ column, sqlName: a.fresh("c") }));
  const list = named.map(({ column, sqlName }) => `${column.sql} AS ${sqlName}`).join(", ");
  const result = named.map(({ column, sqlName }) => ({ name: column.name, sql: `${t}.${sqlName}`, type: column.type }));
  return tableOf(`(SELECT ${list}${sourceText(grouping.source())}) AS ${t}`, t, alias, result, false);
}

function matches(a: Analysis, node: PivotValue, forValue: Typed, constant: Typed): string {
  if (constant.literal?.value === null) return `(${forValue.sql} IS NULL)`;
  if (constant.literal === undefined || constant.type.kind === "FLOAT64")
    return `(${forValue.sql} IS NOT DISTINCT FROM ${constant.sql})`;
  return comparisonText(a, node, "=", forValue, constant);
}

/** The name of a pivot column that has no alias: its value after what is there already, as a name that needs no quotes. */
function withValue(a: Analysis, node: PivotValue, start: string, constant: Typed): string {
  if (constant.structFields && constant.type.kind === "STRUCT") {
    const { fields } = constant.type;
    return constant.structFields.reduce((name, field, i) => {
      const label = fields[i]!.name;
      return withValue(a, node, `${name}${i > 0 ? "_" : ""}${label ? `${label}_` : ""}`, field);
    }, start);
  }
  const value = constant.literal?.value;
  if (value === null) return `${start}NULL`;
  switch (value === undefined ? undefined : constant.type.kind) {
    case "INT64":
    case "NUMERIC":
    case "BIGNUMERIC": {
      const text = String(value).replace("-", "minus_").replace(".", "_point_");
      return start === "" && /^\d/.test(text) ? `_${text}` : start + text;
    }
    case "BOOL":
      return `${start}${value ? "true" : "false"}`;
    case "STRING":
      return value === "" ? `${start}${start === "" ? "" : "_"}empty_string_value` : `${start}${String(value)}`;
    case "DATE":
      return `${start === "" ? "_" : start}${String(value).replaceAll("-", "_")}`;
    default:
      return a.fail(node, `PIVOT values of type ${typeName(constant.type)} must specify an alias`);
  }
}

/** `input UNPIVOT(values FOR name IN (columns))`. */
export function resolveUnpivot(a: Analysis, node: Unpivot, input: From, alias: string | undefined): From {
  if (input.value || input.ranges.some((range) => range.value))
    a.fail(node, "UNPIVOT is not allowed with value tables");
  const width = node.valueColumns.length;
  const gone = new Set<Column>();
  const labels = node.items.map((item) => label(a, item));
  const labelType = labels[0]!.type;
  for (const [i, one] of labels.entries()) {
    if (one.type.kind !== labelType.kind)
      a.fail(node.items[i]!, "All labels of UNPIVOT must be of one type, STRING or INT64");
  }
  const sets = node.items.map((item) => {
    if (item.columns.length !== width) a.fail(item, `UNPIVOT expects ${width} columns in each set`);
    return item.columns.map((name) => {
      const key = name.name.toLowerCase();
      const found = input.star.filter((column) => column.name?.toLowerCase() === key);
      if (found.length === 0) return a.fail(name, `Column ${name.name} in UNPIVOT does not exist in the input`);
      if (found.length > 1) return a.fail(name, `Column ${name.name} in UNPIVOT is ambiguous`);
      if (gone.has(found[0]!)) a.fail(name, "Column names in UNPIVOT IN clause cannot be repeated");
      gone.add(found[0]!);
      return found[0]!;
    });
  });
  for (const [i, set] of sets.entries()) {
    for (const [j, column] of set.entries()) {
      if (!sameType(column.type, sets[0]![j]!.type)) {
        a.fail(
          node.items[i]!,
          `The data types of columns in UNPIVOT must be the same, but are ${typeName(sets[0]![j]!.type)} and ${typeName(column.type)}`,
        );
      }
    }
  }
  const u = a.fresh("t");
  const rows = sets.map((set, i) => structText([...set.map((column) => column.sql), labels[i]!.sql]));
  const value = (i: number): string => `(${u}.c1).f${i + 1}`;
  const kept = input.star.filter((column) => !gone.has(column));
  const columns: Column[] = [
    ...kept,
    ...node.valueColumns.map((name, i) => ({ name: name.name, sql: value(i), type: sets[0]![i]!.type })),
    { name: node.nameColumn.name, sql: value(width), type: labelType },
  ];
  const t = a.fresh("t");
  const named = columns.map((column) => ({ column, sqlName: a.fresh("c") }));
  const list = named.map(({ column, sqlName }) => `${column.sql} AS ${sqlName}`).join(", ");
  const nulls = node.valueColumns.map((_, i) => `${value(i)} IS NULL`).join(" AND ");
  const where = node.includeNulls ? "" : ` WHERE NOT (${nulls})`;
  const from = `${input.sql} CROSS JOIN LATERAL unnest([${rows.join(", ")}]) AS ${u}(c1)`;
  const result = named.map(({ column, sqlName }) => ({ name: column.name, sql: `${t}.${sqlName}`, type: column.type }));
  return tableOf(`(SELECT ${list} FROM ${from}${where}) AS ${t}`, t, alias, result, false);
}

function label(a: Analysis, item: UnpivotItem): Typed {
  const cx = withoutColumns("UNPIVOT");
  if (!item.label) {
    const text = item.columns.map((column) => column.name).join("_");
    return resolve(a, { kind: "string-literal", value: text, span: item.span }, cx);
  }
  const value = resolve(a, item.label, cx);
  if (value.literal === undefined || (value.type.kind !== STRING.kind && value.type.kind !== INT64.kind)) {
    a.fail(item.label, "A label in UNPIVOT must be a STRING or INT64 literal");
  }
  return value;
}
