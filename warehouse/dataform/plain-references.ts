import {
  GoogleSqlError,
  type Identifier,
  isInformationSchema,
  type Node,
  pathOf,
  readScript,
  type Statement,
  walk,
} from "../../packages/googlesql/index.ts";
import {
  type Action,
  actionsById,
  type DeclarationAction,
  type Graph,
  reachable,
  sqlName,
  type Target,
} from "./graph.ts";

/**
 * A graph in which tables that queries name by their plain path, without `ref`, are known too: one that the project makes becomes a
 * dependency (unless that would close a circle), one that it does not make a declaration. Text that cannot be read adds nothing.
 */
export function withPlainReferences(graph: Graph): Graph {
  const placeOf = ({ database, schema, name }: Target): string =>
    `${database ?? graph.defaultDatabase ?? ""}.${schema}.${name}`.toLowerCase();
  const known = new Map(graph.actions.map((action) => [placeOf(action.target), action.id]));
  const byId = actionsById(graph);
  const made = new Set(graph.actions.flatMap(tablesMadeIn));
  const declared = new Map<string, DeclarationAction>();
  const added = new Map<string, Set<string>>();
  for (const action of graph.actions) {
    const refs = [action, ...action.dependsOn.map((id) => byId.get(id))].flatMap((one) => one?.target ?? []);
    for (const target of tablesNamedIn(action, new Set(refs.map(sqlName)))) {
      const place = placeOf(target);
      if (place === placeOf(action.target) || made.has(`${target.schema}.${target.name}`.toLowerCase())) continue;
      let id = known.get(place);
      if (id === undefined) {
        const declaration = declarationOf(target, action.file, graph.defaultDatabase);
        id = declaration.id;
        declared.set(id, declaration);
        known.set(place, id);
      }
      if (!action.dependsOn.includes(id)) added.set(action.id, (added.get(action.id) ?? new Set()).add(id));
    }
  }
  if (added.size === 0) return graph;
  const dependsOn = new Map(graph.actions.map((action) => [action.id, [...action.dependsOn]]));
  const next = (id: string): readonly string[] => dependsOn.get(id) ?? [];
  for (const [id, others] of added) {
    for (const other of others) if (!reachable([other], next).has(id)) dependsOn.get(id)!.push(other);
  }
  return {
    ...graph,
    actions: [
      ...graph.actions.map((action) => ({ ...action, dependsOn: [...new Set(next(action.id))].sort() })),
      ...declared.values(),
    ],
  };
}

function declarationOf(target: Target, file: string, defaultDatabase: string | undefined): DeclarationAction {
  const { database, schema, name } = target;
  const isElsewhere = database !== undefined && database !== defaultDatabase;
  return {
    kind: "declaration",
    id: isElsewhere ? `${database}.${schema}.${name}` : `${schema}.${name}`,
    target: { ...target, database: database ?? defaultDatabase },
    file,
    tags: [],
    dependsOn: [],
    disabled: false,
    description: "",
    columns: [],
  };
}

function textsOf(action: Action): readonly string[] {
  switch (action.kind) {
    case "operation":
      return action.queries;
    case "assertion":
      return [action.query];
    case "table":
    case "view":
    case "incremental": {
      const { incremental: again } = action;
      const more = again === undefined ? [] : [...again.preOps, again.query, ...again.postOps];
      return [...action.preOps, action.query, ...action.postOps, ...more];
    }
    default:
      return [];
  }
}

/** Tables that an action reads by a path of two or three names. */
function tablesNamedIn(action: Action, refs: ReadonlySet<string>): readonly Target[] {
  const found = new Map<string, Target>();
  for (const text of new Set(textsOf(action))) {
    if (!mayNamePlainly(text, refs)) continue;
    for (const statement of statementsOf(text, action.file)) {
      const local = localNames(statement);
      walk(statement, (node) => {
        if (node.kind !== "table-reference") return;
        const isOneName = node.name.parts.length === 1;
        const path = pathOf(node.name);
        // `orders.items` may be an array of a row: of a table or alias that is there under that name.
        if (path.length < 2 || path.length > 3 || isInformationSchema(path)) return;
        if (!isOneName && local.has(path[0]!.toLowerCase())) return;
        const [name, schema, database] = [...path].reverse() as [string, string, string | undefined];
        found.set(path.join("."), { ...(database === undefined ? {} : { database }), schema, name });
      });
    }
  }
  return [...found.values()];
}

/**
 * Whether a text may name a table that is not among `refs`, as Dataform writes them. Reading a text costs more than all the rest
 * of this, and most have nothing of the kind.
 */
function mayNamePlainly(text: string, refs: ReadonlySet<string>): boolean {
  if (/\b(from|join)\s+[\w-]+\s*\./i.test(text) || /\bfrom\b[^()]*?,\s*[\w-]+\s*\./i.test(text)) return true;
  return [...text.matchAll(/`[^`\n]+`(\s*\.)?/g)].some(
    ([name, dot]) => dot !== undefined || (name.includes(".") && !refs.has(name)),
  );
}

/** `schema.name` of the tables that statements of an action make: they are nobody's source, whoever reads them. */
function tablesMadeIn(action: Action): readonly string[] {
  if (action.kind !== "operation" && !("preOps" in action)) return [];
  const found: string[] = [];
  for (const text of new Set(textsOf(action))) {
    if (!/\bcreate\b/i.test(text)) continue;
    for (const statement of statementsOf(text, action.file)) {
      walk(statement, (node) => {
        if (node.kind !== "create-table" && node.kind !== "create-view") return;
        const path = pathOf(node.name);
        // Under the action's own name it is the action.
        const name = path.slice(-2).join(".").toLowerCase();
        if (name !== `${action.target.schema}.${action.target.name}`.toLowerCase()) found.push(name);
      });
    }
  }
  return found;
}

function statementsOf(text: string, file: string): readonly Statement[] {
  try {
    return readScript({ text, file }).statements;
  } catch (error) {
    if (!(error instanceof GoogleSqlError)) throw error;
    return [];
  }
}

/** Names by which a statement's own queries call tables: aliases, common tables, and the last name of a table's path. */
function localNames(statement: Statement): ReadonlySet<string> {
  const names = new Set<string>();
  walk(statement, (node: Node) => {
    const alias = "alias" in node ? (node.alias as Identifier | undefined) : undefined;
    if (typeof alias?.name === "string") names.add(alias.name.toLowerCase());
    if (node.kind === "common-table") names.add(node.name.name.toLowerCase());
    if (node.kind === "table-reference") {
      const last = node.name.parts.at(-1);
      if (last !== undefined) names.add(last.name.split(".").at(-1)!.toLowerCase());
    }
  });
  return names;
}
