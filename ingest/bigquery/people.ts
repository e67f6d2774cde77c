import { existsSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import identity from "../../includes/identity.js";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import type { IngestKeys } from "../door/keys.ts";
import type { RawRow } from "../door/raw-row.ts";
import { rawColumns } from "../door/raw-row.ts";
import { letterReader } from "../find-letters.ts";
import { rawRowOf } from "./raw-tables.ts";
import { retractionsInBigQuery } from "./read-rows.ts";

type Reader = Pick<Warehouse, "query">;

async function* rowsWhere(
  warehouse: Reader,
  dataset: string,
  table: string,
  where: string,
  params: Readonly<Record<string, unknown>>,
): AsyncIterable<RawRow> {
  const isGone = (await retractionsInBigQuery(warehouse, dataset)).filter(table);
  const names = rawColumns(table).map(({ name }) => `\`${name}\``);
  const { rows } = await warehouse.query(`select ${names.join(", ")} from \`${dataset}.${table}\` where ${where}`, {
    params,
    file: `raw.${table} of people`,
  });
  for (const row of rows) {
    const raw = rawRowOf(table, row);
    if (!isGone?.(raw)) yield raw;
  }
}

/** Requests to be forgotten that have landed and nobody has carried out: `pendingRequests` of this machine's segments. */
export async function pendingRequestsInBigQuery(
  warehouse: Reader,
  dataset: string,
): Promise<readonly { readonly ids: readonly string[]; readonly requested_at: string }[]> {
  const first = new Map<string, number>();
  for await (const row of rowsWhere(warehouse, dataset, "erasure_requests", "user_id_hash is not null", {})) {
    const id = String(row["user_id_hash"]);
    const at = Number(row["requested_at"] ?? row["received_at"]);
    first.set(id, Math.min(first.get(id) ?? at, at));
  }
  return [...first]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, at]) => ({ ids: [id], requested_at: new Date(at / 1000).toISOString() }));
}

/** An id without a profile that was ever linked to so many is a shared device, whatever was taken back of it: nobody is looked for behind it. */
const tooManyLinks = 5 * identity.maxLinksPerDevice;

/** Links around some ids, ring by ring, and which of the ids there have a profile: what `linkedIds` asks. */
export async function linksAround(
  warehouse: Reader,
  dataset: string,
  asked: readonly string[],
): Promise<{ readonly links: readonly RawRow[]; readonly accounts: ReadonlySet<string> }> {
  const links = new Map<string, RawRow>();
  const accounts = new Set<string>();
  const seen = new Set(asked);
  for (let ring = [...seen]; ring.length > 0; ) {
    const params = { ids: ring };
    const isIn = (column: string) => `${column} in (select id from unnest(@ids) as id)`;
    for await (const row of rowsWhere(warehouse, dataset, "profiles", isIn("user_id_hash"), params))
      accounts.add(String(row["user_id_hash"]));
    const neighbours = new Map<string, Set<string>>();
    const either = `${isIn("left_id")} or ${isIn("right_id")}`;
    for await (const row of rowsWhere(warehouse, dataset, "identity_links", either, params)) {
      links.set(JSON.stringify(row), row);
      const ends = [String(row["left_id"]), String(row["right_id"])] as const;
      for (const [from, to] of [ends, [ends[1], ends[0]]] as const)
        neighbours.set(from, (neighbours.get(from) ?? new Set()).add(to));
    }
    const next = new Set<string>();
    for (const id of ring) {
      const others = neighbours.get(id) ?? new Set();
      if (others.size > tooManyLinks && !accounts.has(id)) continue;
      for (const other of others) if (!seen.has(other)) next.add(other);
    }
    for (const id of next) seen.add(id);
    ring = [...next];
  }
  return { links: [...links.values()], accounts };
}

/** Ids of messages that were sent to these ids alone. */
export async function messagesInBigQuery(
  warehouse: Reader,
  dataset: string,
  ids: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await warehouse.query(
    `with named as (
  select message_id, user_id_hash from \`${dataset}.events\` where message_id is not null
  union all
  select message_id, user_id_hash from \`${dataset}.decisions\` where message_id is not null
),
own as (
  select distinct message_id from named where user_id_hash in (select id from unnest(@ids) as id)
)

select message_id
from named
where message_id in (select message_id from own)
group by message_id
having logical_and(user_id_hash is null or user_id_hash in (select id from unnest(@ids) as id))
order by message_id`,
    { params: { ids: [...ids] }, file: "messages of people" },
  );
  return rows.map((row) => String(row["message_id"]));
}

export interface LettersInBigQuery {
  /** Ids of letters whose sealed bytes name somebody, those that point to such a letter among them. */
  readonly named: readonly string[];
  /** Files beside the home's segments that hold such bytes. */
  readonly aside: readonly string[];
  /** Files of bodies that were too large for BigQuery, and name somebody. */
  readonly kept: readonly string[];
  readonly unopened: number;
}

const blockLetters = 1_000;

/** Opens every dead letter with the home's keys and looks for people in it. `state` is this machine's folder of what went to BigQuery. */
export async function lettersInBigQuery(
  warehouse: Reader,
  dataset: string,
  { raw, state }: { readonly raw: string; readonly state: string },
  keys: IngestKeys,
  isWanted: (id: string) => boolean,
): Promise<LettersInBigQuery> {
  const read = letterReader(raw, keys, isWanted);
  const named = new Set<string>();
  const holders = new Set<string>();
  const pointers: { readonly id: string; readonly to: string }[] = [];
  const aside: string[] = [];
  let unopened = 0;
  for (let after = ""; ; ) {
    const { rows } = await warehouse.query(
      `select dead_letter_id, batch_id, position, payload from \`${dataset}.dead_letters\`
where payload is not null and dead_letter_id > @after order by dead_letter_id limit ${blockLetters}`,
      { params: { after }, file: "dead letters" },
    );
    for (const row of rows) {
      const id = String(row["dead_letter_id"]);
      const letter = read(Buffer.from(row["payload"] as Uint8Array));
      if (letter.kind === "pointer") {
        pointers.push({ id, to: `${row["batch_id"]}/${letter.to}` });
        continue;
      }
      if (letter.isUnopened) unopened += 1;
      if (!letter.isNamed) continue;
      named.add(id);
      holders.add(`${row["batch_id"]}/${row["position"]}`);
      if (letter.aside !== undefined) aside.push(letter.aside);
    }
    if (rows.length < blockLetters) break;
    after = String(rows.at(-1)!["dead_letter_id"]);
  }
  for (const { id, to } of pointers) if (holders.has(to)) named.add(id);
  const kept: string[] = [];
  const folder = join(state, "letters");
  for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
    const letter = read(readFileSync(join(folder, name)));
    if (letter.kind === "body" && letter.isUnopened) unopened += 1;
    if (letter.kind === "body" && letter.isNamed) kept.push(join(folder, name));
  }
  return { named: [...named].sort(), aside, kept, unopened };
}

/** Removes the bodies that were too large for BigQuery. */
export async function removeKeptBodies(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
}
