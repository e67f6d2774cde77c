import type { Analysis } from "../analyzer/context.ts";
import type { CreateFunction, CreateTableFunction } from "../ast.ts";
import { pathOf } from "../path-of.ts";

/** A function that lasts: what another session needs to have it too. */
export interface Routine {
  readonly kind: "function" | "table-function";
  /** `dataset.name` in lower case; the name alone where no dataset was given. */
  readonly key: string;
  /** The CREATE statement. */
  readonly text: string;
  /** What a function in JavaScript is called in the database, where stored views may name it. */
  readonly duckdbName?: string | undefined;
}

/** What a statement did to a function: made it, for the session alone or to last, or dropped it. */
export type RoutineChange =
  | { readonly how: "made"; readonly routine: Routine }
  | { readonly how: "temporary" | "dropped"; readonly kind: Routine["kind"]; readonly key: string };

/** Functions are known by their dataset and name; a project's name before these has no meaning here. */
export const routineKey = (path: readonly string[]): string => path.slice(-2).join(".").toLowerCase();

/** The change that a CREATE statement of the text `a` makes. */
export function madeBy(
  a: Analysis,
  node: CreateFunction | CreateTableFunction,
  duckdbName?: string | undefined,
): RoutineChange {
  const kind = node.kind === "create-function" ? "function" : "table-function";
  const key = routineKey(pathOf(node.name));
  if (node.temporary) return { how: "temporary", kind, key };
  const text = a.source.text.slice(node.span.start, node.span.end);
  return { how: "made", routine: { kind, key, text, duckdbName } };
}
