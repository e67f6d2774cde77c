import { type DuckDBConnection, DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import { syncFile } from "../../platform/files.ts";
import { parquetFile, parquetOptions } from "./sealed-engine.ts";
import { literal } from "./sql-text.ts";

/** A column of what is searched, as DuckDB describes it. */
export interface TextColumn {
  readonly name: string;
  readonly type: string;
}

/** Rows of a file, and how many of them are to go. */
export interface FoundRows {
  readonly rows: number;
  readonly found: number;
}

/** A query of the numbers (`n`, from 0) of the rows of `source` that are to go; undefined where none can be. `place` is the column that numbers them. */
export type DoomedQuery = (source: string, place: string, columns: readonly TextColumn[]) => string | undefined;

/**
 * Parquet files searched for rows that are to go, read, and written again without them. An in-memory engine of its own with one thread, so that rows keep
 * their order.
 */
export class DoomedRows {
  readonly #instance: DuckDBInstance;
  readonly #doomedIn: DoomedQuery;
  protected readonly connection: DuckDBConnection;

  protected constructor(instance: DuckDBInstance, connection: DuckDBConnection, doomedIn: DoomedQuery) {
    this.#instance = instance;
    this.connection = connection;
    this.#doomedIn = doomedIn;
  }

  /** An engine, and a connection to it. */
  protected static async openEngine(): Promise<readonly [DuckDBInstance, DuckDBConnection]> {
    const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "800MB" });
    const connection = await instance.connect();
    await connection.run("set TimeZone = 'UTC'");
    return [instance, connection];
  }

  /** Rows of the file and how many are to go. */
  async count(path: string): Promise<FoundRows> {
    const doomed = await this.#doomed(path);
    const rows = await this.#rowsOf(path);
    return { rows, found: doomed === undefined ? 0 : await this.#number(`select count(*) from (${doomed})`) };
  }

  /** The rows of a file that are to go, each as the JSON text of its columns. */
  async rows(path: string): Promise<readonly string[]> {
    const doomed = await this.#doomed(path);
    if (doomed === undefined) return [];
    const reader = await this.connection.runAndReadAll(
      `select to_json(kept)::varchar from (select * exclude (file_row_number) from ${await this.#numbered(path)} where file_row_number in (${doomed})) as kept`,
    );
    return reader.getRows().map(([text]) => String(text));
  }

  /** Places in the file of the rows that are to go, from 0, ascending. */
  async places(path: string): Promise<readonly number[]> {
    const doomed = await this.#doomed(path);
    if (doomed === undefined) return [];
    const reader = await this.connection.runAndReadAll(`select n from (${doomed}) order by n`);
    return reader.getRows().map(([n]) => Number(n));
  }

  /**
   * Writes the rows of a file but those at some places to `target`, in order, synced, and gives their number. What was written is read back and
   * compared with what it was made of: the rows that stay are the same to the bit, or it throws and the old file is still the truth.
   */
  async copyWithout(path: string, target: string, places: readonly number[]): Promise<number> {
    const connection = this.connection;
    await connection.run(
      `create or replace temp table erased_rows as select unnest(from_json(${literal(JSON.stringify(places))}, '["BIGINT"]')) as n`,
    );
    const stays = "file_row_number not in (select n from erased_rows)";
    await connection.run(
      `copy (select * exclude (file_row_number) from ${await this.#numbered(path)} where ${stays}) to ${literal(target)} ${await parquetOptions(connection, target, "zstd")}`,
    );
    const print = (from: string) =>
      `select count(*)::varchar || ' ' || coalesce(sum(hash(kept)), 0)::varchar from (${from}) as kept`;
    const before = await this.#text(
      print(`select * exclude (file_row_number) from ${await this.#numbered(path)} where ${stays}`),
    );
    const after = await this.#text(print(`select * from ${await parquetFile(connection, target)}`));
    if (before !== after) throw new Error(`${target}: the rows that stay are not those of ${path}`);
    await syncFile(target);
    return Number(after.split(" ")[0]);
  }

  /** Writes the rows that the last `copyWithout` left out of the file to another one. */
  async copyLeft(path: string, target: string): Promise<void> {
    await this.connection.run(
      `copy (select * exclude (file_row_number) from ${await this.#numbered(path)} where file_row_number in (select n from erased_rows)) to ${literal(target)} ${await parquetOptions(this.connection, target)}`,
    );
  }

  close(): void {
    this.connection.closeSync();
    this.#instance.closeSync();
  }

  async #doomed(path: string): Promise<string | undefined> {
    return this.#doomedIn(await this.#numbered(path), "file_row_number", await this.#columns(path));
  }

  async #columns(path: string): Promise<readonly TextColumn[]> {
    const reader = await this.connection.runAndReadAll(
      `describe select * from ${await parquetFile(this.connection, path)}`,
    );
    return reader.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }));
  }

  async #rowsOf(path: string): Promise<number> {
    return this.#number(`select count(*) from ${await parquetFile(this.connection, path)}`);
  }

  #numbered(path: string): Promise<string> {
    return parquetFile(this.connection, path, true);
  }

  async #number(sql: string): Promise<number> {
    return Number(await this.#text(sql));
  }

  async #text(sql: string): Promise<string> {
    const reader = await this.connection.runAndReadAll(sql);
    return String(reader.getRows()[0]?.[0]);
  }
}
