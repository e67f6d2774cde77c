import type { DuckDBConnection } from "../../packages/googlesql/duckdb/client.ts";
import {
  type GoogleSqlSession,
  type Routine,
  type RoutineChange,
  restoreRoutine,
} from "../../packages/googlesql/index.ts";
import { metaSchema } from "./build-records.ts";

const idOf = ({ kind, key }: Pick<Routine, "kind" | "key">): string => `${kind} ${key}`;

/**
 * The functions and procedures that last, of all connections to a database: those in SQL live in a session's memory, so each session is told of
 * them before it reads a text. Kept in the database, and written in the transaction that makes them.
 */
export class RoutineCatalog {
  readonly routines = new Map<string, Routine>();
  readonly isKept: boolean;
  /** Names of the functions in JavaScript that the database has; they live in it rather than in a session. */
  readonly registered = new Set<string>();

  constructor(isKept: boolean) {
    this.isKept = isKept;
  }

  async load(connection: DuckDBConnection): Promise<void> {
    if (!this.isKept) return;
    await connection.run(
      `create table if not exists ${metaSchema}.routines (id varchar primary key, routine varchar not null)`,
    );
    const reader = await connection.runAndReadAll(`select id, routine from ${metaSchema}.routines order by id`);
    this.routines.clear();
    for (const [id, text] of reader.getRows()) this.routines.set(String(id), JSON.parse(String(text)) as Routine);
  }
}

/** The same as one connection sees it, with what it changed and has not committed. */
export class LaneRoutines {
  private readonly shared: RoutineCatalog;
  private readonly changes = new Map<string, Routine | null>();
  /** What the session has been told, by id. */
  private readonly told = new Map<string, Routine>();

  constructor(shared: RoutineCatalog) {
    this.shared = shared;
  }

  private get(id: string): Routine | undefined {
    const change = this.changes.get(id);
    return change === null ? undefined : (change ?? this.shared.routines.get(id));
  }

  /** Has the session know the routines that there are now, and none besides. */
  async tell(session: GoogleSqlSession): Promise<void> {
    const { functions, tableFunctions, procedures } = session.catalog;
    const kinds = [
      ["function", functions],
      ["table-function", tableFunctions],
      ["procedure", procedures],
    ] as const;
    for (const [kind, known] of kinds) {
      for (const key of [...known.keys()]) if (this.get(idOf({ kind, key })) === undefined) known.delete(key);
    }
    for (const id of [...this.told.keys()]) if (this.get(id) === undefined) this.told.delete(id);
    for (const id of new Set([...this.shared.routines.keys(), ...this.changes.keys()])) {
      const routine = this.get(id);
      if (routine === undefined || this.told.get(id) === routine) continue;
      const { duckdbName = "" } = routine;
      await restoreRoutine(session, routine, this.shared.registered.has(duckdbName));
      this.shared.registered.add(duckdbName);
      this.told.set(id, routine);
    }
  }

  /** Notes, and keeps, what a run on the connection did to routines. */
  async note(connection: DuckDBConnection, changes: readonly RoutineChange[]): Promise<void> {
    for (const change of changes) {
      if (change.how === "made") {
        const id = idOf(change.routine);
        this.changes.set(id, change.routine);
        this.told.set(id, change.routine);
        if (!this.shared.isKept) continue;
        await connection.run(`insert or replace into ${metaSchema}.routines values ($1, $2)`, [
          id,
          JSON.stringify(change.routine),
        ]);
      } else {
        // A temporary one may stand before one of the same name that lasts: the session is told of that again.
        this.told.delete(idOf(change));
        if (change.how === "dropped" && this.get(idOf(change)) !== undefined)
          await this.remove(connection, idOf(change));
      }
    }
  }

  async removeSchema(connection: DuckDBConnection, schema: string): Promise<void> {
    const begin = `${schema}.`.toLowerCase();
    for (const id of new Set([...this.shared.routines.keys(), ...this.changes.keys()])) {
      if (this.get(id)?.key.startsWith(begin)) await this.remove(connection, id);
    }
  }

  private async remove(connection: DuckDBConnection, id: string): Promise<void> {
    this.changes.set(id, null);
    if (this.shared.isKept) await connection.run(`delete from ${metaSchema}.routines where id = $1`, [id]);
  }

  commit(): void {
    for (const [id, change] of this.changes) {
      if (change === null) this.shared.routines.delete(id);
      else {
        this.shared.routines.set(id, change);
        this.shared.registered.add(change.duckdbName ?? "");
      }
    }
    this.changes.clear();
  }

  rollback(): void {
    for (const id of this.changes.keys()) this.told.delete(id);
    this.changes.clear();
  }
}
