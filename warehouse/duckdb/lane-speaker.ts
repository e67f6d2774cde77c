import {
  type Binding,
  deepNesting,
  GoogleSqlSession,
  guarded,
  helperNames,
  namedBindings,
  type ObjectName,
  pathOf,
  readQuery,
  readScript,
  type Script,
  type SessionResult,
  type Source,
  type Statement,
  spreadRows,
  type TranslatedQuery,
  translateQuery,
  typeName,
} from "../../packages/googlesql/index.ts";
import type { Column, ExecuteResult, QueryOptions, QueryResult } from "../warehouse.ts";
import { isPlain, type PlainOutcome, runPlain } from "./plain-statements.ts";
import { portValue } from "./port-values.ts";
import type { SessionLane } from "./session-lane.ts";

/** Makes a lane's connection speak GoogleSQL, with all helpers that translated texts and stored views name. */
export async function openSpeaker(lane: SessionLane): Promise<LaneSpeaker> {
  const session = await GoogleSqlSession.open(lane.connection);
  await session.installer.installFor(helperNames.join(" "));
  lane.catalog.useFunctions(session.catalog);
  return new LaneSpeaker(lane, session);
}

/** GoogleSQL on one lane. Callers see to it that one thing happens at a time. */
export class LaneSpeaker {
  private readonly lane: SessionLane;
  private readonly session: GoogleSqlSession;

  constructor(lane: SessionLane, session: GoogleSqlSession) {
    this.lane = lane;
    this.session = session;
  }

  async run(
    sql: string,
    options: QueryOptions,
  ): Promise<{ readonly query?: QueryResult; readonly effect: ExecuteResult }> {
    const script = readScript({ text: sql, file: options.file });
    await this.know();
    const outcomes = script.statements.every(isPlain)
      ? await this.runPlainScript(script.statements.filter(isPlain), { text: sql, file: options.file }, options)
      : await this.runOtherScript(script, options);
    const query = outcomes.findLast((outcome) => outcome.result !== undefined)?.result;
    const affected = outcomes.flatMap((outcome) => outcome.rowsAffected ?? []);
    return {
      ...(query === undefined ? {} : { query: portResult(query) }),
      effect: { rowsAffected: affected.length === 0 ? undefined : affected.reduce((sum, n) => sum + n, 0) },
    };
  }

  /**
   * A query to be run many times over the same tables, whose rows may change and columns may not: it is translated once. DuckDB
   * plans it anew each time, since its own prepared plans keep what was true of the rows when they were made.
   */
  async prepare(sql: string, options: QueryOptions): Promise<() => Promise<QueryResult>> {
    await this.know();
    const { sql: text, columns, isValueTable } = this.translate(sql, options);
    return async () => portResult({ columns, rows: await this.session.read(text, columns), isValueTable });
  }

  /** The same for a query whose rows go into a table (DuckDB's name of it) of the query's columns. */
  async prepareInsert(table: string, sql: string, options: QueryOptions): Promise<() => Promise<void>> {
    await this.know();
    const { sql: text } = this.translate(sql, options);
    return async () => void (await this.session.execute(`insert into ${table} ${text}`));
  }

  /** Has the session know the functions that other connections made. To be done before a text is translated. */
  async know(): Promise<void> {
    await this.lane.catalog.routines.tell(this.session);
  }

  /** DuckDB text of a query, its helpers in place. */
  translate(sql: string, options: QueryOptions): TranslatedQuery {
    const source = { text: sql, file: options.file };
    const query = readQuery(source);
    return guarded(() =>
      translateQuery(query, source, this.lane.catalog, { file: options.file, parameters: parametersOf(options) }),
    );
  }

  private async runPlainScript(
    statements: readonly Parameters<typeof runPlain>[2][],
    source: Source,
    options: QueryOptions,
  ): Promise<readonly PlainOutcome[]> {
    const { catalog } = this.lane;
    const outcomes: PlainOutcome[] = [];
    for (const statement of statements) {
      try {
        const translation = { file: options.file, parameters: parametersOf(options) };
        outcomes.push(await runPlain(this.session, catalog, statement, source, translation));
        if (!this.lane.isInTransaction) catalog.commit();
      } catch (error) {
        if (!this.lane.isInTransaction) catalog.undo();
        await this.dropTemporary(statements);
        throw deepNesting(error) ?? error;
      }
    }
    await this.dropTemporary(statements);
    return outcomes;
  }

  private async dropTemporary(statements: readonly Statement[]): Promise<void> {
    for (const name of await this.session.dropTemporary(statements)) this.lane.catalog.forgetTemporary(name);
  }

  /** Scripts with anything more: whatever they name is looked at again after them. */
  private async runOtherScript(script: Script, options: QueryOptions): Promise<readonly PlainOutcome[]> {
    const outcomes = await this.session
      .runScript(script, { file: options.file, params: options.params })
      .catch(async (error: unknown) => {
        // In a transaction that has failed nothing can be looked at any more; it will be undone as a whole.
        if (!this.lane.isInTransaction) await this.lookAgain(script);
        throw error;
      });
    await this.lookAgain(script);
    return outcomes;
  }

  private async lookAgain(script: Script): Promise<void> {
    const { catalog, connection, isInTransaction } = this.lane;
    await catalog.routines.note(connection, this.session.routineChanges);
    for (const path of objectNames([...script.statements, ...this.session.madeAtRunTime]))
      await catalog.lookAgain(connection, path);
    if (!isInTransaction) catalog.commit();
  }
}

const parametersOf = (options: QueryOptions): ReadonlyMap<string, Binding> => namedBindings(options.params);

function portResult(given: SessionResult): QueryResult {
  const result = spreadRows(given);
  const names = uniqueNames(result.columns.map((column, i) => (column.name === "" ? `f${i}_` : column.name)));
  const columns: Column[] = result.columns.map((column, i) => ({ name: names[i]!, type: typeName(column.type) }));
  const types = result.columns.map(({ type }) => type);
  // A copy of a record that has all the names takes a quarter of the time that each takes to be made name by name.
  const blank = Object.fromEntries(names.map((name) => [name, null])) as Record<string, unknown>;
  const rows = result.rows.map((row) => {
    const record = { ...blank };
    for (let i = 0; i < names.length; i++) record[names[i]!] = portValue(row[i] ?? null, types[i]!);
    return record;
  });
  return { columns, rows };
}

/** Rows are records: where two columns have one name, the later is told by a number (`a`, `a_1`). */
function uniqueNames(names: readonly string[]): readonly string[] {
  const all = new Set(names);
  const taken = new Set<string>();
  return names.map((name) => {
    let own = name;
    for (let i = 1; taken.has(own); i++) if (!all.has(`${name}_${i}`)) own = `${name}_${i}`;
    taken.add(own);
    all.add(own);
    return own;
  });
}

/** The names of all tables, views and schemas that statements mention, each once. */
function objectNames(statements: readonly Statement[]): readonly (readonly string[])[] {
  const found = new Map<string, readonly string[]>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const item of node) visit(item);
    else if (typeof node === "object" && node !== null) {
      if ((node as { kind?: unknown }).kind === "object-name") {
        const path = pathOf(node as ObjectName);
        found.set(path.join("."), path);
      } else for (const value of Object.values(node)) visit(value);
    }
  };
  visit(statements);
  return [...found.values()];
}
