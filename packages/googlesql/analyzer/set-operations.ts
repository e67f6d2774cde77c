import type { NodeBase, SetOperation } from "../ast.ts";
import { supertypeOf } from "../coercion.ts";
import { duckdbType, structFieldName, supportsGrouping, typeName } from "../types.ts";
import { coerce } from "./coerce.ts";
import { distinctRows, rowsBeside } from "./collation.ts";
import type { Analysis } from "./context.ts";
import { resolveBody } from "./query.ts";
import type { Environment, OutColumn, Relation } from "./relation.ts";
import { nullOf, type Typed } from "./typed.ts";

/** UNION, INTERSECT, EXCEPT, by position or by name. */
export function resolveSetOperation(a: Analysis, node: SetOperation, env: Environment): Relation {
  const resolved = node.inputs.map((input) => resolveBody(a, input, env));
  const matched = node.matching ? matchByName(a, node, resolved) : resolved;
  const inputs = unifyInputs(a, node, matched, node.operator.toUpperCase());
  return combineInputs(a, node, inputs);
}

export function combineInputs(a: Analysis, node: Operation, inputs: readonly Relation[]): Relation {
  const first = inputs[0]!;
  if (node.quantifier === "distinct") {
    for (const column of first.columns) {
      if (column.type.kind !== "COLLATED" && !supportsGrouping(column.type)) {
        a.fail(node, `Column of type ${typeName(column.type)} cannot be used in a DISTINCT set operation`);
      }
    }
  }
  const sql = first.columns.some((column) => column.type.kind === "COLLATED")
    ? collatedText(a, node, inputs)
    : plainText(node, inputs);
  for (const input of inputs.slice(1))
    for (const [i, column] of input.columns.entries()) a.partitions.passOn(column.sqlName, first.columns[i]!.sqlName);
  const columns = first.columns.map((column): OutColumn => ({ ...column, source: { sql: "", type: column.type } }));
  return { sql, columns, isValueTable: first.isValueTable };
}

type Operation = Pick<SetOperation, "operator" | "quantifier"> & NodeBase;

function plainText({ operator, quantifier }: Operation, inputs: readonly Relation[]): string {
  const isAll = quantifier === "all";
  const rows = operator === "union" && isAll ? rowsText(inputs) : undefined;
  return rows ?? inputs.map((input) => `(${input.sql})`).join(` ${operator.toUpperCase()}${isAll ? " ALL" : ""} `);
}

/** Where strings are the same that differ in case alone. */
function collatedText(a: Analysis, node: Operation, inputs: readonly Relation[]): string {
  if (node.operator === "union") {
    const all = plainText({ ...node, quantifier: "all" }, inputs);
    return node.quantifier === "all" ? all : distinctRows(a, { sql: all, columns: inputs[0]!.columns });
  }
  if (node.quantifier === "all") a.refuse(node, "collation", `${node.operator.toUpperCase()} ALL of collated strings`);
  return rowsBeside(a, node.operator === "intersect" ? "in all" : "in none", inputs);
}

/**
 * Single rows one below the other are one list of values: planned at once, and read in the order in which they stand, which
 * DuckDB does not keep for branches of a UNION ALL under an aggregate.
 */
function rowsText(inputs: readonly Relation[]): string | undefined {
  const rows: string[] = [];
  const { columns } = inputs[0]!;
  for (const [i, { row }] of inputs.entries()) {
    if (!row) return undefined;
    // The first row tells DuckDB the types of the list.
    const values = i > 0 ? row : row.map((value, j) => `CAST(${value} AS ${duckdbType(columns[j]!.type)})`);
    rows.push(`(${values.join(", ")})`);
  }
  const names = columns.map((column) => column.sqlName).join(", ");
  return `SELECT ${names} FROM (VALUES ${rows.join(", ")}) AS v(${names})`;
}

/** Only what a set operation may know of an input's column: whether it is a literal. */
const sourceOf = (column: OutColumn, sql: string): Typed => ({
  sql,
  type: column.type,
  isSimple: true,
  literal: column.source.literal,
  image: column.source.image,
  isLiteral: column.source.isLiteral && column.source.literal !== undefined,
  isUntypedNull: column.source.isUntypedNull,
  isUntypedEmptyArray: column.source.isUntypedEmptyArray,
  structFields: column.source.structFields?.map((field, i) => fieldSource(field, `(${sql}).${structFieldName(i)}`)),
});

/** The same for a field of a STRUCT constructor. */
const fieldSource = (field: Typed, sql: string): Typed => ({
  sql,
  type: field.type,
  literal: field.literal,
  image: field.image,
  isLiteral: field.isLiteral && field.literal !== undefined,
  isUntypedNull: field.isUntypedNull,
  structFields: field.structFields?.map((inner, i) => fieldSource(inner, `(${sql}).${structFieldName(i)}`)),
});

