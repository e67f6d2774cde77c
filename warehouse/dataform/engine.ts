import type { Column, Warehouse } from "../warehouse.ts";
import { type Action, hasRelation, sqlName, type Target } from "./graph.ts";
import type { Place } from "./project-sources.ts";
import type { Relation } from "./statements.ts";

/** What is remembered of an action's last successful run. */
export interface BuildRecord {
  readonly id: string;
  readonly kind: string;
  readonly file: string;
  readonly sqlDigest: string;
  readonly wordingDigest: string;
  /** Digest of everything that the result was made of: the action's text, and the stamps of what it read. */
  readonly inputs: string;
  /** New with every run that may have changed the result. */
  readonly stamp: string;
  readonly columns: readonly Column[];
  readonly rows?: number | undefined;
  /** Assertions: rows found. */
  readonly offenders?: number | undefined;
  readonly dependsOn: readonly string[];
  readonly builtAt: string;
}

/** A warehouse as the runner needs it. `engineOver` makes one of any `Warehouse`; an engine on this machine can do more. */
export interface BuildEngine {
  readonly warehouse: Warehouse;
  /** How many actions may run at once. */
  readonly parallel: number;
  /** How many assertions may share a transaction; 1 where there is none to share. */
  readonly assertionsAtOnce: number;
  readonly ignoresDatabases: boolean;
  /** Where actions go that name no database; the project's own settings say when this does not. */
  readonly place?: Place | undefined;
  /** What carries the SQL out. Another one may give other rows for the same text, so nothing built before counts as up to date. */
  readonly identity: string;
  ensureSchemas(schemas: readonly string[]): Promise<void>;
  /** What stands under the actions' names, by action id. */
  relations(actions: readonly Action[]): Promise<ReadonlyMap<string, Relation>>;
  /** What was built last, by action id. Empty where the engine keeps no record; then nothing is ever taken as up to date. */
  records(): Promise<ReadonlyMap<string, BuildRecord>>;
  /**
   * Carries out actions: all of it and their records, or nothing, where the engine has transactions for that. `work` gets the
   * warehouse to speak to and returns the records to keep.
   */
  atomically<T extends { readonly records: readonly BuildRecord[] }>(
    work: (warehouse: Warehouse) => Promise<T>,
  ): Promise<T>;
  /** Changes whenever the rows of a source may have changed; undefined when that cannot be told. */
  sourceStamp(target: Target): Promise<string | undefined>;
  rowCount(target: Target, warehouse: Warehouse): Promise<number | undefined>;
  /** Puts policy tags on a table's columns; absent where nobody's access can be told apart. */
  readonly setPolicyTags?:
    | ((target: Target, tags: ReadonlyMap<string, readonly string[]>) => Promise<void>)
    | undefined;
  /** Drops the records of actions that the project no longer has. Their tables stay. */
  forget(ids: readonly string[]): Promise<void>;
}

/** Whether a read was refused because the table that is read has `require_partition_filter`. */
export const wantsPartitionFilter = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("without a filter over column(s)");

/** Any warehouse, by GoogleSQL alone: each statement is as atomic as the warehouse makes it, and nothing is remembered. */
export function engineOver(warehouse: Warehouse, parallel = 4): BuildEngine {
  return {
    warehouse,
    parallel,
    assertionsAtOnce: 1,
    ignoresDatabases: false,
    identity: warehouse.name,
    async ensureSchemas(schemas) {
      for (const schema of schemas) await warehouse.execute(`create schema if not exists \`${schema}\``);
    },
    async relations(actions) {
      const found = new Map<string, Relation>();
      const kinds = new Map<string, Map<string, string>>();
      for (const action of actions.filter(hasRelation)) {
        const columns = await warehouse.columns(
          [action.target.database, action.target.schema, action.target.name].filter(Boolean).join("."),
        );
        if (columns === undefined) continue;
        const dataset = sqlName({ ...action.target, name: "INFORMATION_SCHEMA.TABLES" });
        let known = kinds.get(dataset);
        if (known === undefined) {
          const { rows } = await warehouse.query(`select table_name, table_type from ${dataset}`);
          known = new Map(rows.map((row) => [String(row["table_name"]), String(row["table_type"])]));
          kinds.set(dataset, known);
        }
        const kind = known.get(action.target.name)?.includes("VIEW") ? "view" : "table";
        found.set(action.id, { kind, columns });
      }
      return found;
    },
    records: async () => new Map(),
    atomically: (work) => work(warehouse),
    forget: async () => {},
    sourceStamp: async () => undefined,
    async rowCount(target, on) {
      try {
        const { rows } = await on.query(`select count(*) as n from ${sqlName(target)}`);
        return Number(rows[0]?.["n"] ?? 0);
      } catch (error) {
        // A table that requires a filter on its partitions tells no total.
        if (wantsPartitionFilter(error)) return undefined;
        throw error;
      }
    },
  };
}
