import { UserError } from "../../errors/user-error.ts";
import { type Action, dependents, type Graph, reachable } from "./graph.ts";

export interface Selection {
  /**
   * What to take; everything when empty. Each is `[n+]what[+n]`, where `what` is a name, `schema.name`, a pattern with `*`,
   * `tag:x`, `path:definitions/x` or `kind:view`; a `+` before takes what it depends on, a `+` after what depends on it, a
   * number how far.
   */
  readonly select?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Also takes everything that the selected actions depend on. */
  readonly includeDeps?: boolean | undefined;
}

/**
 * The ids of the actions selected, declarations left out. An assertion comes along when everything it reads is selected, and a
 * built-in one with its table. Throws a UserError for a selector that matches nothing.
 */
export function selectActions(graph: Graph, selection: Selection): ReadonlySet<string> {
  const byId = new Map(graph.actions.map((action) => [action.id, action]));
  const runnable = (ids: Iterable<string>): Set<string> =>
    new Set([...ids].filter((id) => byId.has(id) && byId.get(id)!.kind !== "declaration"));
  const selectors = (selection.select ?? []).flatMap((text) => text.split(/[\s,]+/)).filter((text) => text !== "");
  const tags = (selection.tags ?? []).flatMap((text) => text.split(",")).map((tag) => `tag:${tag.trim()}`);
  if (selectors.length + tags.length === 0) return runnable(byId.keys());

  const down = dependents(graph.actions);
  const upstream = (id: string) => byId.get(id)?.dependsOn ?? [];
  const downstream = (id: string) => down.get(id) ?? [];
  const selected = new Set<string>();
  for (const text of [...selectors, ...tags]) {
    const [, before, what, after] = /^(?:(\d*)\+)?(.+?)(?:\+(\d*))?$/.exec(text) ?? [];
    const found = graph.actions.filter(matcher(what ?? text)).map((action) => action.id);
    if (found.length === 0) {
      throw new UserError(`no action of the project is called "${text}"${closest(what ?? text, graph.actions)}`, {
        code: "dataform.select",
        exit: "usage",
        next: "inboxloop build --dry-run",
      });
    }
    const depth = (given: string) => (given === "" ? Number.POSITIVE_INFINITY : Number(given));
    for (const id of found) selected.add(id);
    if (before !== undefined) for (const id of reachable(found, upstream, depth(before))) selected.add(id);
    if (after !== undefined) for (const id of reachable(found, downstream, depth(after))) selected.add(id);
  }
  if (selection.includeDeps === true) for (const id of reachable(selected, upstream)) selected.add(id);
  for (const action of graph.actions) {
    if (action.kind !== "assertion" || selected.has(action.id)) continue;
    const reads = action.dependsOn.filter((id) => byId.get(id)?.kind !== "declaration");
    const isOfSelected = action.parent !== undefined && selected.has(action.parent);
    if (isOfSelected || (reads.length > 0 && reads.every((id) => selected.has(id)))) selected.add(action.id);
  }
  return runnable(selected);
}

function matcher(what: string): (action: Action) => boolean {
  const [, prefix, rest] = /^(tag|path|kind):(.*)$/.exec(what) ?? [];
  if (prefix === "tag") return (action) => action.tags.includes(rest!);
  if (prefix === "kind") return (action) => action.kind === rest;
  if (prefix === "path") return (action) => action.file === rest || action.file.startsWith(rest!.replace(/\/?$/, "/"));
  const pattern = new RegExp(
    `^${what
      .split("*")
      .map((part) => part.replace(/[.?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
  );
  return (action) => {
    const { database, schema, name } = action.target;
    return [name, action.id, `${schema}.${name}`, `${database}.${schema}.${name}`].some((text) => pattern.test(text));
  };
}

function closest(what: string, actions: readonly Action[]): string {
  const wanted = what.toLowerCase();
  const found = actions.find(
    (action) => action.target.name.toLowerCase().includes(wanted) || wanted.includes(action.target.name.toLowerCase()),
  );
  return found === undefined ? "" : `; did you mean "${found.target.name}"?`;
}
