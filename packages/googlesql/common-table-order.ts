import type { CommonTable, Node } from "./ast.ts";
import { walk } from "./walk.ts";

/** Whether anything under a node reads a table of that name, given without a dataset. */
export function refersTo(node: Node, name: string): boolean {
  const wanted = name.toLowerCase();
  let found = false;
  walk(node, (one) => {
    if (found) return "skip";
    if (one.kind === "query" && one.with) {
      const at = one.with.entries.findIndex((entry) => entry.name.name.toLowerCase() === wanted);
      if (at >= 0) {
        // From its own entry on the name means that one; with RECURSIVE everywhere.
        const before = one.with.recursive ? [] : one.with.entries.slice(0, at + 1);
        found = before.some((entry) => refersTo(entry.query, name));
        return "skip";
      }
    }
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
