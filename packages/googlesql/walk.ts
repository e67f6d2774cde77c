import type { Node } from "./ast.ts";

/** The nodes right under a node, in the order of their fields (which is the order of the text, but for a few clauses). */
export function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (const value of Object.values(node)) collect(value, children);
  return children;
}

function collect(value: unknown, into: Node[]): void {
  if (Array.isArray(value)) for (const item of value) collect(item, into);
  else if (isNode(value)) into.push(value);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "kind" in value && "span" in value;
}

/**
 * Visits a node and all under it, parents first. A node for which `visit` returns "skip" is not entered.
 *
 *   walk(script, (node) => { if (node.kind === "table-reference") tables.push(node); });
 */
export function walk(node: Node, visit: (node: Node, parent: Node | undefined) => unknown): void {
  const pending: { node: Node; parent: Node | undefined }[] = [{ node, parent: undefined }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (visit(next.node, next.parent) === "skip") continue;
    const parent = next.node;
    for (const child of childrenOf(parent).reverse()) pending.push({ node: child, parent });
  }
}
