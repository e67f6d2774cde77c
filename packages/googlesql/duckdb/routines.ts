import type { Analysis } from "../analyzer/context.ts";
import type { CreateFunction, CreateProcedure, CreateTableFunction } from "../ast.ts";
import { pathOf } from "../path-of.ts";

/** The statements that make routines. */
export type CreateRoutine = CreateFunction | CreateTableFunction | CreateProcedure;

/** A function or procedure that lasts: what another session needs to have it too. */
export interface Routine {
  readonly kind: "function" | "table-function" | "procedure";
  /** `dataset.name` in lower case; the name alone where no dataset was given. */
  readonly key: string;
  /** The CREATE statement. */
  readonly text: string;
  /** What a function in JavaScript is called in the database, where stored views may name it. */
  readonly duckdbName?: string | undefined;
}

const kinds = {
  "create-function": "function",
  "create-table-function": "table-function",
  "create-procedure": "procedure",
} as const;

/** What a statement did to a routine: made it, for the session alone or to last, or dropped it. */
export type RoutineChange =
  | { readonly how: "made"; readonly routine: Routine }
  /** `restore` puts back what was known under the name before: a temporary function lasts as long as its script. */
  | { readonly how: "temporary"; readonly kind: Routine["kind"]; readonly key: string; readonly restore: () => void }
  | { readonly how: "dropped"; readonly kind: Routine["kind"]; readonly key: string };

/** Routines are known by their dataset and name; a project's name before these has no meaning here. */
export const routineKey = (path: readonly string[]): string => path.slice(-2).join(".").toLowerCase();

/** Makes a routine known under its name among `known`, and gives the change that this is; `a` is of the text of its statement. */
export function makeKnown<T>(
  a: Analysis,
  node: CreateRoutine,
  known: Map<string, T>,
  made: T,
  duckdbName?: string | undefined,
): RoutineChange {
  const kind = kinds[node.kind];
  const key = routineKey(pathOf(node.name));
  const before = known.get(key);
  known.set(key, made);
  if (node.temporary) {
    const restore = (): void => void (before === undefined ? known.delete(key) : known.set(key, before));
    return { how: "temporary", kind, key, restore };
  }
  const text = a.source.text.slice(node.span.start, node.span.end);
  return { how: "made", routine: { kind, key, text, duckdbName } };
}
