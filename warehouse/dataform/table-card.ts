import docs from "../../includes/docs.js";
import registry from "../../includes/feature_registry.js";
import features from "../../includes/features.js";
import { type Action, dependents, type Graph, hasRelation, type TableAction } from "./graph.ts";

/** What a column is in its table: what one may join by, learn from, predict, weigh by, order by, group by, add up. */
export type ColumnRole = "id" | "feature" | "outcome" | "weight" | "time" | "dimension" | "measure";

export interface CardColumn {
  readonly name: string;
  /** Null where the warehouse has not built it. */
  readonly type: string | null;
  /** Null where only its type would tell and nobody knows it. */
  readonly role: ColumnRole | null;
  readonly description: string;
  /** Of a feature: who answers for it. */
  readonly owner: string | null;
}

/** What somebody who has never seen a table wants to know of it. */
export interface TableCard {
  readonly table: string;
  readonly kind: string;
  readonly file: string;
  readonly purpose: string;
  readonly grain: string | null;
  readonly owner: string | null;
  readonly columns: readonly CardColumn[];
  readonly reads: readonly string[];
  readonly read_by: readonly string[];
  readonly sample_query: string;
}

interface Typed {
  readonly name: string;
  readonly type: string;
}

const featureNames = new Set(features.names as readonly string[]);
const outcomeNames = new Set([
  ...(features.outcomes as readonly { column: string }[]).map(({ column }) => column),
  ...["was_opened", "revenue", "label", "p_read", "p_engaged", "p_unwanted", "is_trusted"],
]);
const weights = /(^|_)(weight|propensity|p_human)$/;
const ids = /(_id|_ids|_hash|_digest|_key)$/;
const times = /(_at|_date|_week|_day)$/;
const truths = /^(is|has|may|did|was)_/;
const numeric = /^(INT64|FLOAT64|NUMERIC|BIGNUMERIC)$/;

/** The role of a column, by its table's room, its name and its type. Features and outcomes are so only where models learn. */
export function roleOf(
  dataset: string,
  { name, type }: { readonly name: string; readonly type: string | null },
): ColumnRole | null {
  if (weights.test(name)) return "weight";
  if (dataset === "training" && outcomeNames.has(name)) return "outcome";
  if ((dataset === "training" || dataset === "features") && featureNames.has(name)) return "feature";
  if (ids.test(name)) return "id";
  if (times.test(name) || /^(TIMESTAMP|DATE|DATETIME)$/.test(type ?? "")) return "time";
  if (truths.test(name)) return "dimension";
  if (type === null) return null;
  return numeric.test(type) ? "measure" : "dimension";
}

/** The card of an action's table. `typed`: its columns as the warehouse has them, where it has been built. */
export function tableCard(graph: Graph, action: Action, typed: readonly Typed[] | undefined): TableCard {
  const { schema, name } = action.target;
  const table = `${schema}.${name}`;
  const wording = new Map(action.columns.map(({ path, description }) => [path.join("."), description]));
  const columns: readonly { readonly name: string; readonly type: string | null }[] =
    typed ?? action.columns.filter(({ path }) => path.length === 1).map(({ path }) => ({ name: path[0]!, type: null }));
  const { purpose, grain } = said(action.description);
  const names = new Map(
    graph.actions.filter(hasCard).map((one) => [one.id, `${one.target.schema}.${one.target.name}`]),
  );
  const tables = (some: readonly string[]): readonly string[] =>
    [...new Set(some.flatMap((id) => names.get(id) ?? []))].sort();
  const listed = columns.map((column): CardColumn => {
    const role = roleOf(schema, column);
    const isFeature = role === "feature";
    return {
      ...column,
      role,
      description: wording.get(column.name) ?? "",
      owner: isFeature ? (registry.entry(column.name) as { owner: string }).owner : null,
    };
  });
  return {
    table,
    kind: action.kind === "declaration" ? "source" : action.kind,
    file: action.file,
    purpose,
    grain,
    owner: (docs.ownerOf(schema) as string | undefined) ?? null,
    columns: listed,
    reads: tables(action.dependsOn),
    read_by: tables(dependents(graph.actions).get(action.id) ?? []),
    sample_query: sampleQuery(table, listed, action),
  };
}

/** Whether an action is a table to somebody: what is declared, and what is built and no assertion. */
export const hasCard = (action: Action): boolean =>
  action.kind === "declaration" || (hasRelation(action) && action.kind !== "assertion");

/** A description as its purpose and, from its last sentence, its grain. */
function said(description: string): { readonly purpose: string; readonly grain: string | null } {
  const found = /^(.*?)\s*\bGrain: (.*?)\.?\s*$/s.exec(description);
  return found ? { purpose: found[1]!, grain: found[2]! } : { purpose: description, grain: null };
}

/** A query to begin with: the ids, what it is about, of the latest partition's days where there are partitions. */
function sampleQuery(table: string, columns: readonly CardColumn[], action: Action): string {
  const of = (role: ColumnRole, most: number) => columns.filter((one) => one.role === role).slice(0, most);
  const chosen = new Set([
    ...of("id", 2),
    ...of("time", 1),
    ...of("feature", 2),
    ...of("outcome", 2),
    ...of("weight", 1),
    ...of("dimension", 2),
    ...of("measure", 2),
  ]);
  const names = columns.filter((one) => chosen.has(one)).map(({ name }) => name);
  const has = (name: string) => columns.some((one) => one.name === name);
  const conditions = has("is_mature") && has("has_training_consent") ? ["is_mature", "has_training_consent"] : [];
  const partition = isTable(action) ? action.storage.partitionBy : undefined;
  if (partition !== undefined && /^\w+$/.test(partition))
    conditions.push(`${partition} >= date_sub((select max(${partition}) from ${table}), interval 7 day)`);
  return [
    `select ${names.length === 0 ? "*" : names.join(", ")}`,
    `from ${table}`,
    ...(conditions.length === 0 ? [] : [`where ${conditions.join(" and ")}`]),
    "limit 10",
  ].join("\n");
}

const isTable = (action: Action): action is TableAction =>
  action.kind === "table" || action.kind === "view" || action.kind === "incremental";

/** The names that are most like one that is none of them, by edits (Levenshtein 1966), the nearest first. */
export function nearNames(wanted: string, names: readonly string[], most = 3): readonly string[] {
  const bare = (name: string) => name.slice(name.lastIndexOf(".") + 1);
  return names
    .map((name) => ({ name, far: Math.min(edits(wanted, name), edits(bare(wanted), bare(name))) }))
    .filter(({ name, far }) => far <= Math.max(2, bare(name).length / 3) || bare(name).includes(bare(wanted)))
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map(({ name }) => name);
}

function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
