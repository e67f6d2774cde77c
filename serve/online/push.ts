import pit from "../../includes/pit.js";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { readCampaigns } from "../campaign-inputs.ts";
import { nextInputs, type Place } from "../decision-inputs.ts";
import type { Heard } from "../heard.ts";
import { type Person, personOf } from "../person.ts";
import { type Act, type Before, countsIn, isSiteAct } from "./acts.ts";
import { keptMs, type OnlineStore } from "./store.ts";
import type { StoredPerson } from "./stored-person.ts";

export interface Pushed {
  readonly people: number;
  /** As of when the features are. */
  readonly as_of: string | null;
}

/** What the store was loaded with last. */
export interface PushNote {
  readonly as_of: number;
  /** Everything that was received up to here is in it, milliseconds. */
  readonly received_to: number;
  readonly people: number;
}

const hourMs = 3_600_000;
const sums = pit.sums as readonly { readonly name: string; readonly acts: readonly string[]; readonly days?: number }[];
const lasts = pit.lasts as readonly { readonly name: string; readonly act: string }[];

/** A timestamp of the warehouse in microseconds since the epoch. */
export function microsOf(text: unknown): number {
  const value = String(text);
  const fraction = /\.(\d{1,6})/.exec(value)?.[1] ?? "";
  return Math.floor(Date.parse(value.replace(/\.\d+/, "")) / 1000) * 1_000_000 + Number(fraction.padEnd(6, "0"));
}

/**
 * Loads the online store from features.decision_inputs and features.acts, a page of people at a time. What streamed in and is not yet in
 * the warehouse stays; a person's own page is there whole or not at all.
 */
export async function pushFeatures(
  warehouse: Pick<Warehouse, "query">,
  store: OnlineStore,
  options: { readonly pageRows: number; readonly signal: AbortSignal; readonly onProgress?: (people: number) => void },
): Promise<Pushed> {
  const { signal, pageRows } = options;
  const ask = (sql: string, params: Readonly<Record<string, unknown>>, file: string) =>
    warehouse.query(sql, { params, file, signal });
  const through = await ask("select max(received_at) as received_to from events.events", {}, "received to");
  const receivedTo = through.rows[0]?.["received_to"] ? Date.parse(String(through.rows[0]["received_to"])) : 0;
  let after: Place | null = null;
  let people = 0;
  let asOf = Number.NaN;
  for (;;) {
    const page: readonly Person[] = (await nextInputs(warehouse, { after, rows: pageRows }, signal)).map(personOf);
    if (page.length === 0) break;
    const acts = await ask(
      "select user_id_hash, act, amount, topic, revenue, session_id, begins_session, occurred_at from features.acts where user_id_hash in (select id from unnest(@ids) as id) order by user_id_hash, occurred_at",
      { ids: page.map(({ user_id_hash }) => user_id_hash) },
      "acts to push",
    );
    const byPerson = new Map<string, Act[]>();
    for (const row of acts.rows) {
      const id = String(row["user_id_hash"]);
      const own = byPerson.get(id) ?? [];
      byPerson.set(id, own);
      own.push({
        at: microsOf(row["occurred_at"]),
        act: String(row["act"]),
        amount: Number(row["amount"]),
        topic: row["topic"] === null ? null : String(row["topic"]),
        revenue: row["revenue"] === null ? null : Number(row["revenue"]),
        ...(isSiteAct(String(row["act"]))
          ? {
              session: row["session_id"] === null ? null : String(row["session_id"]),
              begins: row["begins_session"] === true,
            }
          : {}),
      });
    }
    await store.transact((tx) => {
      for (const base of page) {
        const own = byPerson.get(base.user_id_hash) ?? [];
        const earlier = tx.person(base.user_id_hash);
        // What the warehouse had not received, or places after its as-of instant, goes on counting.
        const fresh = earlier?.fresh.filter((one) => one.received_at > receivedTo || one.at >= base.as_of * 1000) ?? [];
        const set = earlier?.set ?? {};
        const person: StoredPerson = {
          base,
          acts: own,
          before: beforeOf(base.values, own, base.as_of * 1000),
          fresh,
          set,
        };
        tx.putPerson(base.user_id_hash, person);
      }
    });
    after = page.at(-1)!;
    people += page.length;
    asOf = page[0]!.as_of;
    options.onProgress?.(people);
    if (page.length < pageRows) break;
  }
  await forgetBuiltIn(store, receivedTo - hourMs, pageRows);
  const book = await readCampaigns(warehouse, null, signal);
  const note: PushNote = { as_of: asOf, received_to: receivedTo, people };
  if (people > 0)
    await store.transact((tx) => {
      tx.putNote("push", note);
      tx.putNote("campaigns", book);
    });
  // A send so old is not counted any more, should its row be read again.
  if (people > 0) await store.dropCounted(asOf - keptMs);
  return { people, as_of: people > 0 ? new Date(asOf).toISOString() : null };
}

/**
 * Drops what was heard of by an instant: it has been built in. Tables do not land at one instant, so the last hour before the build's newest signal
 * is kept, and forbids twice what it forbids.
 */
async function forgetBuiltIn(store: OnlineStore, until: number, pageRows: number): Promise<void> {
  const kept = (list: readonly Heard[]) => list.filter(({ received_at }) => received_at > until);
  const stale = [...store.heardIds()].filter((id) => kept(store.heard(id)).length < store.heard(id).length);
  for (let from = 0; from < stale.length; from += pageRows)
    await store.transact((tx) => {
      for (const id of stale.slice(from, from + pageRows)) tx.putHeard(id, kept(tx.heard(id)));
    });
}

/** What the features hold from before the acts that are kept. */
function beforeOf(values: Readonly<Record<string, number | string | null>>, acts: readonly Act[], at: number): Before {
  const counts: Record<string, number> = {};
  const isOneOf = countsIn(acts);
  for (const { name, acts: wanted, days } of sums) {
    if (days !== undefined) continue;
    const kept = acts.filter((one) => isOneOf(one, wanted)).reduce((sum, { amount }) => sum + amount, 0);
    const older = Number(values[name] ?? 0) - kept;
    if (older > 0) counts[name] = older;
  }
  const before: Record<string, number> = {};
  for (const { name, act } of lasts) {
    const days = values[name];
    if (typeof days !== "number" || acts.some((one) => isOneOf(one, [act]))) continue;
    before[name] = Math.round(at - days * 86_400_000_000);
  }
  return { counts, lasts: before };
}
