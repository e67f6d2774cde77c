import type { FunctionCall } from "../ast.ts";
import type { Catalog } from "../catalog.ts";
import { functionNamed } from "./function-table.ts";

const isNode = (value: unknown): value is { readonly kind: string } =>
  typeof value === "object" && value !== null && typeof (value as { kind?: unknown }).kind === "string";

/** Visits a node and all under it, but not what `visit` answers false to, and no queries inside. */
export function walk(node: unknown, visit: (node: { readonly kind: string }) => boolean): void {
  if (Array.isArray(node)) {
    for (const one of node) walk(one, visit);
    return;
  }
  if (!isNode(node)) return;
  if (node.kind === "query" || !visit(node)) return;
  for (const [key, value] of Object.entries(node) as [string, unknown][]) {
    if (key !== "span" && typeof value === "object" && value !== null && !(value instanceof Uint8Array))
      walk(value, visit);
  }
}

/** Where a user's functions are looked up. */
type Functions = Pick<Catalog, "function">;

/** Whether a call is of an aggregate function, a user's own included, not of an analytic one. */
export function isAggregateCall(node: FunctionCall, catalog?: Functions): boolean {
  if (node.over) return false;
  const parts = node.name.map((part) => part.name);
  const user = catalog?.function?.(parts);
  if (user) return user.kind === "sql" && user.definition.aggregate;
  const name = parts
    .join(".")
    .toUpperCase()
    .replace(/^SAFE\./, "");
  return name === "GROUPING" || functionNamed(name)?.kind === "aggregate";
}

/** Whether an aggregate function is called in the expression, outside of subqueries in it. */
export function hasAggregate(nodes: unknown, catalog?: Functions): boolean {
  let found = false;
  walk(nodes, (node) => {
    if (node.kind === "function-call" && isAggregateCall(node as FunctionCall, catalog)) found = true;
    return !found;
  });
  return found;
}
