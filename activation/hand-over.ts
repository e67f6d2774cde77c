import { UserError } from "../errors/user-error.ts";
import type { Pause } from "../policy/decision.ts";
import type { LoadedPolicy } from "../policy/load-policy.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import type { AddressBook } from "./addresses.ts";
import { checkAgain, type Known, readKnown } from "./check-again.ts";
import { deliver, type Limits, newEntry, type Stop } from "./deliver.ts";
import type { DecidedSend, Mail, Receiver } from "./mail.ts";
import type { Change, Entry, EntryState, Outbox } from "./outbox.ts";
import { Pacer } from "./pacer.ts";
import { nextSends, type SendPlace, sendsOf } from "./read-sends.ts";
import { noTemplate } from "./receivers/open.ts";
import { recover } from "./recover.ts";

export interface HandOverRequest {
  readonly campaigns: readonly string[];
  /** Hours after a mail's time in which it may still go out. */
  readonly expireHours: number;
  /** Mails handed over in this run, at most. */
  readonly limit: number | null;
  /** Refused, dead and doubtful mails are tried again. */
  readonly again: boolean;
}

export interface HandOverEnv {
  /** Opened for each page, so that what was heard meanwhile is known and nobody waits for the file. */
  readonly openWarehouse: () => Promise<Pick<Warehouse, "query" | "close">>;
  readonly outbox: Outbox;
  readonly receiver: Receiver;
  /** The receiver's template of a variant: null where it has none and needs none, undefined where one is missing. */
  readonly templateOf: (campaignId: string, variant: string) => string | null | undefined;
  readonly addresses: AddressBook;
  readonly policies: ReadonlyMap<string, LoadedPolicy>;
  readonly key: Uint8Array;
  readonly pauses: () => Promise<readonly Pause[]>;
  readonly unsubscribeUrl: (send: DecidedSend) => string | null;
  /** Takes what waits in the outbox through the door. */
  readonly land: () => Promise<void>;
  readonly limits: Limits;
  readonly perSecond: number;
  readonly pageRows: number;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onProgress?: (handedOver: number) => void;
  /** Called between durable steps; the kill tests die in it. */
  readonly fault?: ((point: string) => void) | undefined;
}

export interface HandOverResult {
  readonly to: string;
  readonly state: "done" | "stopped" | "interrupted" | "limit-reached";
  /** Why it stopped: a status or a code of the receiver. */
  readonly stopped_by: Stop | null;
  /** What became of the mails that this run looked at. */
  readonly counts: Readonly<Partial<Record<EntryState, number>>>;
  readonly by_reason: Readonly<Record<string, number>>;
  /** Some that somebody may want to look at: refused, dead and doubtful ones. */
  readonly examples: readonly {
    readonly decision_id: string;
    readonly state: EntryState;
    readonly reason: string | null;
  }[];
  /** Mails that earlier runs were done with. */
  readonly earlier: number;
  /** The earliest instant at which a mail that waits may be tried again. */
  readonly next_at: string | null;
}

const hourMs = 3_600_000;
const worthALook: ReadonlySet<EntryState> = new Set(["refused", "dead", "in_doubt"]);
const mostExamples = 10;
/** So much longer than they may go out are mails read, to say of each that it expired. */
const lookBackMs = 7 * 24 * hourMs;
/** A check of a person holds so long; who has not been handed over by then is checked again. */
export const checkHoldsMs = 120_000;

/** Mails whose time has come, from when a run still reads them. */
export const readFrom = (now: number, expireHours: number): number => now - expireHours * hourMs - lookBackMs;
export const expiresAt = (send: DecidedSend, expireHours: number): number => send.send_at + expireHours * hourMs;

/** Whether a scan takes a mail up for a receiver. One that another may have taken is that other's; the rest is done with, or somebody's to say. */
export const isOpen = (entry: Entry | undefined, to: string): boolean =>
  entry === undefined ||
  ((entry.state === "waiting" || entry.state === "pending") && (!entry.is_maybe_taken || entry.to === to));

/** Refuses a page before anything of it goes out. */
export function refuseUnusable(
  sends: readonly DecidedSend[],
  { policies, receiver, templateOf }: Pick<HandOverEnv, "policies" | "receiver" | "templateOf">,
): void {
  for (const { policy, campaign_id, variant } of sends) {
    if (!policies.has(policy))
      throw new UserError(`mails were decided under the policy "${policy}", which is gone`, {
        code: "activation.no-policy",
        exit: "config",
        where: `campaign ${campaign_id}`,
        next: "put its file back, or name its folder with --policies",
      });
    if (templateOf(campaign_id, variant) === undefined) throw noTemplate(receiver.name, campaign_id, variant);
  }
}

