import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { quoteName } from "../../packages/googlesql/emit/text.ts";
import { syncFile } from "../../platform/files.ts";

/** Whose rows are looked for: every pseudonymous id of some people, and the ids of the messages that only they were sent. */
export interface Subject {
  readonly ids: readonly string[];
  readonly messages: readonly string[];
}

/** Rows of a file, and how many of them are about the subject. */
export interface FoundRows {
  readonly rows: number;
  readonly found: number;
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const pseudonym = literal("sha256:[0-9a-f]{64}");

/** Columns whose whole value may be an id. */
const idColumn = /(^|_)(id|ids|hash|key|by)$/i;
/** Ids of things, which are never a person's or a message's as a whole. */
const thingColumn = /^(event|campaign|decision|list|link|batch|report|dead_letter|seed_test|request|erasure)_id$/i;
/** A message of one recipient may carry the first 16 digits of the recipient's id behind a colon. */
const messageColumn = /^(provider_)?message_id$/i;

/** A column of what is searched, as DuckDB describes it. */
export interface TextColumn {
  readonly name: string;
  readonly type: string;
}

/** Makes the tables that `subjectRows` reads, in a connection's temporary schema. */
export async function loadSubject(connection: DuckDBConnection, { ids, messages }: Subject): Promise<void> {
  const list = (values: readonly string[]) => `unnest(from_json(${literal(JSON.stringify(values))}, '["VARCHAR"]'))`;
  await connection.run(`create or replace temp table erased_ids as select ${list(ids)} as id`);
  await connection.run(
    `create or replace temp table erased_values as select id from erased_ids union select ${list(messages)}`,
  );
  await connection.run(
    "create or replace temp table erased_tails as select ':' || substr(id, 8, 16) as tail from erased_ids where id like 'sha256:%'",
  );
}

/**
 * A query of the row numbers (`n`) of those rows of `source` that name the subject: by a whole value of an id column, or by a pseudonym within any
 * text, nested or not. `place` is the pseudo column that numbers the rows. Undefined where no column holds text.
 */
export function subjectRows(source: string, place: string, columns: readonly TextColumn[]): string | undefined {
  const texts = columns.filter(({ type }) => /VARCHAR|JSON/.test(type));
  if (texts.length === 0) return undefined;
  const whole: string[] = [];
  const longer: { readonly text: string; readonly mayHold: string }[] = [];
  for (const { name, type } of texts) {
    const column = quoteName(name);
    const isPlain = type === "VARCHAR";
    const isId = isPlain && idColumn.test(name) && !thingColumn.test(name);
    if (isId) whole.push(`${column} in (select id from erased_values)`);
    if (isPlain && messageColumn.test(name))
      whole.push(`(contains(${column}, ':') and right(${column}, 17) in (select tail from erased_tails))`);
    // A whole pseudonym in an id column is compared above; only longer texts are taken apart.
    const text = isPlain ? column : `cast(${column} as varchar)`;
    longer.push({ text, mayHold: `(contains(${text}, 'sha256:')${isId ? ` and length(${text}) != 71` : ""})` });
  }
  const isWhole = whole.length > 0 ? `coalesce(${whole.join(" or ")}, false)` : "false";
  const mayHold = `coalesce(${longer.map((one) => one.mayHold).join(" or ")}, false)`;
  // One scan; what is taken apart are the few rows that pass it.
  const candidates = `select ${place} as n, ${isWhole} as is_whole, if(${mayHold}, concat_ws(' ', ${longer.map(({ text }) => text).join(", ")}), null) as longer
    from ${source}`;
  return `select distinct n from (
    select n, is_whole, unnest(if(longer is null, [null], list_append(regexp_extract_all(longer, ${pseudonym}), null))) as id
    from (${candidates}) where is_whole or longer is not null
  ) where is_whole or id in (select id from erased_ids)`;
}

/**
 * Parquet files searched for the rows of some people, read, and written again without them. An in-memory engine of its own with one thread, so
 * that rows keep their order.
 */
export class PersonRows {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(subject: Subject): Promise<PersonRows> {
    const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "800MB" });
    const connection = await instance.connect();
    await connection.run("set TimeZone = 'UTC'");
    await loadSubject(connection, subject);
    return new PersonRows(instance, connection);
  }

  /** Rows of the file and how many are the subject's. */
  async count(path: string): Promise<FoundRows> {
    const doomed = await this.#doomed(path);
    const rows = await this.#rowsOf(path);
    return { rows, found: doomed === undefined ? 0 : await this.#number(`select count(*) from (${doomed})`) };
  }

  /** The subject's rows of a file, each as the JSON text of its columns. */
  async rows(path: string): Promise<readonly string[]> {
    const doomed = await this.#doomed(path);
    if (doomed === undefined) return [];
    const reader = await this.#connection.runAndReadAll(
      `select to_json(kept)::varchar from (select * exclude (file_row_number) from ${numbered(path)} where file_row_number in (${doomed})) as kept`,
    );
    return reader.getRows().map(([text]) => String(text));
  }

  /**
   * Ids of messages that are the subject's alone, over files with `user_id_hash` and `message_id`: rows may name a message and no person. One that
   * a row of somebody else names as well is theirs too, and left out.
   */
  async messages(paths: readonly string[]): Promise<readonly string[]> {
    if (paths.length === 0) return [];
    const files = `read_parquet([${paths.map(literal).join(", ")}], union_by_name = true, hive_partitioning = false)`;
    const own = "user_id_hash in (select id from erased_ids)";
    await this.#connection.run(
      `create or replace temp table own_messages as select distinct message_id from ${files} where message_id is not null and ${own}`,
    );
    const reader = await this.#connection.runAndReadAll(
      `select message_id from ${files} where message_id in (select message_id from own_messages)
       group by message_id having bool_and(user_id_hash is null or ${own}) order by message_id`,
    );
    return reader.getRows().map(([id]) => String(id));
  }

  /** Places in the file of the subject's rows, from 0, ascending. */
  async places(path: string): Promise<readonly number[]> {
    const doomed = await this.#doomed(path);
    if (doomed === undefined) return [];
    const reader = await this.#connection.runAndReadAll(`select n from (${doomed}) order by n`);
    return reader.getRows().map(([n]) => Number(n));
  }

  /**
   * Writes the rows of a file but those at some places to `target`, in order, synced, and gives their number. What was written is read back and
   * compared with what it was made of: the rows that stay are the same to the bit, or it throws and the old file is still the truth.
   */
  async copyWithout(path: string, target: string, places: readonly number[]): Promise<number> {
    const connection = this.#connection;
    await connection.run(
      `create or replace temp table erased_rows as select unnest(from_json(${literal(JSON.stringify(places))}, '["BIGINT"]')) as n`,
    );
    const stays = "file_row_number not in (select n from erased_rows)";
    await connection.run(
      `copy (select * exclude (file_row_number) from ${numbered(path)} where ${stays}) to ${literal(target)} (format parquet, compression zstd)`,
    );
    const print = (from: string) =>
      `select count(*)::varchar || ' ' || coalesce(sum(hash(kept)), 0)::varchar from (${from}) as kept`;
    const before = await this.#text(print(`select * exclude (file_row_number) from ${numbered(path)} where ${stays}`));
    const after = await this.#text(print(`select * from read_parquet(${literal(target)}, hive_partitioning = false)`));
    if (before !== after) throw new Error(`${target}: the rows that stay are not those of ${path}`);
    await syncFile(target);
    return Number(after.split(" ")[0]);
  }

  /** Writes the rows that the last `copyWithout` left out of the file to another one. */
  async copyLeft(path: string, target: string): Promise<void> {
    await this.#connection.run(
      `copy (select * exclude (file_row_number) from ${numbered(path)} where file_row_number in (select n from erased_rows)) to ${literal(target)} (format parquet)`,
    );
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  async #doomed(path: string): Promise<string | undefined> {
    return subjectRows(numbered(path), "file_row_number", await this.#columns(path));
  }

  async #columns(path: string): Promise<readonly TextColumn[]> {
    const reader = await this.#connection.runAndReadAll(
      `describe select * from read_parquet(${literal(path)}, hive_partitioning = false)`,
    );
    return reader.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }));
  }

  #rowsOf(path: string): Promise<number> {
    return this.#number(`select count(*) from read_parquet(${literal(path)}, hive_partitioning = false)`);
  }

  async #number(sql: string): Promise<number> {
    return Number(await this.#text(sql));
  }

  async #text(sql: string): Promise<string> {
    const reader = await this.#connection.runAndReadAll(sql);
    return String(reader.getRows()[0]?.[0]);
  }
}

const numbered = (path: string): string =>
  `read_parquet(${literal(path)}, hive_partitioning = false, file_row_number = true)`;
