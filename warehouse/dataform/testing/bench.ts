import { readFile } from "node:fs/promises";
import { UserError } from "../../../errors/user-error.ts";
import { parseType } from "../../../packages/googlesql/index.ts";
import type { Column, QueryResult, Row, Warehouse } from "../../warehouse.ts";
import { type Action, actionsById, type Graph, reachable, sqlName, type TableAction, type Target } from "../graph.ts";
import { columnsScript } from "../only-prepares.ts";
import { makesOnlyRoutines } from "../project-routines.ts";
import { type Relation, tableStatements } from "../statements.ts";
import type { GivenTables } from "./case-files.ts";
import { typedValue, ValueMismatch } from "./typed-value.ts";

/** A warehouse that tests may fill and empty at will, quickly. */
export interface BenchWarehouse extends Warehouse {
  ensureSchemas(schemas: readonly string[]): Promise<void>;
  /** Makes (or makes anew) an empty table of these columns. */
  createEmpty(target: Target, columns: readonly Column[]): Promise<void>;
  /** Takes all rows out of a table. */
  clear(target: Target): Promise<void>;
  /** Adds the rows of a query to a table of the query's columns. */
  insertQuery(target: Target, query: string, options: { readonly file: string }): Promise<void>;
  /** Removes a table or view of that name, if there is one. */
  drop(target: Target): Promise<void>;
  /**
   * From now on the clock says `now`, and RAND, GENERATE_UUID and TABLESAMPLE give the same in each run; undefined lets all of them
   * go again.
   */
  holdStill(now: Date | undefined): Promise<void>;
}

/** Columns of actions by id, by the digest of the graph; those of models are found by running their queries once. */
export type LearntColumns = Map<string, Map<string, readonly Column[]>>;

/**
 * A place in which models run over given rows. What a test does not give is computed from what it gives; what nothing given leads
 * to is an empty table of the right columns. Tables stay between tests of the same graph, only their rows go.
 */
export class Bench {
  private readonly warehouse: BenchWarehouse;
  private graph!: Graph;
  private actions!: ReadonlyMap<string, Action>;
  private columnsOf = new Map<string, readonly Column[]>();
  private digest: string | undefined;
  private readonly columnsKnown: LearntColumns;
  /** What stands under each name: a table, by its columns. */
  private readonly standing = new Map<string, string>();
  private readonly filled = new Set<string>();
  /** What lies between the given tables and the action, in the order in which it is computed. */
  private computed: TableAction[] = [];
  /** Rows were given since `computed` was. */
  private isStale = false;
  private readonly declared: (target: Target) => readonly Column[] | undefined;

  /** `declared` knows the columns of a project's declarations; what is learnt of the others' is kept in `learnt`. */
  constructor(
    warehouse: BenchWarehouse,
    declared: (target: Target) => readonly Column[] | undefined,
    learnt: LearntColumns = new Map(),
  ) {
    this.warehouse = warehouse;
    this.declared = declared;
    this.columnsKnown = learnt;
  }

  /** Turns to a graph. `digest` names it; the columns of its models may be known from an earlier start, in `cacheFile`. */
  async use(graph: Graph, digest: string, cacheFile?: string): Promise<void> {
    if (this.digest === digest) return;
    this.digest = digest;
    this.graph = graph;
    this.actions = actionsById(graph);
    await this.warehouse.ensureSchemas([...new Set(graph.actions.map((action) => action.target.schema))]);
    if (!this.columnsKnown.has(digest)) {
      const text = cacheFile === undefined ? undefined : await readFile(cacheFile, "utf8").catch(() => undefined);
      const read = new Map(text === undefined ? [] : (JSON.parse(text) as [string, readonly Column[]][]));
      if (!this.columnsKnown.has(digest)) this.columnsKnown.set(digest, read);
    }
    this.columnsOf = this.columnsKnown.get(digest)!;
  }

  /** The files that the models were written in. */
  get texts(): Graph["texts"] {
    return this.graph.texts;
  }

  /** The action that a test calls by its name, `schema.name` or full name. */
  resolve(name: string, where?: string): Action {
    const plain = name.replaceAll("`", "");
    const found = this.graph.actions.filter(
      ({ id, target }) =>
        id === plain ||
        target.name === plain ||
        `${target.schema}.${target.name}` === plain ||
        [target.database, target.schema, target.name].join(".") === plain,
    );
    if (found.length === 1) return found[0]!;
    throw new UserError(
      found.length === 0
        ? `the project has no table called "${name}"`
        : `"${name}" may be ${found.map((action) => action.id).join(" or ")}`,
      { code: "test.table", exit: "config", where },
    );
  }

