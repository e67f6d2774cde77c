import type { CommonTable, Node } from "./ast.ts";
import { walk } from "./walk.ts";

/** Whether anything under a node reads a table of that name, given without a dataset. */
export function refersTo(node: Node, name: string): boolean {
  const wanted = name.toLowerCase();
  let found = false;
  walk(node, (one) => {
    if (found) return "skip";
    found =
      one.kind === "table-reference" && one.name.parts.length === 1 && one.name.parts[0]!.name.toLowerCase() === wanted;
    return undefined;
  });
  return found;
}

/** WITH RECURSIVE lets an entry name a later one: each after those that it names. */
export function inOrder(entries: readonly CommonTable[]): readonly CommonTable[] {
  const done = new Set<CommonTable>();
  const visiting = new Set<CommonTable>();
  const visit = (entry: CommonTable): void => {
    if (done.has(entry) || visiting.has(entry)) return;
    visiting.add(entry);
    for (const other of entries) if (other !== entry && refersTo(entry.query, other.name.name)) visit(other);
    visiting.delete(entry);
    done.add(entry);
  };
  for (const entry of entries) visit(entry);
  return [...done];
}