/**
 * Hands decided mails over, each at most once for its decision's id. A page at a time: people are checked again, addresses looked up, mails claimed
 * in the outbox, handed over, settled, and what was taken is told to the door. Then what was not taken is tried again as its waits allow.
 */
export async function handOver(env: HandOverEnv, request: HandOverRequest): Promise<HandOverResult> {
  const { outbox, receiver, limits } = env;
  const counts: Partial<Record<EntryState, number>> = {};
  const byReason: Record<string, number> = {};
  /** Mails that this run may try once more. */
  const latest = new Map<string, Entry>();
  const examples: HandOverResult["examples"][number][] = [];
  let earlier = 0;
  let begun = 0;
  let handedOver = 0;
  let stop: Stop | undefined;
  const pacer = new Pacer(env.perSecond, env.now, env.sleep);
  const count = (entry: Entry, by = 1) => {
    counts[entry.state] = (counts[entry.state] ?? 0) + by;
    if (entry.reason !== null) {
      const reason = `${entry.state}: ${entry.reason}`;
      byReason[reason] = (byReason[reason] ?? 0) + by;
      if (byReason[reason] === 0) delete byReason[reason];
    }
    if (counts[entry.state] === 0) delete counts[entry.state];
  };
  /** Counts what became of a mail; one that this run has counted before is counted as it is now. */
  const note = (id: string, entry: Entry) => {
    const before = latest.get(id);
    if (before) count(before, -1);
    latest.delete(id);
    count(entry);
    if (entry.state === "pending") latest.set(id, entry);
    if (worthALook.has(entry.state) && examples.length < mostExamples)
      examples.push({ decision_id: id, state: entry.state, reason: entry.reason });
    if (entry.state === "handed_over") env.onProgress?.(++handedOver);
  };
  const isOver = () => stop !== undefined || env.signal.aborted || (request.limit !== null && begun >= request.limit);

  async function page(sends: readonly DecidedSend[]): Promise<void> {
    refuseUnusable(sends, env);
    for (let left = sends; left.length > 0 && !isOver(); ) left = await wave(left);
  }

  /** One mail to each person of these at most, so that the next one to them is checked with this one known. Gives those that are left. */
  async function wave(sends: readonly DecidedSend[]): Promise<readonly DecidedSend[]> {
    const checkedAt = env.now();
    const known = await read((warehouse) =>
      readKnown(warehouse, sends, [...env.policies.values()], checkedAt, env.signal),
    );
    const { now: first, later } = onePerPerson(sends, known);
    const inForce = { policies: env.policies, pauses: await env.pauses(), key: env.key };
    const changes: Change[] = [];
    const going: DecidedSend[] = [];
    const crowded: DecidedSend[] = [];
    const room = request.limit === null ? Number.POSITIVE_INFINITY : request.limit - begun;
    for (const send of first) {
      const verdict = checkAgain(send, known, inForce, expiresAt(send, request.expireHours), checkedAt);
      if (verdict.kind === "go") (going.length < room ? going : crowded).push(send);
      else if (verdict.kind === "withhold")
        changes.push(changed(send, { state: "withheld", reason: verdict.reason }, checkedAt));
      else
        changes.push(changed(send, { state: "waiting", reason: verdict.reason, not_before: verdict.until }, checkedAt));
    }
    const addresses = await env.addresses.of(going.map(({ user_id_hash }) => user_id_hash));
    const mails: Mail[] = [];
    for (const send of going) {
      const to = addresses.get(send.user_id_hash);
      if (to)
        mails.push({
          ...send,
          to,
          template: env.templateOf(send.campaign_id, send.variant) ?? null,
          unsubscribe_url: env.unsubscribeUrl(send),
        });
      else changes.push(changed(send, { state: "refused", reason: "no-address" }, checkedAt));
    }
    await outbox.write(changes);
    env.fault?.("outbox-checked");
    for (const { decision_id, entry } of changes) note(decision_id, entry);
    const done = new Map<string, Entry>();
    stop ??= await deliver(
      { ...env, pacer, fault: env.fault ?? (() => {}), onEntry: (id, entry) => done.set(id, entry) },
      receiver,
      mails,
      env.now() + checkHoldsMs,
    );
    begun += done.size;
    for (const [id, entry] of done) note(id, entry);
    if (outbox.queueLength() > 0) {
      await env.land();
      env.fault?.("outbox-landed");
    }
    return [...crowded, ...mails.filter(({ decision_id }) => !done.has(decision_id)), ...later];
  }

  const changed = (send: DecidedSend, more: Partial<Entry>, at: number): Change => ({
    decision_id: send.decision_id,
    entry: {
      ...(outbox.entry(send.decision_id) ?? newEntry(send, receiver.name, at)),
      to: receiver.name,
      at,
      not_before: null,
      ...more,
    },
  });

  async function read<T>(work: (warehouse: Pick<Warehouse, "query">) => Promise<T>): Promise<T> {
    const warehouse = await env.openWarehouse();
    try {
      return await work(warehouse);
    } finally {
      await warehouse.close();
    }
  }

  /** Tries again what is due, or waits for it. False where the receiver wants to be left alone for longer: then a later run asks it. */
  async function tryAgain(): Promise<boolean> {
    const due = [...latest].filter(([, { not_before }]) => (not_before ?? 0) <= env.now()).map(([id]) => id);
    if (due.length === 0) {
      const wait = Math.min(...[...latest.values()].map(({ not_before }) => not_before ?? 0)) - env.now();
      if (wait > limits.longestWait) return false;
      await env.sleep(wait);
      return true;
    }
    const ids = due.slice(0, env.pageRows);
    const sends = await read((warehouse) => sendsOf(warehouse, ids, env.signal));
    const there = new Set(sends.map(({ decision_id }) => decision_id));
    // Whose person was erased meanwhile is nobody's any more.
    for (const id of ids) if (!there.has(id)) latest.delete(id);
    await page(sends);
    return true;
  }

  if (outbox.queueLength() > 0) await env.land();
  await read((warehouse) =>
    recover(
      { outbox, limits, signal: env.signal, now: env.now, onEntry: (_, entry) => count(entry), again: request.again },
      receiver,
      warehouse,
    ),
  );
  if (outbox.queueLength() > 0) await env.land();

  const startedAt = env.now();
  let after: SendPlace | null = null;
  while (!isOver()) {
    const place: SendPlace | null = after;
    const sends: readonly DecidedSend[] = await read((warehouse) =>
      nextSends(
        warehouse,
        {
          campaigns: request.campaigns,
          from: readFrom(startedAt, request.expireHours),
          to: startedAt,
          after: place,
          rows: env.pageRows,
        },
        env.signal,
      ),
    );
    if (sends.length === 0) break;
    after = sends.at(-1)!;
    const open: DecidedSend[] = [];
    for (const send of sends) {
      const entry = outbox.entry(send.decision_id);
      if (!isOpen(entry, receiver.name)) earlier += 1;
      else if (!entry || (entry.not_before ?? 0) <= env.now()) open.push(send);
      else note(send.decision_id, entry);
    }
    await page(open);
    if (sends.length < env.pageRows) break;
    // So many wait for another attempt as a page holds: they come before the next page.
    while (!isOver() && latest.size >= env.pageRows && (await tryAgain()));
  }
  while (!isOver() && latest.size > 0 && (await tryAgain()));

  const waits = [...latest.values()].map(({ not_before }) => not_before ?? 0);
  return {
    to: receiver.name,
    state: stop
      ? "stopped"
      : env.signal.aborted
        ? "interrupted"
        : request.limit !== null && begun >= request.limit
          ? "limit-reached"
          : "done",
    stopped_by: stop ?? null,
    counts,
    by_reason: Object.fromEntries(Object.entries(byReason).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))),
    examples,
    earlier,
    next_at: waits.length === 0 ? null : new Date(Math.min(...waits)).toISOString(),
  };
}

/** The first mail to each person, by whichever of their ids, and the others. */
function onePerPerson(
  sends: readonly DecidedSend[],
  { people }: Known,
): { readonly now: readonly DecidedSend[]; readonly later: readonly DecidedSend[] } {
  const seen = new Set<string>();
  const now: DecidedSend[] = [];
  const later: DecidedSend[] = [];
  for (const send of sends) {
    const person = people.get(send.user_id_hash)?.person_id ?? send.user_id_hash;
    (seen.has(person) ? later : now).push(send);
    seen.add(person);
  }
  return { now, later };
}
