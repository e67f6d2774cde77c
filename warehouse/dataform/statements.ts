import { UserError } from "../../errors/user-error.ts";
import type { Column } from "../warehouse.ts";
import { type AssertionAction, sqlName, type TableAction } from "./graph.ts";

/** What stands in the warehouse under an action's name. */
export interface Relation {
  readonly kind: "table" | "view";
  readonly columns: readonly Column[];
}

/** How a table or view comes to be what its action says. */
export type Mode = "create" | "merge" | "overwrite" | "append";

export interface TableStatements {
  readonly mode: Mode;
  /** GoogleSQL, in order; pre- and post-operations included. They make one script: a variable declared first holds to the end. */
  readonly statements: readonly string[];
}

/**
 * The statements that bring a table, view or incremental up to date, as Dataform's own runner writes them, given what is there.
 * `newColumns` are those of the incremental query where `onSchemaChange` asks to compare (see `schemaChange`).
 */
export function tableStatements(
  action: TableAction,
  relation: Relation | undefined,
  options: { readonly fullRefresh: boolean; readonly newColumns?: readonly Column[] | undefined },
): TableStatements {
  const part = action.incremental;
  const mode = modeOf(action, relation, options.fullRefresh);
  if (part === undefined || relation === undefined || mode === "create") {
    const isView = action.kind === "view" && !action.materialized;
    const wrongKind = relation !== undefined && (relation.kind === "view") !== isView;
    return {
      mode: "create",
      statements: trimmed([
        ...action.preOps,
        ...(wrongKind ? [`drop ${relation.kind} if exists ${sqlName(action.target)}`] : []),
        createOrReplace(action),
        ...action.postOps,
      ]),
    };
  }
  const change = schemaChange(action, relation, options.newColumns);
  return {
    mode,
    statements: trimmed([
      ...part.preOps,
      ...change.statements,
      ...writeStatements(action, mode, change.columns),
      ...part.postOps,
    ]),
  };
}

/** A view of the rows that `query` finds under the assertion's name, and their number as `row_count`. */
export function assertionStatements(action: AssertionAction, query: string): readonly [string, string] {
  const name = sqlName(action.target);
  return [`create or replace view ${name} as\n${query.trim()}`, `select count(*) as row_count from ${name}`];
}

/** Whether the action writes into the table that is there, and how. */
export function modeOf(action: TableAction, relation: Relation | undefined, fullRefresh: boolean): Mode {
  const part = action.incremental;
  if (part === undefined || relation === undefined || relation.kind === "view") return "create";
  return fullRefresh && !part.isProtected ? "create" : part.strategy;
}

/** Statements without what stands around them; empty ones go. */
export const trimmed = (statements: readonly string[]): readonly string[] =>
  statements.map((text) => text.trim().replace(/;\s*$/, "")).filter((text) => text !== "");

function createOrReplace(action: TableAction): string {
  const { storage } = action;
  const kind = action.kind === "view" ? (action.materialized ? "materialized view" : "view") : "table";
  const options = [
    ...(storage.partitionBy && storage.partitionExpirationDays
      ? [`partition_expiration_days=${storage.partitionExpirationDays}`]
      : []),
    ...(storage.partitionBy && storage.requirePartitionFilter ? ["require_partition_filter=true"] : []),
    ...Object.entries(storage.additionalOptions).map(([name, value]) => `${name}=${value}`),
  ];
  return [
    `create or replace ${kind} ${sqlName(action.target)}`,
    ...(storage.partitionBy ? [`partition by ${storage.partitionBy}`] : []),
    ...(storage.clusterBy.length > 0 ? [`cluster by ${storage.clusterBy.join(", ")}`] : []),
    ...(options.length > 0 ? [`options(${options.join(", ")})`] : []),
    `as ${action.query.trim().replace(/;\s*$/, "")}`,
  ].join("\n");
}

/** The names that Dataform gives the two sides; a project's incrementalPredicates may use them. */
const dest = "DATAFORM_DEST";
const source = "DATAFORM_SOURCE";

const quoted = (name: string): string => `\`${name}\``;

