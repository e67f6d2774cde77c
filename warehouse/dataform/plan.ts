import { createHash } from "node:crypto";
import { UserError } from "../../errors/user-error.ts";
import { withoutAccessPolicies } from "./access-policies.ts";
import {
  type Action,
  actionsById,
  type Graph,
  inDependencyOrder,
  isPlainView,
  reachable,
  type TableAction,
  type Target,
} from "./graph.ts";
import { type Selection, selectActions } from "./selection.ts";
import { assertionStatements, type Mode, modeOf, type Relation, tableStatements } from "./statements.ts";

/** What happens when an assertion finds rows: `fail` is Dataform's own (an error of the build, dependents go on). */
export type Severity = "stop" | "fail" | "warn";

export interface Step {
  readonly id: string;
  readonly kind: "table" | "view" | "incremental" | "operation" | "assertion";
  readonly target: Target;
  readonly file: string;
  readonly tags: readonly string[];
  /** Steps of this plan that come first; for dependents of a table guarded by a `stop` assertion, the assertion too. */
  readonly waitsFor: readonly string[];
  readonly mode: Mode | "run" | "assert";
  /** The exact GoogleSQL, one script. With `onSchemaChange` the columns are compared again just before it runs. */
  readonly statements: readonly string[];
  readonly severity?: Severity | undefined;
  /** Digest of the statements as compiled, apart from what is in the warehouse. */
  readonly sqlDigest: string;
  /** Digest of descriptions, column wording and tags. */
  readonly wordingDigest: string;
  readonly action: Exclude<Action, { kind: "declaration" | "foreign" }>;
}

export interface Plan {
  /** In an order in which each comes after what it waits for. */
  readonly steps: readonly Step[];
  /** Selected, but nothing that a warehouse can run. */
  readonly skipped: readonly { readonly id: string; readonly file: string; readonly why: string }[];
  /** Schemas that the steps write into. */
  readonly schemas: readonly string[];
  /** Views that the steps read, themselves or through views, whether or not they are steps: what they read may be new. */
  readonly views: ReadonlyMap<string, TableAction>;
  /** Declarations that the steps and those views read. */
  readonly sources: readonly { readonly id: string; readonly target: Target; readonly file: string }[];
  readonly fullRefresh: boolean;
  /** Actions whose row access policies are left out, on an engine that has none. */
  readonly withoutAccessPolicies: number;
  /** The graph's `texts`. */
  readonly texts?: Graph["texts"];
}

export interface PlanOptions extends Selection {
  readonly fullRefresh?: boolean | undefined;
  /** True for an engine without databases, on which two actions may not differ in that alone, and which knows nobody's access. */
  readonly ignoresDatabases?: boolean | undefined;
  /** What stands in the warehouse now, by action id. */
  readonly relations: ReadonlyMap<string, Relation>;
}

