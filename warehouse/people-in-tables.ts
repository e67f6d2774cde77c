import { UserError } from "../errors/user-error.ts";
import { mayBeId, mayBeMessage, pseudonymPattern, type Subject } from "./person-columns.ts";
import type { Column, Warehouse } from "./warehouse.ts";

type Tables = Pick<Warehouse, "query" | "execute">;

/** A table, as `dataset.table`, with its columns. */
export interface NamedTable {
  readonly name: string;
  readonly columns: readonly Column[];
}

/** So many ids and messages go into the parameters of one statement: BigQuery takes 10 MB of them. */
const mostIds = 60_000;
/** A quoted text, or a pseudonym outside of one. */
const quotedOrPseudonym = `"(?:[^"\\\\]|\\\\.)+"|(?i:${pseudonymPattern})`;
/** So many tables are asked in one query. */
const tablesAtOnce = 25;

/** Every table of some datasets that holds rows of its own; a dataset that is not there has none. */
export async function tablesOf(
  warehouse: Pick<Warehouse, "query">,
  datasets: readonly string[],
): Promise<readonly NamedTable[]> {
  const tables = new Map<string, Column[]>();
  for (const dataset of [...new Set(datasets)].sort()) {
    const found = await warehouse
      .query(
        `select columns.table_name, columns.column_name, columns.data_type
from \`${dataset}\`.INFORMATION_SCHEMA.COLUMNS as columns
inner join \`${dataset}\`.INFORMATION_SCHEMA.TABLES as tables on columns.table_name = tables.table_name
where tables.table_type in ('BASE TABLE', 'CLONE')
order by columns.table_name, columns.ordinal_position`,
        { file: `tables of ${dataset}` },
      )
      .catch((error: unknown) => {
        if (error instanceof UserError && error.code === "bigquery.not-found") return { rows: [] };
        throw error;
      });
    for (const row of found.rows) {
      const name = `${dataset}.${String(row["table_name"])}`;
      const columns = tables.get(name) ?? [];
      tables.set(name, columns);
      columns.push({ name: String(row["column_name"]), type: String(row["data_type"]) });
    }
  }
  return [...tables].map(([name, columns]) => ({ name, columns }));
}

/**
 * A condition of GoogleSQL that holds for the rows of a table that name the subject: by a whole value of an id column, or by a pseudonym within any text,
 * nested or not. It reads the parameters that `subjectParams` gives. Undefined where no column holds text. The same rule as `subjectRows` has for DuckDB.
 */
export function namesSubject(columns: readonly Column[]): string | undefined {
  const whole: string[] = [];
  const texts: string[] = [];
  for (const { name, type } of columns) {
    if (!/STRING|JSON/.test(type)) continue;
    const column = `\`${name}\``;
    const isPlain = type === "STRING";
    if (isPlain && mayBeId(name)) whole.push(`${column} in (select value from unnest(@values) as value)`);
    if (isPlain && mayBeMessage(name))
      whole.push(`(strpos(${column}, ':') > 0 and right(${column}, 17) in (select tail from unnest(@tails) as tail))`);
    texts.push(`ifnull(${isPlain ? column : `to_json_string(${column})`}, '')`);
  }
  if (texts.length === 0) return undefined;
  const within = `exists (
  select 1 from unnest(regexp_extract_all(concat(${texts.join(", ' ', ")}), r'${pseudonymPattern}')) as found
  where found in (select id from unnest(@ids) as id)
)`;
  return `coalesce(${[...whole, within].join(" or ")}, false)`;
}

/** What `namesSubject` reads. */
export function subjectParams({ ids, messages }: Subject): Readonly<Record<string, readonly string[]>> {
  if (ids.length + messages.length > mostIds) {
    throw new UserError(
      `${ids.length + messages.length} ids and messages are more than one statement can be asked for`,
      {
        code: "privacy.too-many",
        exit: "usage",
        next: `name fewer people at a time: up to ${mostIds} of their ids and messages`,
      },
    );
  }
  const tails = ids.filter((id) => id.startsWith("sha256:")).map((id) => `:${id.slice(7, 23)}`);
  return { ids: [...ids], values: [...ids, ...messages], tails };
}

