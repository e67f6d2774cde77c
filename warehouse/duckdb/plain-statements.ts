import {
  analysisFor,
  type Change,
  checkSnapshot,
  type Drop,
  deleteRows,
  GoogleSqlEvaluationError,
  type GoogleSqlSession,
  INT64,
  insert,
  type Merge,
  merge,
  newTable,
  newView,
  parseQuery,
  pathOf,
  quoteName,
  type SessionResult,
  type Source,
  type Statement,
  type TranslateOptions,
  translateQuery,
  truncate,
  update,
} from "../../packages/googlesql/index.ts";
import type { LaneCatalog } from "./relation-catalog.ts";

export interface PlainOutcome {
  readonly result?: SessionResult | undefined;
  readonly rowsAffected?: number | undefined;
}

type PlainStatement = Extract<
  Statement,
  {
    kind:
      | "query-statement"
      | "insert"
      | "update"
      | "delete"
      | "merge"
      | "truncate"
      | "create-table"
      | "create-view"
      | "drop";
  }
>;

/**
 * Whether a statement is one of those that builds are made of, whose effect on the catalogue is known beforehand. Scripts with
 * any other (variables, control flow, functions, ALTER) are left to the session's own runner.
 */
export function isPlain(statement: Statement): statement is PlainStatement {
  switch (statement.kind) {
    case "query-statement":
    case "insert":
    case "update":
    case "delete":
    case "merge":
    case "truncate":
    case "create-view":
      return true;
    case "create-table":
      return statement.type === "table" && statement.from === undefined;
    case "drop":
      return statement.object === "table" || statement.object === "view";
    default:
      return false;
  }
}

/** Runs one plain statement with the catalogue given, which it keeps up to date. Throws a subclass of GoogleSqlError. */
export async function runPlain(
  session: GoogleSqlSession,
  catalog: LaneCatalog,
  statement: PlainStatement,
  source: Source,
  options: TranslateOptions,
): Promise<PlainOutcome> {
  const a = analysisFor(source, catalog, options);
  switch (statement.kind) {
    case "query-statement": {
      const query = translateQuery(statement.query, source, catalog, options);
      const rows = await session.read(query.sql, query.columns);
      return { result: { columns: query.columns, rows, isValueTable: query.isValueTable } };
    }
    case "create-table": {
      const path = pathOf(statement.name);
      const before = statement.ifNotExists ? catalog.table(path) : undefined;
      const { texts, columns, properties } = newTable(a, statement);
      let rowsAffected = 0;
      for (const text of texts) rowsAffected = Math.max(rowsAffected, await session.execute(text));
      if (before !== undefined) return { rowsAffected };
      const isTemporary = statement.temporary;
      await catalog.put(session.connection, path, "table", columns, { isTemporary, properties });
      return { rowsAffected };
    }
    case "create-view": {
      const { texts, columns, properties } = newView(a, statement);
      for (const text of texts) await session.execute(text);
      const isTemporary = statement.temporary;
      if (texts.length > 0)
        await catalog.put(session.connection, pathOf(statement.name), "view", columns, { isTemporary, properties });
      return {};
    }
    case "drop":
      return await drop(session, catalog, statement, source, options);
    case "merge":
      return await runMerge(session, catalog, statement, source, options);
    default: {
      const change: Change =
        statement.kind === "insert"
          ? insert(a, statement)
          : statement.kind === "update"
            ? update(a, statement)
            : statement.kind === "delete"
              ? deleteRows(a, statement)
              : truncate(a, statement);
      return { rowsAffected: await runChange(session, change) };
    }
  }
}

async function runChange(session: GoogleSqlSession, change: Change): Promise<number> {
  if (change.guard !== undefined) {
    const hits = await session.read(change.guard.sql, [{ name: "", type: INT64 }]);
    if (hits.length > 0) throw new GoogleSqlEvaluationError(change.guard.message);
  }
  return await session.execute(change.sql);
}

const mergeSourceName = "_inboxloop_merge_source";

/** A merge reads its source twice, once to see that no target row meets two of its rows: a query is worked out once, ahead. */
async function runMerge(
  session: GoogleSqlSession,
  catalog: LaneCatalog,
  node: Merge,
  source: Source,
  options: TranslateOptions,
): Promise<PlainOutcome> {
  const staged = node.source.kind === "subquery-table" && node.source.alias !== undefined ? node.source : undefined;
  const query = staged && translateQuery(staged.query, source, catalog, options);
  const names = new Set(query?.columns.map((column) => column.name.toLowerCase()));
  if (staged === undefined || query === undefined || names.has("") || names.size < query.columns.length) {
    return { rowsAffected: await runChange(session, merge(analysisFor(source, catalog, options), node)) };
  }
  const columns = query.columns.map((column) => quoteName(column.name)).join(", ");
  await session.execute(
    `CREATE OR REPLACE TEMP TABLE ${mergeSourceName} AS SELECT * FROM (${query.sql}) AS q(${columns})`,
  );
  try {
    await catalog.put(session.connection, [mergeSourceName], "table", query.columns, { isTemporary: true });
    const from = tableExpression(mergeSourceName, staged.alias!.name);
    const change = merge(analysisFor(source, catalog, options), { ...node, source: from });
    return { rowsAffected: await runChange(session, change) };
  } finally {
    await catalog.remove(session.connection, [mergeSourceName]);
    // In a transaction that has failed nothing runs any more; its temporary table goes with it.
    await session.connection.run(`DROP TABLE IF EXISTS temp.${mergeSourceName}`).catch(() => undefined);
  }
}

function tableExpression(name: string, alias: string): Merge["source"] {
  const { body } = parseQuery(`select * from \`${name}\` as \`${alias}\``);
  if (body.kind !== "select" || body.from === undefined) throw new Error("a select has its table");
  return body.from;
}

async function drop(
  session: GoogleSqlSession,
  catalog: LaneCatalog,
  node: Drop,
  source: Source,
  options: TranslateOptions,
): Promise<PlainOutcome> {
  const path = pathOf(node.name);
  const a = analysisFor(source, catalog, options);
  const table = catalog.table(path);
  if (table === undefined) {
    if (!node.ifExists) a.fail(node.name, `Not found: ${path.join(".")}`);
    return {};
  }
  if (table.kind !== node.object) a.fail(node.name, `${path.join(".")} is a ${table.kind}, not a ${node.object}`);
  checkSnapshot(a, node, table);
  await session.execute(`DROP ${table.kind.toUpperCase()} ${table.sql}`);
  await catalog.remove(session.connection, path);
  return {};
}