/** Works out what a build does, as data that the runner carries out and `--dry-run` prints. */
export function planBuild(stated: Graph, options: PlanOptions): Plan {
  const { graph, actions: lessAccess } =
    options.ignoresDatabases === true ? withoutAccessPolicies(stated) : { graph: stated, actions: 0 };
  const selected = selectActions(graph, options);
  const byId = actionsById(graph);
  if (options.ignoresDatabases === true) refuseTwins(graph);
  const guards = guardsOf(graph);
  const fullRefresh = options.fullRefresh === true;
  const steps: Step[] = [];
  const skipped: { id: string; file: string; why: string }[] = [];
  for (const id of selected) {
    const action = byId.get(id)!;
    if (action.kind === "declaration") continue;
    if (action.disabled) skipped.push({ id, file: action.file, why: "disabled" });
    else if (action.kind === "operation" && action.queries.length === 0)
      skipped.push({ id, file: action.file, why: "nothing of it is for this engine" });
    else if (action.kind === "foreign")
      skipped.push({ id, file: action.file, why: `a ${action.what} runs on Google Cloud only` });
    else {
      const waitsFor = [...action.dependsOn, ...(guards.get(id) ?? [])];
      steps.push({
        id,
        kind: action.kind,
        target: action.target,
        file: action.file,
        tags: action.tags,
        waitsFor: [...new Set(throughDisabled(waitsFor, byId))].sort(),
        ...statementsOf(action, options.relations.get(id), fullRefresh),
        sqlDigest: sqlDigest(action),
        wordingDigest: digest([action.description, action.columns, action.tags]),
        action,
      });
    }
  }
  const views = new Map<string, TableAction>();
  const sources = new Map<string, Plan["sources"][number]>();
  const read = reachable(
    steps.flatMap(({ action }) => action.dependsOn),
    (id) => {
      const action = byId.get(id);
      return isPlainView(action) && !action.disabled ? action.dependsOn : [];
    },
  );
  for (const id of read) {
    const action = byId.get(id);
    if (isPlainView(action) && !action.disabled) views.set(id, action);
    if (action?.kind === "declaration") sources.set(id, { id, target: action.target, file: action.file });
  }
  const planned = new Set(steps.map((step) => step.id));
  const ordered = inDependencyOrder(
    steps.map((step) => {
      const waitsFor = step.waitsFor.filter((id) => planned.has(id));
      return { ...step, waitsFor, dependsOn: waitsFor };
    }),
  );
  return {
    steps: ordered.map(({ dependsOn: _, ...step }) => step),
    skipped,
    schemas: [...new Set(steps.map((step) => step.target.schema))].sort(),
    views,
    sources: [...sources.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    fullRefresh,
    withoutAccessPolicies: lessAccess,
    texts: graph.texts,
  };
}

/** A dependency that is disabled stands for what it depends on itself. */
function throughDisabled(ids: readonly string[], byId: ReadonlyMap<string, Action>): Iterable<string> {
  const found = reachable(ids, (id) => (byId.get(id)?.disabled ? byId.get(id)!.dependsOn : []));
  return found;
}

/** What a build runs for an action, given what stands under its name. */
export function statementsOf(
  action: Step["action"],
  relation: Relation | undefined,
  fullRefresh: boolean,
): Pick<Step, "mode" | "statements" | "severity"> {
  if (action.kind === "operation") {
    const statements = action.queries.map((query) => query.trim()).filter((query) => query !== "");
    return { mode: "run", statements };
  }
  if (action.kind === "assertion")
    return { mode: "assert", severity: severityOf(action.tags), statements: assertionStatements(action, action.query) };
  return tableStatements(action, relation, { fullRefresh });
}

export const severityOf = (tags: readonly string[]): Severity =>
  tags.includes("warn") ? "warn" : tags.includes("stop") ? "stop" : "fail";

/**
 * dependent id -> ids of the `stop` assertions that guard it: those about a table which it reads. An assertion that itself
 * needs the dependent does not guard it, since neither could then begin.
 */
function guardsOf(graph: Graph): ReadonlyMap<string, readonly string[]> {
  const byId = actionsById(graph);
  const next = (id: string) => byId.get(id)?.dependsOn ?? [];
  const guards = new Map<string, string[]>();
  for (const assertion of graph.actions) {
    if (assertion.kind !== "assertion" || severityOf(assertion.tags) !== "stop" || assertion.disabled) continue;
    const needed = reachable([assertion.id], next);
    for (const action of graph.actions) {
      if (action.kind === "assertion" || needed.has(action.id)) continue;
      if (!action.dependsOn.some((id) => assertion.dependsOn.includes(id) && byId.get(id)?.kind !== "declaration"))
        continue;
      const known = guards.get(action.id);
      if (known === undefined) guards.set(action.id, [assertion.id]);
      else known.push(assertion.id);
    }
  }
  return guards;
}

/** Two actions that differ in their database alone would be one table where there are no databases. */
function refuseTwins(graph: Graph): void {
  const seen = new Map<string, Action>();
  for (const action of graph.actions) {
    const name = `${action.target.schema}.${action.target.name}`.toLowerCase();
    const twin = seen.get(name);
    if (twin !== undefined && twin.id !== action.id) {
      throw new UserError(`${twin.id} and ${action.id} would be the same table here, where databases have no meaning`, {
        code: "dataform.twins",
        exit: "config",
        where: action.file,
      });
    }
    seen.set(name, action);
  }
}

/** Digest of what an action does, whatever state the warehouse is in. */
export function sqlDigest(action: Action): string {
  if (action.kind === "operation") return digest([action.kind, action.queries]);
  if (action.kind === "assertion") return digest([action.kind, action.query, severityOf(action.tags)]);
  if (action.kind === "declaration" || action.kind === "foreign") return digest([action.kind]);
  return digest([action.kind, action.query, action.preOps, action.postOps, action.storage, action.incremental ?? null]);
}

/** SHA-256 of a value's JSON with sorted keys. */
export function digest(value: unknown): string {
  const text = JSON.stringify(value, (_key, item) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
  return createHash("sha256").update(text).digest("hex");
}

/** Whether the step adds to what is there, so that what it does depends on what was done before. */
export const isIncremental = (step: Step, relation: Relation | undefined, fullRefresh: boolean): boolean =>
  step.action.kind === "incremental" && modeOf(step.action, relation, fullRefresh) !== "create";
