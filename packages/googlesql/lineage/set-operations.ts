import type { NodeBase, SetMatching, SetOperation } from "../ast.ts";
import { deciding, merge, type Provenance } from "./provenance.ts";
import { resolveBody } from "./query.ts";
import type { Analysis, Column, CommonTables, Relation, Scope } from "./scope.ts";
import { constant, oneOf, total } from "./value.ts";

type Operation = Pick<SetOperation, "operator" | "quantifier" | "matching"> & NodeBase;

export function setOperation(
  a: Analysis,
  node: SetOperation,
  scope: Scope | undefined,
  tables: CommonTables,
): Relation {
  return combined(
    a,
    node,
    node.inputs.map((input) => resolveBody(a, input, scope, tables)),
  );
}

const all = (relation: Relation): Provenance => merge(...relation.columns.map((column) => total(column.value)));

/** UNION takes values from every input; INTERSECT and EXCEPT from the first, and the others decide which rows stay. */
export function combined(a: Analysis, node: Operation, given: readonly Relation[]): Relation {
  const inputs = node.matching ? matched(a, node, node.matching, given) : given;
  const first = inputs[0]!;
  for (const input of inputs) {
    if (input.columns.length !== first.columns.length)
      a.fail(node, "Queries in a set operation have mismatched column count");
  }
  const isValueTable = first.isValueTable;
  const rows = merge(...inputs.map((input) => input.rows));
  const grouped = node.quantifier === "distinct" ? deciding(merge(...inputs.map(all)), "GROUP_BY") : undefined;
  if (node.operator !== "union") {
    const filters = deciding(merge(...inputs.map(all)), "FILTER");
    return { columns: first.columns, isValueTable, rows: merge(rows, filters, ...(grouped ? [grouped] : [])) };
  }
  const columns = first.columns.map(
    ({ name }, i): Column => ({ name, value: oneOf(inputs.map((input) => input.columns[i]!.value)) }),
  );
  return { columns, isValueTable, rows: grouped ? merge(rows, grouped) : rows };
}

/** Lays the inputs side by side by the names of their columns; what an input does not have is NULL. */
function matched(a: Analysis, node: NodeBase, matching: SetMatching, inputs: readonly Relation[]): readonly Relation[] {
  const columns = columnsByName(a, node, matching, inputs);
  return inputs.map((input, i) => ({
    ...input,
    isValueTable: false,
    columns: columns.map(({ name, places }) => {
      const place = places[i];
      return { name, value: place === undefined ? constant : input.columns[place]!.value };
    }),
  }));
}

/**
 * The columns of a set operation that matches them by name: what each is called, and its place in each input, undefined in one that does
 * not have it. Fails where GoogleSQL has no answer.
 */
export function columnsByName(
  a: { fail(node: NodeBase, message: string): never },
  node: NodeBase,
  matching: SetMatching,
  inputs: readonly { readonly columns: readonly { readonly name: string | undefined }[] }[],
): readonly { readonly name: string; readonly places: readonly (number | undefined)[] }[] {
  const named = inputs.map((input) => {
    const names = new Map<string, number>();
    for (const [place, column] of input.columns.entries()) {
      if (column.name === undefined) return a.fail(node, "Anonymous columns cannot be matched by name");
      if (names.has(column.name.toLowerCase()))
        return a.fail(node, `Duplicate column name ${column.name} in a match by name`);
      names.set(column.name.toLowerCase(), place);
    }
    return names;
  });
  const first = named[0]!;
  const mode = matching.mode ?? (matching.syntax === "by-name" ? "strict" : "inner");
  const everywhere = [...first.keys()].filter((name) => named.every((names) => names.has(name)));
  const wanted =
    matching.columns?.map((column) => column.name.toLowerCase()) ??
    (mode === "full"
      ? [...new Set(named.flatMap((names) => [...names.keys()]))]
      : mode === "inner"
        ? everywhere
        : [...first.keys()]);
  if (
    mode === "strict" &&
    named.some((names) => names.size !== wanted.length || wanted.some((name) => !names.has(name)))
  )
    a.fail(node, "The inputs of the set operation do not have the same column names");
  return wanted.map((name) => {
    const places = named.map((names) => names.get(name));
    const shown = places.findIndex((place) => place !== undefined);
    if (shown < 0) return a.fail(node, `Column ${name} does not occur in any input of the set operation`);
    return { name: inputs[shown]!.columns[places[shown]!]!.name!, places };
  });
}
