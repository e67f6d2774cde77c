import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { UserError } from "../../../errors/user-error.ts";
import { createIdsOf } from "../../../ingest/door/id-hasher.ts";
import { type KeyRing, keyName } from "../../../ingest/door/keys.ts";
import { landRecords } from "../../../ingest/land-records.ts";
import type { Row, Warehouse } from "../../../warehouse/warehouse.ts";
import type { Environment } from "../../environment.ts";
import { ingestContext } from "../ingest/context.ts";

/** Addresses looked up together. */
const pageLines = 5_000;

export interface Rotated {
  readonly addresses: number;
  /** Of whom something is known under a former key. */
  readonly known: number;
  /** Former ids that are linked to the id under the active key from now on. */
  readonly links: number;
  /** What stood against mail to a former id, and stands against the new one as well. */
  readonly suppressions: number;
  /** The active key first. */
  readonly keys: readonly string[];
  readonly state: "planned" | "landed";
}

/**
 * `inboxloop keys rotate`: whoever was known by ids under former keys is the same person under the active one. Reads the sender's own list of addresses,
 * page by page; lands, through the door, a link from each known former id to the new one, and what stands against mail to the former id itself. Run
 * again after a build it lands what is not there yet, and nothing twice; no address is written.
 */
export async function rotateCommand(
  world: Environment,
  { addresses: file, dryRun }: { readonly addresses: string; readonly dryRun: boolean },
): Promise<Rotated> {
  const context = ingestContext(world, { trustReceivedAt: false });
  const ring = context.keys.ids;
  if (ring.all.length < 2)
    throw new UserError("there is one id key alone: nobody has another id yet", {
      code: "keys.one-key",
      exit: "config",
      where: "INBOXLOOP_ID_KEY",
      next: `put the new key before it: INBOXLOOP_ID_KEY=v2:hex:$(openssl rand -hex 32),${ring.isDemo ? "v1:hex:<ids.v1 of state/ingest-keys.json>" : "<what it is now>"}`,
    });
  const counts = { addresses: 0, known: 0, links: 0, suppressions: 0 };
  const keys = ring.all.map(keyName);
  const warehouse = await world.target.openWarehouse();
  try {
    await refuseUnbuilt(warehouse);
    const pages = rowsOfPages(linesOf(world, file), ring, warehouse, world, counts);
    if (dryRun) {
      for await (const _ of pages);
      return { ...counts, keys, state: "planned" };
    }
    let position = 0;
    await landRecords(
      context,
      () => ({
        name: "ndjson:keys-rotate",
        id: `keys-rotate/${context.randomBytes(16).toString("hex")}`,
        from: 0,
        async *pull(stop) {
          for await (const rows of pages) {
            yield rows.map((row) => ({ data: Buffer.from(JSON.stringify(row)), position: ++position }));
            if (stop.aborted) return;
          }
        },
        ack: async () => {},
      }),
      world.signal,
    );
    world.signal.throwIfAborted();
    return { ...counts, keys, state: "landed" };
  } finally {
    await warehouse.close();
  }
}

async function refuseUnbuilt(warehouse: Warehouse): Promise<void> {
  if ((await warehouse.columns("governance.recipient_eligibility")) !== undefined) return;
  throw new UserError("there is no governance.recipient_eligibility yet", {
    code: "keys.not-built",
    exit: "check",
    next: "inboxloop build",
  });
}

