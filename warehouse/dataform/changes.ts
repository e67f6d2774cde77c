import { UserError } from "../../errors/user-error.ts";
import type { Column, Warehouse } from "../warehouse.ts";
import { type BuildRecord, wantsPartitionFilter } from "./engine.ts";
import {
  type Action,
  actionsById,
  dependents,
  type Graph,
  hasRelation,
  inDependencyOrder,
  reachable,
  sqlName,
  type TableAction,
  type Target,
} from "./graph.ts";
import { columnsScript, onlyPrepares } from "./only-prepares.ts";
import { digest, sqlDigest } from "./plan.ts";
import { script } from "./run.ts";
import { type Relation, tableStatements, trimmed } from "./statements.ts";

export type ChangeKind =
  | "added"
  /** What it does differs. */
  | "changed"
  /** Only descriptions, column wording or tags differ. */
  | "reworded"
  | "removed"
  /** It is the same, but reads something that is not. */
  | "downstream";

export interface ColumnChange {
  readonly name: string;
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

export interface Change {
  readonly id: string;
  readonly kind: ChangeKind;
  readonly actionKind: string;
  readonly file: string;
  /** The changed actions through which a downstream one is touched. */
  readonly because?: readonly string[] | undefined;
  /** Ids of all actions downstream. */
  readonly touches: readonly string[];
  readonly columns?: readonly ColumnChange[] | undefined;
  /** Rows now, after, and how many would go and come; undefined where it was not worked out. */
  readonly rows?:
    | { readonly before: number; readonly after: number; readonly gone: number; readonly come: number }
    | undefined;
  /** Why the rows or columns could not be told. */
  readonly problem?: string | undefined;
  /** Whoever reads it may stop working: it is gone, or a column is gone or has another type. */
  readonly isBreaking: boolean;
}

/** What differs between a graph and the last build, by text alone, in dependency order; removed actions come last. */
export function compareWithLastBuild(graph: Graph, records: ReadonlyMap<string, BuildRecord>): readonly Change[] {
  const byId = actionsById(graph);
  const down = dependents(graph.actions);
  const next = (id: string) => down.get(id) ?? [];
  const touchedBy = (id: string) => [...reachable([id], next)].filter((other) => other !== id).sort();
  const kinds = new Map<string, ChangeKind>();
  for (const action of graph.actions) {
    if (action.kind === "declaration" || action.kind === "foreign" || action.disabled) continue;
    const record = records.get(action.id);
    if (record === undefined) kinds.set(action.id, "added");
    else if (record.sqlDigest !== sqlDigest(action)) kinds.set(action.id, "changed");
    else if (record.wordingDigest !== digest([action.description, action.columns, action.tags]))
      kinds.set(action.id, "reworded");
  }
  const roots = [...kinds].filter(([, kind]) => kind === "added" || kind === "changed").map(([id]) => id);
  const because = new Map<string, string[]>();
  for (const root of roots) {
    for (const id of touchedBy(root)) {
      if (!kinds.has(id) || kinds.get(id) === "reworded") kinds.set(id, "downstream");
      if (kinds.get(id) === "downstream") because.set(id, [...(because.get(id) ?? []), root]);
    }
  }
  const changes: Change[] = inDependencyOrder(graph.actions)
    .filter((action) => kinds.has(action.id))
    .map((action) => ({
      id: action.id,
      kind: kinds.get(action.id)!,
      actionKind: action.kind,
      file: action.file,
      because: because.get(action.id)?.sort(),
      touches: touchedBy(action.id),
      isBreaking: false,
    }));
  for (const record of records.values()) {
    const action = byId.get(record.id);
    if (action !== undefined && !action.disabled) continue;
    const touches = graph.actions.filter((other) => other.dependsOn.includes(record.id)).map((other) => other.id);
    changes.push({
      id: record.id,
      kind: "removed",
      actionKind: record.kind,
      file: record.file,
      touches,
      isBreaking: record.kind !== "assertion",
    });
  }
  return changes;
}

/** The warehouse as `withData` needs it: a place apart, in which what the new text makes can stand for a while. */
export interface TrialWarehouse {
  readonly warehouse: Warehouse;
  ensureSchemas(schemas: readonly string[]): Promise<void>;
  dropSchemas(schemas: readonly string[]): Promise<void>;
}

/** Where the tables and views of a trial stand; the last part of a name stays, so a query that names a column by its table still reads. */
const trialSchema = (schema: string): string => `inboxloop_trial_${schema}`;

/**
 * Adds, to what `compareWithLastBuild` found, the columns and rows that would differ: the new text of each changed action, over
 * the new text of those that it reads, is compared with the table that stands. An incremental is compared as a full refresh
 * would leave it; whether its query then can be written into it once more is tried without rows.
 */
export async function withData(
  graph: Graph,
  changes: readonly Change[],
  records: ReadonlyMap<string, BuildRecord>,
  trial: TrialWarehouse,
): Promise<readonly Change[]> {
  const byId = actionsById(graph);
  const affected = changes
    .filter((change) => ["added", "changed", "downstream"].includes(change.kind))
    .map((change) => change.id);
  const replaced = new Map<string, Target>();
  for (const id of affected) {
    const action = byId.get(id)!;
    if (hasRelation(action) && action.kind !== "operation" && action.kind !== "assertion") {
      replaced.set(sqlName(action.target), { schema: trialSchema(action.target.schema), name: action.target.name });
    }
  }
  const schemas = [...new Set([...replaced.values()].map((target) => target.schema))];
  const results: Change[] = [];
  await trial.ensureSchemas(schemas);
  try {
    for (const change of changes) {
      const action = byId.get(change.id);
      const query = action === undefined ? undefined : queryOf(action);
      if (action === undefined || query === undefined || !affected.includes(change.id)) {
        results.push(change);
        continue;
      }
      try {
        const texts: Texts = { query: inTrial(query, replaced), preOps: preparing(action, replaced) };
        const compared = await compareData(change, action, texts, records.get(change.id), trial.warehouse);
        if (action.kind === "incremental") await tryAgain(action, replaced, trial.warehouse);
        results.push(compared);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        results.push({ ...change, isBreaking: true, problem: `${error.message} [${error.code}]` });
      }
    }
  } finally {
    await trial.dropSchemas(schemas);
  }
  return results;
}

const queryOf = (action: Action): string | undefined =>
  action.kind === "table" || action.kind === "view" || action.kind === "incremental"
    ? action.query.trim().replace(/;\s*$/, "")
    : undefined;

function inTrial(query: string, replaced: ReadonlyMap<string, Target>): string {
  return query.replace(/`[^`]+`/g, (name) => {
    const target = replaced.get(name);
    return target === undefined ? name : sqlName(target);
  });
}

/** What is run of an action, with the names of the trial. */
interface Texts {
  readonly query: string;
  readonly preOps: readonly string[];
}

/** What is done before an action's query, where that leaves nothing behind. */
function preparing(action: Action, replaced: ReadonlyMap<string, Target>): readonly string[] {
  const texts = "preOps" in action ? trimmed(action.preOps) : [];
  return onlyPrepares(texts) ? texts.map((text) => inTrial(text, replaced)) : [];
}

async function compareData(
  change: Change,
  action: Action,
  { query, preOps }: Texts,
  record: BuildRecord | undefined,
  warehouse: Warehouse,
): Promise<Change> {
  const trial: Target = { schema: trialSchema(action.target.schema), name: action.target.name };
  // As after a build, a table is worked out once, however many read it. What is prepared for a query goes with its script, so that no
  // view can stand on it.
  const kind = action.kind === "view" && preOps.length === 0 ? "view" : "table";
  const make = `create or replace ${kind} ${sqlName(trial)} as\n${query}`;
  await warehouse.execute(script([...preOps, make]), { file: action.file });
  const after = (await warehouse.columns(`${trial.schema}.${trial.name}`)) ?? [];
  const standing = await warehouse.columns(
    [action.target.database, action.target.schema, action.target.name].filter(Boolean).join("."),
  );
  const columns = columnChanges(standing ?? record?.columns ?? [], after);
  const isBreaking =
    record !== undefined &&
    columns.some(
      (column) => column.after === undefined || (column.before !== undefined && column.before !== column.after),
    );
  const shared = (standing ?? []).filter((column) => after.some((other) => sameColumn(column, other)));
  const rows = await rowsOf(action, trial, standing === undefined ? undefined : shared, warehouse);
  if (isTableWith(action) && action.storage.partitionBy && action.storage.requirePartitionFilter)
    await standAsTable(action, { target: trial, kind }, { query, preOps }, warehouse);
  return { ...change, columns, rows, isBreaking: change.isBreaking || isBreaking };
}

const isTableWith = (action: Action): action is TableAction => action.kind === "table" || action.kind === "incremental";

/** Rows before and after; undefined where a table of them wants a filter on its partitions. */
async function rowsOf(
  { target }: Action,
  trial: Target,
  shared: readonly Column[] | undefined,
  warehouse: Warehouse,
): Promise<Change["rows"]> {
  try {
    if (shared !== undefined && shared.length > 0)
      return await compareTables(sqlName(target), sqlName(trial), shared, warehouse);
    const after = await countOf(`select * from ${sqlName(trial)}`, warehouse);
    return { before: 0, after, gone: 0, come: shared === undefined ? after : 0 };
  } catch (error) {
    if (wantsPartitionFilter(error)) return undefined;
    throw error;
  }
}

/**
 * Runs what a build does once the table stands, over none of the rows: whether it can. Where something that lasts is done before the
 * query, only doing that could tell.
 */
async function tryAgain(
  action: TableAction,
  replaced: ReadonlyMap<string, Target>,
  warehouse: Warehouse,
): Promise<void> {
  const { incremental, target } = action;
  if (incremental === undefined || !onlyPrepares(action.preOps) || !onlyPrepares(incremental.preOps)) return;
  const own: Target = { schema: trialSchema(target.schema), name: `${target.name}__again` };
  const all = new Map([...replaced, [sqlName(target), own]]);
  const none = (query: string): string =>
    `select * from (\n${inTrial(query.trim().replace(/;\s*$/, ""), all)}\n) where false`;
  const before = (texts: readonly string[]): readonly string[] => texts.map((text) => inTrial(text, all));
  const again = none(incremental.query);
  const made: TableAction = {
    ...action,
    target: own,
    query: none(action.query),
    preOps: before(action.preOps),
    postOps: [],
    incremental: { ...incremental, query: again, preOps: before(incremental.preOps), postOps: [] },
  };
  const run = { file: action.file };
  await warehouse.execute(script(tableStatements(made, undefined, { fullRefresh: true }).statements), run);
  const relation: Relation = { kind: "table", columns: (await warehouse.columns(`${own.schema}.${own.name}`)) ?? [] };
  const newColumns =
    incremental.onSchemaChange === "IGNORE"
      ? undefined
      : (await warehouse.query(columnsScript(made.incremental!), run)).columns;
  await warehouse.execute(script(tableStatements(made, relation, { fullRefresh: false, newColumns }).statements), run);
}

/** What reads the table is asked for a filter on its partitions, as it will be after the build. */
async function standAsTable(
  action: TableAction,
  { target, kind }: { readonly target: Target; readonly kind: Relation["kind"] },
  texts: Texts,
  warehouse: Warehouse,
): Promise<void> {
  const made = { ...action, ...texts, target, postOps: [] };
  const { statements } = tableStatements(made, { kind, columns: [] }, { fullRefresh: true });
  await warehouse.execute(script(statements), { file: action.file });
}

const sameColumn = (a: Column, b: Column): boolean =>
  a.name.toLowerCase() === b.name.toLowerCase() && a.type === b.type;

/** Columns that are new, gone, or of another type. */
export function columnChanges(before: readonly Column[], after: readonly Column[]): readonly ColumnChange[] {
  const find = (columns: readonly Column[], name: string) =>
    columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  return [
    ...before.flatMap((column) => {
      const other = find(after, column.name);
      return other?.type === column.type ? [] : [{ name: column.name, before: column.type, after: other?.type }];
    }),
    ...after
      .filter((column) => find(before, column.name) === undefined)
      .map((column) => ({ name: column.name, after: column.type })),
  ];
}

async function compareTables(before: string, after: string, columns: readonly Column[], warehouse: Warehouse) {
  const isPlain = (type: string) => !/^(JSON|ARRAY|STRUCT|GEOGRAPHY|RANGE)/.test(type);
  const list = columns.map((column) =>
    isPlain(column.type) ? `\`${column.name}\`` : `to_json_string(\`${column.name}\`) as \`${column.name}\``,
  );
  // Rows that occur several times count several times: the how-many-th is part of the row.
  const counted = (table: string) => {
    const names = columns.map((column) => `\`${column.name}\``).join(", ");
    return `select ${names}, count(*) as _times from (select ${list.join(", ")} from ${table}) group by ${names}`;
  };
  const onlyIn = (one: string, other: string) => `${counted(one)} except distinct ${counted(other)}`;
  return {
    before: await countOf(`select * from ${before}`, warehouse),
    after: await countOf(`select * from ${after}`, warehouse),
    gone: await sumOf(onlyIn(before, after), warehouse),
    come: await sumOf(onlyIn(after, before), warehouse),
  };
}

async function countOf(query: string, warehouse: Warehouse): Promise<number> {
  const { rows } = await warehouse.query(`select count(*) as n from (${query})`);
  return Number(rows[0]?.["n"] ?? 0);
}

async function sumOf(query: string, warehouse: Warehouse): Promise<number> {
  const { rows } = await warehouse.query(`select coalesce(sum(_times), 0) as n from (${query})`);
  return Number(rows[0]?.["n"] ?? 0);
}
