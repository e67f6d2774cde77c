import type { Scope } from "./scope.ts";
import { walkAll } from "./syntax-walk.ts";

/** Adds the DuckDB text of every column of the scope that the syntax names, subqueries included. */
export function resolveFields(node: unknown, scope: Scope, into: Set<string>): void {
  walkAll(node, (one) => {
    if (one.kind !== "path") return;
    const parts = (one as unknown as { readonly parts: readonly { readonly name: string }[] }).parts;
    const first = parts[0]!.name.toLowerCase();
    const range = scope.ranges.get(first);
    if (range && range !== "ambiguous") {
      const second = parts[1]?.name.toLowerCase();
      for (const column of range.columns)
        if (second === undefined || column.name?.toLowerCase() === second) into.add(column.sql);
      return;
    }
    const column = scope.columns.get(first);
    if (column && column !== "ambiguous") into.add(column.sql);
  });
}