/** For each page of addresses, the rows that make its people the same under the active key. */
async function* rowsOfPages(
  lines: AsyncIterable<string>,
  ring: KeyRing,
  warehouse: Warehouse,
  { now, signal }: Environment,
  counts: { addresses: number; known: number; links: number; suppressions: number },
): AsyncIterable<readonly object[]> {
  const idsOf = createIdsOf(ring);
  for await (const page of pagesOf(lines, pageLines)) {
    counts.addresses += page.length;
    // An address in two spellings is one person.
    const people = new Map(page.map(idsOf).map((ids) => [ids[0]!, ids.slice(1)]));
    const formerIds = [...people.values()].flat();
    const allIds = [...people.keys(), ...formerIds];
    const known = await knownOf(warehouse, formerIds, signal);
    const standing = await standingAgainst(warehouse, allIds, signal);
    const persons = await personsOf(warehouse, allIds, signal);
    const rows: object[] = [];
    for (const [current, former] of people) {
      const before = former.filter((id) => known.has(id));
      if (before.length > 0) counts.known += 1;
      const stands = new Set((standing.get(current) ?? []).map(meaningOf));
      for (const id of before) {
        const person = persons.get(id);
        if (person === undefined || persons.get(current) !== person) {
          const link = { left_id: id, right_id: current, link_kind: "id_key", linked_at: now().toISOString() };
          rows.push({ table: "identity_links", ...link, provenance });
          counts.links += 1;
        }
        for (const one of standing.get(id) ?? []) {
          if (stands.has(meaningOf(one))) continue;
          stands.add(meaningOf(one));
          rows.push({ table: "suppressions", ...one, user_id_hash: current, provenance });
          counts.suppressions += 1;
        }
      }
    }
    yield rows;
  }
}

const provenance = "keys-rotate";

async function knownOf(
  warehouse: Warehouse,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { rows } = await warehouse.query(
    `select user_id_hash from governance.recipient_eligibility where user_id_hash in (select id from unnest(@ids) as id)
union distinct
select user_id_hash from events.events where user_id_hash in (select id from unnest(@ids) as id)`,
    { params: { ids }, file: "ids known under a former key", signal },
  );
  return new Set(rows.map((row) => String(row["user_id_hash"])));
}

async function personsOf(
  warehouse: Warehouse,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await warehouse.query(
    "select user_id_hash, person_id from identity.persons where user_id_hash in (select id from unnest(@ids) as id)",
    { params: { ids }, file: "persons of ids", signal },
  );
  return new Map(rows.map((row) => [String(row["user_id_hash"]), String(row["person_id"])]));
}

/** What forbids mail, as raw.suppressions states it. */
interface Standing {
  readonly channel: unknown;
  readonly reason: unknown;
  readonly scope: unknown;
  readonly scope_key: unknown;
  readonly is_machine: unknown;
  readonly since_at: string | null;
  readonly until_at: string | null;
}

const meaningOf = ({ channel, reason, scope, scope_key, until_at }: Standing): string =>
  JSON.stringify([channel, reason, scope, scope_key, until_at]);

/** What stands against mail to those very ids. What is about their person holds by the link too, unless the id is one that links are not followed for. */
async function standingAgainst(
  warehouse: Warehouse,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Standing[]>> {
  const { rows } = await warehouse.query(
    `select user_id_hash, channel, reason, scope, scope_key, is_machine, since_at, until_at
from governance.suppressions
where is_in_force and user_id_hash in (select id from unnest(@ids) as id)
order by user_id_hash, since_at, reason, scope, scope_key`,
    { params: { ids }, file: "suppressions of ids under a former key", signal },
  );
  const found = new Map<string, Standing[]>();
  const instant = (row: Row, name: string): string | null =>
    row[name] === null || row[name] === undefined ? null : new Date(String(row[name])).toISOString();
  for (const row of rows) {
    const id = String(row["user_id_hash"]);
    const own = found.get(id) ?? [];
    found.set(id, own);
    const { channel, reason, scope, scope_key, is_machine } = row;
    own.push({
      channel,
      reason,
      scope,
      scope_key,
      is_machine,
      since_at: instant(row, "since_at"),
      until_at: instant(row, "until_at"),
    });
  }
  return found;
}

async function* pagesOf(lines: AsyncIterable<string>, size: number): AsyncIterable<readonly string[]> {
  let page: string[] = [];
  for await (const line of lines) {
    page.push(line);
    if (page.length < size) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

async function* linesOf(world: Environment, file: string): AsyncIterable<string> {
  const input = createReadStream(resolve(world.cwd, file));
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      const text = line.trim();
      if (text !== "") yield text;
    }
  } catch (cause) {
    throw new UserError(`the file cannot be read (${(cause as NodeJS.ErrnoException).code})`, {
      code: "keys.no-file",
      exit: "usage",
      where: file,
      next: "ls",
      cause,
    });
  }
}
