import type { Argument, Expression, NodeBase, TableFunctionCall } from "../../ast.ts";
import type { LiteralValue } from "../../functions/contract.ts";
import { typeName } from "../../types.ts";
import { type Analysis, withoutColumns } from "../context.ts";
import { resolve } from "../expressions.ts";
import type { OutColumn, Relation } from "../relation.ts";
import type { Typed } from "../typed.ts";

export type TableCall = Pick<TableFunctionCall, "name" | "arguments"> & NodeBase;

/** The arguments that follow the table, by the names of the parameters: by position, then by name. */
export function argumentsByName(
  a: Analysis,
  node: TableCall,
  given: readonly Argument[],
  names: readonly string[],
  required: number,
): ReadonlyMap<string, Expression> {
  const called = node.name.parts.map((part) => part.name.toUpperCase()).join(".");
  const found = new Map<string, Expression>();
  for (const [i, argument] of given.entries()) {
    const name = argument.kind === "named-argument" ? argument.name.name.toLowerCase() : names[i];
    const value = argument.kind === "named-argument" ? argument.value : argument;
    if (name === undefined) return a.fail(argument, `${called} takes at most ${names.length + 1} arguments`);
    if (!names.includes(name)) return a.fail(argument, `Named argument ${name} not found in ${called}`);
    if (found.has(name)) return a.fail(argument, `Argument ${name} of ${called} is given twice`);
    found.set(name, plain(a, value, name));
  }
  const missing = names.slice(0, required).find((name) => !found.has(name));
  return missing === undefined ? found : a.fail(node, `Argument ${missing} of ${called} is missing`);
}

function plain(a: Analysis, node: Argument, name: string): Expression {
  switch (node.kind) {
    case "star-argument":
    case "named-argument":
    case "lambda":
    case "table-argument":
    case "model-argument":
      return a.fail(node, `Argument ${name} is an expression`);
    default:
      return node;
  }
}

/** A value that stands alone: no column of the table is seen. */
export function constantOf(a: Analysis, node: Expression): Typed {
  const cx = withoutColumns("an argument of a table function");
  return resolve(a, node, cx);
}

/** A literal, where the shape of the result depends on it. */
function literalOf(a: Analysis, node: Expression, value: Typed, name: string): LiteralValue {
  return value.literal?.value ?? a.refuse(node, "table_function_argument", `${name} that is no literal`);
}

export function textOf(a: Analysis, node: Expression, name: string, value: Typed = constantOf(a, node)): string {
  if (value.type.kind !== "STRING") a.fail(node, `${name} is a STRING, not ${typeName(value.type)}`);
  return String(literalOf(a, node, value, name));
}

export function truthOf(a: Analysis, node: Expression, name: string): boolean {
  const value = constantOf(a, node);
  if (value.type.kind !== "BOOL") a.fail(node, `${name} is a BOOL, not ${typeName(value.type)}`);
  return literalOf(a, node, value, name) === true;
}

/** The elements of an array that is written out. */
export function elementsOf(a: Analysis, node: Expression, name: string): readonly Typed[] {
  const value = constantOf(a, node);
  if (value.isUntypedEmptyArray) return [];
  if (value.type.kind !== "ARRAY") a.fail(node, `${name} is an ARRAY, not ${typeName(value.type)}`);
  return value.arrayElements ?? a.refuse(node, "table_function_argument", `${name} that is not written out`);
}

/** A column of the table, by its name. */
export function columnOf(a: Analysis, node: NodeBase, input: Relation, name: string): OutColumn & { name: string } {
  const key = name.toLowerCase();
  const found = input.columns.filter((column) => column.name?.toLowerCase() === key);
  if (found.length !== 1)
    return a.fail(node, `Column ${name} is ${found.length === 0 ? "missing" : "ambiguous"} in the table`);
  return { ...found[0]!, name: found[0]!.name! };
}
