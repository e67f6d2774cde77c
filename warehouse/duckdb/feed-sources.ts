import { UserError } from "../../errors/user-error.ts";
import {
  arrivalColumn,
  comments,
  type GoogleSqlType,
  isArrival,
  parseType,
  propertiesComment,
  quoteName,
  sourceTable,
  typeName,
} from "../../packages/googlesql/index.ts";
import { createTable } from "./adapter.ts";
import { ensureRecords, readSourceStamp, writeSourceStamp } from "./build-records.ts";
import { storedColumns } from "./parquet-columns.ts";
import { stampOf } from "./raw-views.ts";
import { jsonType } from "./reshape.ts";
import type { SessionLane } from "./session-lane.ts";
import type { SourceFeed } from "./source-files.ts";

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Goes up when the same files give other rows than before. */
const loaderVersion = 3;

/**
 * Loads what a `--sources` folder holds into tables of the same names, so that declarations have rows. Files that have not changed
 * since are not read again. A file that cannot be read is a UserError with its path.
 */
export async function feedSources(lane: SessionLane, feeds: readonly SourceFeed[]): Promise<void> {
  await lane.inTurn(undefined, async () => {
    const { connection } = lane;
    await ensureRecords(connection);
    for (const feed of feeds) {
      const table = `${feed.schema}.${feed.name}`;
      const stamp = `${loaderVersion} ${stampOf(feed.files, feed.columns ?? [])}`;
      if ((await readSourceStamp(connection, table)) === stamp) continue;
      await connection.run("begin transaction");
      try {
        await load(lane, feed);
        await writeSourceStamp(connection, table, stamp);
        await connection.run("commit");
        lane.catalog.commit();
      } catch (cause) {
        lane.catalog.rollback();
        await connection.run("rollback");
        const message = cause instanceof Error ? cause.message.split("\n").slice(0, 2).join(" ") : String(cause);
        throw new UserError(`the rows of ${table} cannot be read: ${message}`, {
          code: "sources.unreadable",
          exit: "config",
          where: feed.files[0]?.path,
          cause,
        });
      }
    }
  });
}

async function load(lane: SessionLane, feed: SourceFeed): Promise<void> {
  const { connection } = lane;
  if (feed.files.length === 0) {
    await connection.run(`create schema if not exists ${quoteName(feed.schema)}`);
    await createTable(lane, `${feed.schema}.${feed.name}`, feed.columns ?? []);
    return;
  }
  const files = `[${feed.files.map((file) => literal(file.path)).join(", ")}]`;
  const scan = {
    csv: `read_csv(${files}, union_by_name = true, sample_size = -1, nullstr = '')`,
    json: `read_json(${files}, ${jsonColumns(feed.columns)}union_by_name = true, sample_size = -1, maximum_depth = -1)`,
    parquet: `read_parquet(${files}, union_by_name = true, hive_partitioning = false)`,
  }[feed.format];
  const described = (await connection.runAndReadAll(`describe select * from ${scan}`)).getRows();
  // BigQuery detects a time without a zone as TIMESTAMP; a Parquet file says itself which it is.
  const inFile = described.map((row) => ({ name: String(row[0]), type: String(row[1]) }));
  const columns = storedColumns(inFile, feed.columns).map((column, i) =>
    feed.columns === undefined && feed.format !== "parquet" && inFile[i]!.type === "TIMESTAMP"
      ? { name: column.name, type: parseType("TIMESTAMP"), sql: `CAST(${column.sql} AS TIMESTAMPTZ)` }
      : column,
  );
  const table = `${quoteName(feed.schema)}.${quoteName(feed.name)}`;
  await connection.run(`create schema if not exists ${quoteName(feed.schema)}`);
  const { columns: own, properties } = sourceTable(columns);
  const list = own.map((column) => `${column.sql} as ${quoteName(column.name)}`);
  const arrival = columns.find(isArrival);
  if (arrival) list.unshift(`cast(${arrivalTime(arrival)} as timestamptz) as ${quoteName(arrivalColumn)}`);
  await connection.run(`create or replace table ${table} as select ${list.join(", ")} from ${scan}`);
  for (const text of [...comments(table, own), ...propertiesComment(table, "TABLE", properties)])
    await connection.run(text);
  await lane.catalog.put(connection, [feed.schema, feed.name], "table", own, { properties });
}

/** A file may hold the days on which its rows arrived, or the times. */
function arrivalTime({
  name,
  type,
  sql,
}: {
  readonly name: string;
  readonly type: GoogleSqlType;
  readonly sql: string;
}): string {
  if (type.kind === "TIMESTAMP" || type.kind === "DATETIME" || type.kind === "DATE") return sql;
  throw new Error(`${name} is ${typeName(type)}: the time of arrival is a TIMESTAMP`);
}

/** What JSON is read as where its types are known; otherwise DuckDB finds them out from all of it. */
function jsonColumns(columns: SourceFeed["columns"]): string {
  if (columns === undefined) return "";
  const list = columns.map((column) => `${literal(column.name)}: ${literal(jsonType(parseType(column.type)))}`);
  return `columns = {${list.join(", ")}}, `;
}
