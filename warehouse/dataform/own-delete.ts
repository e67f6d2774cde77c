import { type Node, pathOf, type Statement, walk } from "../../packages/googlesql/index.ts";
import type { Action } from "./graph.ts";

/** Names that stand in a node by themselves or begin a path, lower case. */
export function namesIn(node: Node): ReadonlySet<string> {
  const names = new Set<string>();
  walk(node, (inner) => {
    if (inner.kind === "path") names.add(inner.parts[0]!.name.toLowerCase());
    if (inner.kind === "identifier") names.add(inner.name.toLowerCase());
  });
  return names;
}

/**
 * Whether a statement takes rows out of the action's own table by its own columns, constants and variables alone, as incrementals
 * do before they insert those rows anew. The variables have to be among those that the query uses, from which what they are made
 * of is known.
 */
export function isOwnDelete(
  statement: Statement,
  action: Pick<Action, "target">,
  used: ReadonlySet<string>,
  variables: ReadonlyMap<string, unknown>,
): boolean {
  if (statement.kind !== "delete") return false;
  const { schema, name } = action.target;
  if (pathOf(statement.table).slice(-2).join(".").toLowerCase() !== `${schema}.${name}`.toLowerCase()) return false;
  let isPlain = true;
  walk(statement.where, (inner) => {
    if (inner.kind === "query" || inner.kind === "select") isPlain = false;
  });
  return isPlain && [...namesIn(statement.where)].every((one) => !variables.has(one) || used.has(one));
}