function writeStatements(action: TableAction, mode: Mode, columns: readonly Column[]): readonly string[] {
  const part = action.incremental!;
  const { storage } = action;
  const target = sqlName(action.target);
  const names = columns.map((column) => quoted(column.name));
  const list = names.join(", ");
  const query = part.query.trim().replace(/;\s*$/, "");
  const predicates = storage.incrementalPredicates.filter((text) => text.trim() !== "").map((text) => `and (${text})`);
  const partitionFilter = storage.updatePartitionFilter ? [`and ${dest}.${storage.updatePartitionFilter}`] : [];
  if (mode === "merge") {
    const on = part.uniqueKey.map((key) => `${dest}.${quoted(key)} = ${source}.${quoted(key)}`).join(" and ");
    return [
      [
        `merge into ${target} as ${dest}`,
        `using (\n${query}\n) as ${source}`,
        `on ${[on, ...partitionFilter, ...predicates].join(" ")}`,
        "when matched then",
        `  update set ${names.map((name) => `${name} = ${source}.${name}`).join(", ")}`,
        "when not matched then",
        `  insert (${list}) values (${names.map((name) => `${source}.${name}`).join(", ")})`,
      ].join("\n"),
    ];
  }
  if (mode === "overwrite") {
    const partition = storage.partitionBy;
    if (partition === undefined) {
      throw new UserError(`${action.id} overwrites partitions but has no bigquery.partitionBy`, {
        code: "dataform.overwrite",
        exit: "config",
        where: action.file,
      });
    }
    const staged = quoted(`_${action.target.schema}_${action.target.name}_staged`);
    const arrived = `select distinct ${partition} from ${staged} where ${partition} is not null`;
    const deletion = (partitions: string): string =>
      [
        `delete from ${target} as ${dest}`,
        `where ${partition} in ${partitions}`,
        ...partitionFilter,
        ...predicates,
      ].join("\n");
    return [
      `create or replace temp table ${staged} as\n${query}`,
      // Where a filter is required, the rows of a subquery are none: the partitions are looked up ahead.
      storage.requirePartitionFilter
        ? `begin\ndeclare _arrived default array(${arrived});\n${deletion("unnest(_arrived)")};\nend`
        : deletion(`(${arrived})`),
      `insert into ${target} (${list})\nselect ${list} from ${staged}`,
      `drop table ${staged}`,
    ];
  }
  return [`insert into ${target} (${list})\nselect ${list}\nfrom (\n${query}\n) as insertions`];
}

/**
 * What `onSchemaChange` does to the table before it is written, and the columns it is then written with. Column names compare
 * without case, as in GoogleSQL. With IGNORE, and where the query's columns are not known, nothing changes.
 */
export function schemaChange(
  action: TableAction,
  relation: Relation,
  newColumns: readonly Column[] | undefined,
): { readonly statements: readonly string[]; readonly columns: readonly Column[] } {
  const policy = action.incremental?.onSchemaChange ?? "IGNORE";
  if (policy === "IGNORE" || newColumns === undefined) return { statements: [], columns: relation.columns };
  const has = (columns: readonly Column[], name: string) =>
    columns.some((column) => column.name.toLowerCase() === name.toLowerCase());
  const added = newColumns.filter((column) => !has(relation.columns, column.name));
  const removed = relation.columns.filter((column) => !has(newColumns, column.name));
  const names = (columns: readonly Column[]) => columns.map((column) => column.name).join(", ") || "none";
  const refuse = (why: string): never => {
    throw new UserError(`${action.id}: ${why}; added: ${names(added)}; removed: ${names(removed)}`, {
      code: "dataform.schema-change",
      exit: "check",
      where: action.file,
      next: `inboxloop build --select ${action.target.name} --full-refresh`,
    });
  };
  if (policy === "FAIL" && added.length + removed.length > 0) refuse("its columns changed and onSchemaChange is FAIL");
  if (policy === "EXTEND" && removed.length > 0) refuse("onSchemaChange EXTEND does not allow columns to go");
  const keys = action.incremental?.uniqueKey ?? [];
  const lostKeys = removed.filter((column) => keys.some((key) => key.toLowerCase() === column.name.toLowerCase()));
  if (lostKeys.length > 0) refuse("a column of the unique key cannot go");
  const target = sqlName(action.target);
  return {
    statements: [
      ...removed.map((column) => `alter table ${target} drop column ${quoted(column.name)}`),
      ...added.map((column) => `alter table ${target} add column ${quoted(column.name)} ${column.type}`),
    ],
    columns: [...relation.columns.filter((column) => !removed.includes(column)), ...added],
  };
}
