import type { DuckDBConnection } from "../../packages/googlesql/duckdb/client.ts";
import { quoteName } from "../../packages/googlesql/index.ts";
import { mayBeId, mayBeMessage, pseudonymPattern, type Subject } from "../person-columns.ts";
import { DoomedRows, type TextColumn } from "./doomed-rows.ts";
import { parquetFiles } from "./sealed-engine.ts";
import { literal } from "./sql-text.ts";

export type { Subject } from "../person-columns.ts";

const pseudonym = literal(pseudonymPattern);

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
    const isId = isPlain && mayBeId(name);
    if (isId) whole.push(`${column} in (select id from erased_values)`);
    if (isPlain && mayBeMessage(name))
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

/** The rows of some people. */
export class PersonRows extends DoomedRows {
  static async open(subject: Subject): Promise<PersonRows> {
    const [instance, connection] = await DoomedRows.openEngine();
    await loadSubject(connection, subject);
    return new PersonRows(instance, connection, subjectRows);
  }

  /**
   * Ids of messages that are the subject's alone, over files with `user_id_hash` and `message_id`: rows may name a message and no person. One that
   * a row of somebody else names as well is theirs too, and left out.
   */
  async messages(paths: readonly string[]): Promise<readonly string[]> {
    if (paths.length === 0) return [];
    const files = await parquetFiles(this.connection, paths);
    const own = "user_id_hash in (select id from erased_ids)";
    await this.connection.run(
      `create or replace temp table own_messages as select distinct message_id from ${files} where message_id is not null and ${own}`,
    );
    const reader = await this.connection.runAndReadAll(
      `select message_id from ${files} where message_id in (select message_id from own_messages)
       group by message_id having bool_and(user_id_hash is null or ${own}) order by message_id`,
    );
    return reader.getRows().map(([id]) => String(id));
  }
}