  /**
   * Lays out everything that the action reads: the given tables filled, the rest computed or empty. What is computed are tables,
   * not views: DuckDB would bind a view once for every path that leads to it, which in a deep project takes longer than all the rest.
   */
  async layOut(action: TableAction, given: ReadonlyMap<string, readonly Row[]>): Promise<void> {
    await this.empty();
    const next = (id: string) => this.actions.get(id)?.dependsOn ?? [];
    const needed = reachable(action.dependsOn, (id) => (given.has(id) ? [] : next(id)));
    const hasGiven = (id: string): boolean => [...reachable([id], next)].some((other) => given.has(other));
    const prepared = new Set<string>();
    const prepare = async (id: string): Promise<void> => {
      if (prepared.has(id) || id === action.id) return;
      prepared.add(id);
      const dependency = this.actions.get(id);
      if (dependency === undefined || dependency.kind === "assertion") return;
      const isComputed = !given.has(id) && isQuery(dependency) && hasGiven(id);
      if (isComputed) for (const upstream of dependency.dependsOn) await prepare(upstream);
      await this.standTable(dependency);
      if (isComputed) this.computed.push(dependency);
    };
    for (const id of action.dependsOn) await prepare(id);
    for (const id of given.keys()) {
      if (needed.has(id) && !prepared.has(id)) await this.standTable(this.actions.get(id)!);
    }
    for (const [id, rows] of given) await this.fill(id, rows);
    // Also without a row given: an aggregate of nothing is a row.
    this.isStale = true;
  }

  /** Given tables by action id. A name that the model does not read is a mistake worth hearing of. */
  given(tables: GivenTables, action: TableAction, where: string): ReadonlyMap<string, readonly Row[]> {
    const reads = reachable(action.dependsOn, (id) => this.actions.get(id)?.dependsOn ?? []);
    return new Map(
      Object.entries(tables).map(([name, rows]) => {
        const { id } = this.resolve(name, where);
        if (!reads.has(id)) {
          throw new UserError(`${action.id} does not read ${id}, neither itself nor through others`, {
            code: "test.table",
            exit: "config",
            where,
          });
        }
        return [id, rows];
      }),
    );
  }

  /** What the clock says in what is run from now on; undefined: the time that it is. */
  async holdStill(now: Date | undefined): Promise<void> {
    await this.warehouse.holdStill(now);
    this.isStale = true;
  }