/** How many rows of each table are the subject's; tables without any are left out. */
export async function findInTables(
  warehouse: Tables,
  tables: readonly NamedTable[],
  subject: Subject,
  signal?: AbortSignal,
): Promise<readonly { readonly table: string; readonly rows: number }[]> {
  const params = subjectParams(subject);
  const counts = tables.flatMap(({ name, columns }) => {
    const condition = namesSubject(columns);
    return condition === undefined ? [] : [`select '${name}' as name, countif(${condition}) as found from \`${name}\``];
  });
  const found: { table: string; rows: number }[] = [];
  for (let at = 0; at < counts.length; at += tablesAtOnce) {
    signal?.throwIfAborted();
    const { rows } = await warehouse.query(counts.slice(at, at + tablesAtOnce).join("\nunion all\n"), {
      params,
      file: "people in tables",
      signal,
    });
    for (const row of rows)
      if (Number(row["found"]) > 0) found.push({ table: String(row["name"]), rows: Number(row["found"]) });
  }
  found.sort((a, b) => (a.table < b.table ? -1 : 1));
  return found;
}

/** The subject's rows of some tables, each as the JSON text of its columns. */
export async function* readFromTables(
  warehouse: Tables,
  tables: readonly NamedTable[],
  subject: Subject,
  signal?: AbortSignal,
): AsyncIterable<{ readonly table: string; readonly row: string }> {
  const params = subjectParams(subject);
  for (const { name, columns } of tables) {
    const condition = namesSubject(columns);
    if (condition === undefined) continue;
    const { rows } = await warehouse.query(
      `select to_json_string(own) as line from \`${name}\` as own where ${condition}`,
      { params, file: `rows of a person in ${name}`, signal },
    );
    for (const row of rows) yield { table: name, row: String(row["line"]) };
  }
}

/** So many rows' texts are asked for at once: they are held in memory. */
const rowsAtOnce = 1_000_000;

/**
 * Every text of a table that may name somebody, each once with how many rows have it: whole values of text columns, and the quoted texts and pseudonyms
 * within JSON and nested ones. A table of more rows than fit in memory is read in parts, a scan of it each.
 */
export async function* textsOfTable(
  warehouse: Pick<Warehouse, "query">,
  { name, columns }: NamedTable,
  signal?: AbortSignal,
  atOnce = rowsAtOnce,
): AsyncIterable<{ readonly column: string; readonly text: string; readonly rows: number }> {
  const texts = columns.flatMap(({ name: column, type }) => {
    if (type === "STRING") return [`select '${column}' as place, \`${column}\` as said from \`${name}\``];
    if (!/STRING|JSON/.test(type)) return [];
    const within = `regexp_extract_all(to_json_string(own.\`${column}\`), r'${quotedOrPseudonym}')`;
    return [`select '${column}' as place, found as said from \`${name}\` as own, unnest(${within}) as found`];
  });
  if (texts.length === 0) return;
  const file = `texts of ${name}`;
  const counted = await warehouse.query(`select count(*) as n from \`${name}\``, { file, signal });
  let parts = 1;
  while (parts * atOnce < Number(counted.rows[0]!["n"])) parts *= 2;
  for (let part = 0; part < parts; part++) {
    const { rows } = await warehouse.query(
      `select place, said, count(*) as times
from (
${texts.join("\nunion all\n")}
)
where said is not null${parts === 1 ? "" : ` and farm_fingerprint(said) & ${parts - 1} = ${part}`}
group by place, said`,
      { file, signal },
    );
    for (const row of rows)
      yield { column: String(row["place"]), text: String(row["said"]), rows: Number(row["times"]) };
  }
}

/** Deletes rows of a table. What BigQuery has taken in a moment ago it does not yet let go: then this says so, and the same call later goes on. */
export async function deleteRows(
  warehouse: Tables,
  table: string,
  condition: string,
  params: Readonly<Record<string, unknown>>,
): Promise<void> {
  try {
    await warehouse.execute(`delete from \`${table}\` where ${condition}`, { params, file: `rows to go of ${table}` });
  } catch (error) {
    if (!(error instanceof Error) || !/streaming buffer/i.test(error.message)) throw error;
    throw new UserError(`${table} has taken rows in that BigQuery does not let go yet`, {
      code: "bigquery.streaming-buffer",
      exit: "remote",
      where: table,
      next: "the same command in an hour and a half: it goes on where it stopped",
      cause: error,
    });
  }
}
