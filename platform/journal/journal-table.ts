import { brokenLink, firstHash, type Sealed, seal } from "./chain.ts";
import { type AppendOutcome, type Journal, type JournalKind, type JournalState, noJournal } from "./journal.ts";

/** What a journal asks of a warehouse. */
export interface JournalWarehouse {
  query(
    sql: string,
    options?: { readonly params?: Readonly<Record<string, unknown>> },
  ): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
  execute(sql: string, options?: { readonly params?: Readonly<Record<string, unknown>> }): Promise<unknown>;
}

/** The row that holds the head: whoever appends changes it, so that two who append conflict. */
const headRow = -1;

/**
 * A journal in a table of the warehouse, one row an entry. An append is one MERGE that changes the row of the head and adds the entries, and does
 * nothing where the head is not the one that was seen. BigQuery lets no two MERGEs change the same row at once: of two who append on
 * the same head, the second finds another head when its turn comes. What was written is read back before it counts.
 */
export function journalTable<Body extends object>(
  open: () => Promise<JournalWarehouse>,
  table: string,
  kind: JournalKind<Body>,
): Journal<Body> {
  const [dataset] = table.split(".");
  let isThere = false;

  async function prepare(): Promise<JournalWarehouse> {
    const warehouse = await open();
    if (!isThere) {
      await warehouse.execute(`create schema if not exists \`${dataset}\``);
      await warehouse.execute(
        `create table if not exists \`${table}\` (sequence int64, entry_hash string, previous_hash string, entry string)`,
      );
      isThere = true;
    }
    return warehouse;
  }

  async function read(): Promise<JournalState<Body>> {
    const warehouse = await prepare();
    const { rows } = await warehouse.query(`select sequence, entry_hash, entry from \`${table}\` order by sequence`);
    const heads = rows.filter((row) => Number(row["sequence"]) === headRow);
    const entries: Sealed<Body>[] = [];
    let head = firstHash;
    for (const [index, row] of rows.slice(heads.length).entries()) {
      const where = `${table}, sequence ${index}`;
      let entry: Sealed<Body>;
      try {
        entry = JSON.parse(String(row["entry"])) as Sealed<Body>;
      } catch {
        throw kind.damaged(where, "the entry is not JSON");
      }
      const broken =
        Number(row["sequence"]) === index ? brokenLink(entry, index, head) : "an entry is missing or doubled";
      if (broken !== undefined) throw kind.damaged(where, broken);
      const { sequence, previous_hash, entry_hash, ...body } = entry;
      try {
        entries.push({ ...kind.parse(body), sequence, previous_hash, entry_hash });
      } catch (error) {
        throw kind.damaged(where, error instanceof Error ? error.message : String(error));
      }
      head = entry_hash;
    }
    if (heads.some((row) => row["entry_hash"] !== head)) throw kind.damaged(table, "its last entries are gone");
    return { entries, head };
  }

  return {
    where: table,
    lookEveryMs: 5_000,
    read,
    async stamp() {
      const warehouse = await prepare();
      const { rows } = await warehouse.query(`select entry_hash from \`${table}\` where sequence = ${headRow}`);
      return rows[0] === undefined ? noJournal : String(rows[0]["entry_hash"]);
    },
    async append(bodies, seen): Promise<AppendOutcome<Body>> {
      const before = await read();
      if (before.head !== seen) return { kind: "moved-on", last: before.entries.at(-1), head: before.head };
      const sealed: Sealed<Body>[] = [];
      for (const body of bodies) {
        sealed.push(seal(body, before.entries.length + sealed.length, sealed.at(-1)?.entry_hash ?? seen));
      }
      const head = sealed.at(-1)?.entry_hash ?? seen;
      const warehouse = await prepare();
      const params: Record<string, unknown> = { seen, head, first: firstHash };
      const rows = sealed.map((entry, i) => {
        params[`hash_${i}`] = entry.entry_hash;
        params[`previous_${i}`] = entry.previous_hash;
        params[`entry_${i}`] = JSON.stringify(entry);
        return `select ${entry.sequence} as sequence, @hash_${i} as entry_hash, @previous_${i} as previous_hash, @entry_${i} as entry`;
      });
      await warehouse.execute(
        `merge \`${table}\` as t
using (
  select sequence, entry_hash, previous_hash, entry
  from (
    select ${headRow} as sequence, @head as entry_hash, @seen as previous_hash, '' as entry
    union all
    ${rows.join("\n    union all\n    ")}
  )
  where (
    select coalesce(max(entry_hash), @first) from \`${table}\` where sequence = ${headRow}
  ) = @seen
) as s
on t.sequence = s.sequence
when matched then update set entry_hash = s.entry_hash, previous_hash = s.previous_hash
when not matched then insert (sequence, entry_hash, previous_hash, entry)
  values (s.sequence, s.entry_hash, s.previous_hash, s.entry)`,
        { params },
      );
      const after = await read();
      const isOurs = sealed.every((entry) => after.entries[entry.sequence]?.entry_hash === entry.entry_hash);
      if (isOurs) return { kind: "appended", entries: sealed };
      return { kind: "moved-on", last: after.entries.at(-1), head: after.head };
    },
  };
}