  /** Adds rows to a table that stands. */
  async fill(id: string, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const action = this.actions.get(id)!;
    const columns = await this.columns(action);
    const types = new Map(
      columns.map((column) => [column.name.toLowerCase(), { ...column, parsed: parseType(column.type) }]),
    );
    const typed = rows.map((row, i) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => {
          const column = types.get(name.toLowerCase());
          if (column === undefined) {
            throw new UserError(
              `${id} has no column "${name}"; it has ${columns.map((known) => known.name).join(", ")}`,
              {
                code: "test.column",
                exit: "config",
                where: `${id} row ${i + 1}`,
              },
            );
          }
          try {
            return [column.name, typedValue(value, column.parsed)];
          } catch (error) {
            if (!(error instanceof ValueMismatch)) throw error;
            throw new UserError(`${id}.${name}: ${error.message}`, {
              code: "test.value",
              exit: "config",
              where: `${id} row ${i + 1}`,
            });
          }
        }),
      ),
    );
    const result = await this.warehouse.append(tableName(action.target), typed);
    if (result.kind !== "written") throw new Error(`rows of ${id} were refused: ${JSON.stringify(result)}`);
    this.filled.add(id);
    this.isStale = true;
  }

  /** A query of the action, after the statements that prepare it. */
  async query(action: TableAction, sql: string, preOps: readonly string[] = action.preOps): Promise<QueryResult> {
    await this.compute();
    return await this.warehouse.query(scriptOf(preOps, sql), { file: action.file });
  }

  /** Removes the action's own table; with `rows`, puts them there in its place. */
  async resetOwn(action: TableAction, rows?: readonly Row[]): Promise<void> {
    await this.warehouse.drop(action.target);
    this.standing.delete(action.id);
    if (rows === undefined) return;
    await this.warehouse.createEmpty(action.target, await this.columns(action));
    this.standing.set(action.id, "table");
    await this.fill(action.id, rows);
  }

  /** Builds the action as the runner would, on top of what stands under its name. */
  async build(action: TableAction, fullRefresh = false): Promise<void> {
    await this.compute();
    const columns = await this.warehouse.columns(tableName(action.target));
    const relation: Relation | undefined = columns === undefined ? undefined : { kind: "table", columns };
    const part = action.incremental;
    const newColumns =
      relation !== undefined && part !== undefined && part.onSchemaChange !== "IGNORE"
        ? (await this.warehouse.query(columnsScript(part), { file: action.file })).columns
        : undefined;
    const { statements } = tableStatements(action, relation, { fullRefresh, newColumns });
    const script = statements.length === 1 ? statements[0]! : statements.map((text) => `${text}\n;`).join("\n");
    await this.warehouse.execute(script, { file: action.file });
    this.standing.set(action.id, "table");
  }

  /** All rows under the action's name. */
  rows(action: TableAction): Promise<QueryResult> {
    return this.warehouse.query(`select * from ${sqlName(action.target)}`, { file: action.file });
  }

  /** The columns of an action: declared, or those of its query over empty tables. */
  async columns(action: Action): Promise<readonly Column[]> {
    const known = this.columnsOf.get(action.id);
    if (known !== undefined) return known;
    const found = isQuery(action) ? await this.columnsByQuery(action) : this.declared(action.target);
    if (found === undefined) {
      throw new UserError(`the columns of ${action.id} are not known`, {
        code: "test.columns",
        exit: "config",
        where: action.file,
        next: `write them into tests/models/types.yaml as ${action.target.schema}.${action.target.name}: { column: TYPE }`,
      });
    }
    this.columnsOf.set(action.id, found);
    return found;
  }

  private async columnsByQuery(action: TableAction): Promise<readonly Column[]> {
    for (const id of action.dependsOn) {
      const dependency = this.actions.get(id);
      if (dependency === undefined || dependency.kind === "assertion" || this.standing.has(id)) continue;
      await this.standTable(dependency);
    }
    return (
      await this.warehouse.query(scriptOf(action.preOps, `select * from (\n${queryOf(action)}\n) limit 0`), {
        file: action.file,
      })
    ).columns;
  }

  private async standTable(action: Action): Promise<void> {
    if (makesOnlyRoutines(action) && action.kind === "operation") {
      if (this.standing.has(action.id)) return;
      for (const text of action.queries) await this.warehouse.execute(text, { file: action.file });
      this.standing.set(action.id, "routine");
      return;
    }
    if (action.kind === "operation" && !action.hasOutput) return;
    const columns = await this.columns(action);
    const signature = columns.map((column) => `${column.name} ${column.type}`).join(", ");
    if (this.standing.get(action.id) === signature) return;
    if (this.standing.has(action.id)) await this.warehouse.drop(action.target);
    await this.warehouse.createEmpty(action.target, columns);
    this.standing.set(action.id, signature);
  }

  /** Computes what lies between the given rows and the action, if they have changed. */
  private async compute(): Promise<void> {
    if (!this.isStale) return;
    for (const action of this.computed) {
      if (this.filled.has(action.id)) await this.warehouse.clear(action.target);
      if (action.preOps.length === 0)
        await this.warehouse.insertQuery(action.target, queryOf(action), { file: action.file });
      else {
        const columns = (await this.columns(action)).map(({ name }) => `\`${name}\``).join(", ");
        const insert = `insert into ${sqlName(action.target)} (${columns})\n${queryOf(action)}`;
        await this.warehouse.execute(scriptOf(action.preOps, insert), { file: action.file });
      }
      this.filled.add(action.id);
    }
    this.isStale = false;
  }

  private async empty(): Promise<void> {
    for (const id of this.filled) {
      const action = this.actions.get(id);
      if (action !== undefined && this.standing.has(id)) await this.warehouse.clear(action.target);
    }
    this.filled.clear();
    this.computed = [];
  }
}

/** A statement after those that prepare it: temporary tables last as long as the script that makes them. */
const scriptOf = (preOps: readonly string[], statement: string): string =>
  [...preOps.map((text) => text.trim().replace(/;$/, "")).filter((text) => text !== ""), statement].join(";\n");

const queryOf = (action: TableAction): string => action.query.trim().replace(/;\s*$/, "");

export const isQuery = (action: Action): action is TableAction =>
  action.kind === "table" || action.kind === "view" || action.kind === "incremental";

const tableName = (target: Target): string => [target.database, target.schema, target.name].filter(Boolean).join(".");
