/** A table's place. The database (Google Cloud project) is ignored by an engine that has none. */
export interface Target {
  readonly database?: string | undefined;
  readonly schema: string;
  readonly name: string;
}

export interface ColumnDoc {
  /** `["record", "field"]` for a nested one. */
  readonly path: readonly string[];
  readonly description: string;
  readonly tags: readonly string[];
  readonly policyTags: readonly string[];
}

interface ActionBase {
  /** `schema.name`, with the database before it when that is not the project's default. */
  readonly id: string;
  readonly target: Target;
  /** Path in the project. */
  readonly file: string;
  readonly tags: readonly string[];
  /** Ids of the actions, declarations included, that this one reads or waits for. */
  readonly dependsOn: readonly string[];
  readonly disabled: boolean;
  readonly description: string;
  readonly columns: readonly ColumnDoc[];
}

export interface StorageOptions {
  readonly partitionBy?: string | undefined;
  readonly clusterBy: readonly string[];
  readonly updatePartitionFilter?: string | undefined;
  readonly incrementalPredicates: readonly string[];
  readonly partitionExpirationDays?: number | undefined;
  readonly requirePartitionFilter: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly additionalOptions: Readonly<Record<string, string>>;
}

export interface TableAction extends ActionBase {
  readonly kind: "table" | "view" | "incremental";
  readonly query: string;
  readonly preOps: readonly string[];
  readonly postOps: readonly string[];
  readonly materialized: boolean;
  readonly storage: StorageOptions;
  /** Only for `incremental`: what runs when the table is already there. */
  readonly incremental?: IncrementalPart | undefined;
}

export interface IncrementalPart {
  readonly query: string;
  readonly preOps: readonly string[];
  readonly postOps: readonly string[];
  readonly uniqueKey: readonly string[];
  readonly onSchemaChange: "IGNORE" | "FAIL" | "EXTEND" | "SYNCHRONIZE";
  readonly strategy: "merge" | "overwrite" | "append";
  /** A protected table is not rebuilt by a full refresh. */
  readonly isProtected: boolean;
}

export interface OperationAction extends ActionBase {
  readonly kind: "operation";
  readonly queries: readonly string[];
  readonly hasOutput: boolean;
}

export interface AssertionAction extends ActionBase {
  readonly kind: "assertion";
  /** Its rows are the offenders. */
  readonly query: string;
  /** The table whose config holds a built-in assertion. */
  readonly parent?: string | undefined;
}

export interface DeclarationAction extends ActionBase {
  readonly kind: "declaration";
}

/** Something of the project that no warehouse statement stands for: a notebook, a data preparation, just-in-time code. */
export interface ForeignAction extends ActionBase {
  readonly kind: "foreign";
  readonly what: string;
}

export type Action = TableAction | OperationAction | AssertionAction | DeclarationAction | ForeignAction;

/** A view that holds no rows of its own: it is as new as what it reads. */
export const isPlainView = (action: Action | undefined): action is TableAction =>
  action?.kind === "view" && !action.materialized;

/** A Dataform unit test: two queries that must give the same rows. */
export interface DataformTest {
  readonly name: string;
  readonly file: string;
  readonly tags: readonly string[];
  readonly query: string;
  readonly expected: string;
}

export interface CompilationError {
  readonly file?: string | undefined;
  readonly message: string;
  readonly stack?: string | undefined;
}

export interface Graph {
  readonly actions: readonly Action[];
  readonly tests: readonly DataformTest[];
  readonly errors: readonly CompilationError[];
  readonly defaultDatabase?: string | undefined;
  readonly defaultSchema: string;
  readonly vars: Readonly<Record<string, string>>;
  /** The files that the actions were written in, by path: where an error about a compiled text really stands. */
  readonly texts?: Readonly<Record<string, string>> | undefined;
}

/** The actions by id. */
export const actionsById = (graph: Graph): ReadonlyMap<string, Action> =>
  new Map(graph.actions.map((action) => [action.id, action]));

/**
 * A table's name as GoogleSQL text, as Dataform writes it into the queries.
 *
 *   sqlName({ database: "p", schema: "raw", name: "events" })  =>  `p.raw.events`
 */
export const sqlName = (target: Target): string =>
  `\`${[target.database, target.schema, target.name].filter(Boolean).join(".")}\``;

/** Whether the action leaves a table or view under its name. */
export const hasRelation = (action: Action): boolean =>
  action.kind === "table" ||
  action.kind === "view" ||
  action.kind === "incremental" ||
  action.kind === "assertion" ||
  (action.kind === "operation" && action.hasOutput);

/** The actions in an order in which every one comes after what it depends on; ties by id, so the order is the same each time. */
export function inDependencyOrder<T extends { readonly id: string; readonly dependsOn: readonly string[] }>(
  actions: readonly T[],
): readonly T[] {
  const byId = new Map(actions.map((action) => [action.id, action]));
  const done = new Set<string>();
  const ordered: T[] = [];
  const visit = (action: T): void => {
    if (done.has(action.id)) return;
    done.add(action.id);
    for (const id of [...action.dependsOn].sort()) {
      const dependency = byId.get(id);
      if (dependency !== undefined) visit(dependency);
    }
    ordered.push(action);
  };
  for (const action of [...actions].sort((a, b) => (a.id < b.id ? -1 : 1))) visit(action);
  return ordered;
}

/** Everything reachable from `ids` along `next`, `ids` included, in at most `depth` steps. */
export function reachable(
  ids: Iterable<string>,
  next: (id: string) => readonly string[],
  depth = Number.POSITIVE_INFINITY,
): Set<string> {
  const found = new Set(ids);
  let edge = [...found];
  for (let step = 0; step < depth && edge.length > 0; step++) {
    const further: string[] = [];
    for (const id of edge) {
      for (const neighbour of next(id)) {
        if (found.has(neighbour)) continue;
        found.add(neighbour);
        further.push(neighbour);
      }
    }
    edge = further;
  }
  return found;
}

/** id -> ids of the actions that depend on it directly. */
export function dependents(actions: readonly Action[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const action of actions) {
    for (const id of action.dependsOn) {
      const known = found.get(id);
      if (known === undefined) found.set(id, [action.id]);
      else known.push(action.id);
    }
  }
  return found;
}