/** Brings the columns of all inputs to their common types, with the names of the first. */
export function unifyInputs(
  a: Analysis,
  node: NodeBase,
  inputs: readonly Relation[],
  what: string,
): readonly Relation[] {
  const width = inputs[0]!.columns.length;
  for (const input of inputs) {
    if (input.columns.length !== width) {
      a.fail(
        node,
        `Queries in ${what} have mismatched column count; query 1 has ${width} columns, another has ${input.columns.length}`,
      );
    }
    if (input.isValueTable !== inputs[0]!.isValueTable && width !== 1) {
      a.fail(node, `Cannot combine value table and regular table in ${what}`);
    }
  }
  const types = inputs[0]!.columns.map((_, i) => {
    const sources = inputs.map((input) => sourceOf(input.columns[i]!, ""));
    const type = supertypeOf(sources);
    if (!type) {
      const all = sources.map((source) => typeName(source.type)).join(", ");
      return a.fail(node, `Column ${i + 1} in ${what} has incompatible types: ${all}`);
    }
    return type;
  });
  return inputs.map((input): Relation => {
    const t = a.fresh("t");
    const columns = input.columns.map((column, i): OutColumn => {
      const own = `${t}.${column.sqlName}`;
      const typed = coerce(a, node, sourceOf(column, own), types[i]!);
      const sqlName = a.fresh("c");
      if (typed.sql === own) a.partitions.passOn(column.sqlName, sqlName);
      return { name: inputs[0]!.columns[i]!.name, sqlName, type: types[i]!, source: typed };
    });
    const list = columns.map((column) => `${column.source.sql} AS ${column.sqlName}`).join(", ");
    const row =
      input.row &&
      input.columns.map((column, i) => {
        const source = { ...sourceOf(column, input.row![i]!), isSimple: column.source.isSimple };
        return coerce(a, node, source, types[i]!).sql;
      });
    return { sql: `SELECT ${list} FROM (${input.sql}) AS ${t}`, columns, isValueTable: input.isValueTable, row };
  });
}

/** Lays the inputs side by side by the names of their columns. */
export function matchByName(
  a: Analysis,
  node: Pick<SetOperation, "matching"> & NodeBase,
  inputs: readonly Relation[],
): readonly Relation[] {
  const matching = node.matching!;
  const key = (name: string): string => name.toLowerCase();
  const listed = matching.columns && new Set(matching.columns.map((column) => key(column.name)));
  const named = inputs.map((input) => {
    const names = new Map<string, OutColumn>();
    for (const column of input.columns) {
      if (column.name === undefined || column.name === "") {
        if (matching.columns) continue;
        return a.fail(node, "Anonymous columns are not allowed in set operations that match columns by name");
      }
      if (listed && !listed.has(key(column.name))) {
        if (!names.has(key(column.name))) names.set(key(column.name), column);
        continue;
      }
      if (names.has(key(column.name)))
        a.fail(node, `Duplicate column name ${column.name} in a set operation that matches columns by name`);
      names.set(key(column.name), column);
    }
    return names;
  });
  // BY NAME wants the same names on all sides; CORRESPONDING keeps what all have.
  const mode = matching.mode ?? (matching.syntax === "by-name" ? "strict" : "inner");
  const first = named[0]!;
  let wanted: string[];
  if (matching.columns) {
    wanted = matching.columns.map((column) => key(column.name));
    for (const [i, column] of matching.columns.entries()) {
      if (wanted.indexOf(wanted[i]!) !== i)
        a.fail(column, `Duplicate column name ${column.name} in the list of columns to match`);
      const inAll = named.every((names) => names.has(wanted[i]!));
      const inSome = named.some((names) => names.has(wanted[i]!));
      const ok = mode === "full" ? inSome : mode === "left" ? first.has(wanted[i]!) : inAll;
      if (!ok) a.fail(column, `Column ${column.name} does not occur in all inputs of the set operation`);
    }
    if (mode === "strict" && named.some((names) => names.size !== wanted.length)) {
      a.fail(node, "STRICT needs the listed columns to be all columns of every input");
    }
  } else {
    const everywhere = (name: string): boolean => named.every((names) => names.has(name));
    switch (mode) {
      case "strict":
        if (named.some((names) => names.size !== first.size || ![...names.keys()].every((name) => first.has(name)))) {
          a.fail(node, "The inputs of the set operation do not have the same column names");
        }
        wanted = [...first.keys()];
        break;
      case "inner":
        wanted = [...first.keys()].filter(everywhere);
        if (wanted.length === 0) a.fail(node, "The inputs of the set operation have no column name in common");
        break;
      case "left":
        wanted = [...first.keys()];
        if (named.slice(1).some((names) => ![...names.keys()].some((name) => first.has(name)))) {
          a.fail(node, "An input of the set operation has no column name in common with the first");
        }
        break;
      case "full":
        wanted = [...new Set(named.flatMap((names) => [...names.keys()]))];
        break;
    }
  }
  return inputs.map((input, i): Relation => {
    const t = a.fresh("t");
    const columns = wanted.map((name): OutColumn => {
      const own = named[i]!.get(name);
      const display = first.get(name)?.name ?? named.find((names) => names.has(name))!.get(name)!.name;
      const sqlName = a.fresh("c");
      if (own) a.partitions.passOn(own.sqlName, sqlName);
      if (own) return { name: display, sqlName, type: own.type, source: sourceOf(own, `${t}.${own.sqlName}`) };
      const type = named.find((names) => names.has(name))!.get(name)!.type;
      return { name: display, sqlName, type, source: { ...nullOf(type), isUntypedNull: true } };
    });
    const list = columns.map((column) => `${column.source.sql} AS ${column.sqlName}`).join(", ");
    return { sql: `SELECT ${list} FROM (${input.sql}) AS ${t}`, columns, isValueTable: false };
  });
}
