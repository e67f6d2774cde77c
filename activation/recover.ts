import type { Warehouse } from "../warehouse/warehouse.ts";
import { type Limits, sentSignal } from "./deliver.ts";
import type { DecidedSend, Receiver } from "./mail.ts";
import type { Change, Entry, Listed, Outbox } from "./outbox.ts";
import { heardOf, sendsOf } from "./read-sends.ts";

const blockRows = 1_000;

/**
 * Looks at what an earlier run left open. A request that was under way when it died is made again where the receiver takes a key once, and is in
 * doubt otherwise. A file that arrived is handed over. A mail in doubt that an event has named since is handed over too. With `again`, refused,
 * dead and doubtful mails are pending anew.
 */
export async function recover(
  env: {
    readonly outbox: Outbox;
    readonly limits: Limits;
    readonly signal: AbortSignal;
    readonly now: () => number;
    readonly onEntry: (decisionId: string, entry: Entry) => void;
    readonly again: boolean;
  },
  receiver: Receiver,
  warehouse: Pick<Warehouse, "query">,
): Promise<void> {
  const { outbox, limits } = env;
  const now = env.now();

  for (const block of blocksOf(outbox, "sending", receiver.name)) {
    const arrived = new Map<string, boolean>();
    if (receiver.takes === "batch")
      for (const batch of new Set(block.map(({ entry }) => entry.batch)))
        if (batch !== null) arrived.set(batch, await receiver.isThere(batch));
    const isOut = ({ batch }: Entry) => batch !== null && arrived.get(batch) === true;
    const out = block.filter(({ entry }) => isOut(entry));
    const sends = receiver.countsAsSent ? await sendsById(warehouse, out, env.signal) : new Map<string, DecidedSend>();
    await outbox.write(
      block.map(({ decision_id, entry }): Change => {
        if (isOut(entry)) {
          const done: Entry = { ...entry, state: "handed_over", reason: null };
          env.onEntry(decision_id, done);
          const send = sends.get(decision_id);
          return {
            decision_id,
            entry: done,
            signal: send && receiver.countsAsSent ? sentSignal(send, receiver, null, done) : undefined,
          };
        }
        const mayGoAgain = receiver.isIdempotent || limits.sendsAgainInDoubt;
        const spent = entry.attempts >= limits.attempts;
        return {
          decision_id,
          entry: mayGoAgain
            ? {
                ...entry,
                state: spent ? "dead" : "pending",
                at: now,
                reason: "interrupted",
                not_before: null,
                is_maybe_taken: true,
              }
            : { ...entry, state: "in_doubt", at: now, reason: "interrupted", is_maybe_taken: true },
        };
      }),
    );
  }

  for (const block of blocksOf(outbox, "in_doubt", receiver.name)) {
    const heard = await heardOf(
      warehouse,
      block.map(({ decision_id }) => decision_id),
      env.signal,
    );
    const changes = block.flatMap(({ decision_id, entry }): Change[] =>
      heard.has(decision_id) ? [{ decision_id, entry: { ...entry, state: "handed_over", reason: "heard-of" } }] : [],
    );
    for (const { decision_id, entry } of changes) env.onEntry(decision_id, entry);
    await outbox.write(changes);
  }

  if (!env.again) return;
  for (const state of ["dead", "refused", "in_doubt"] as const)
    for (const block of blocksOf(outbox, state, receiver.name))
      await outbox.write(
        block.map(({ decision_id, entry }) => ({
          decision_id,
          entry: { ...entry, state: "pending", attempts: 0, at: now, not_before: null },
        })),
      );
}

/** This receiver's entries in a state, in blocks, each read before any of it changes. */
function* blocksOf(outbox: Outbox, state: Entry["state"], to: string): Iterable<readonly Listed[]> {
  for (let after = ""; ; ) {
    const block = outbox.inState(state, after, blockRows);
    if (block.length === 0) return;
    after = block.at(-1)!.decision_id;
    yield block.filter(({ entry }) => entry.to === to);
  }
}

async function sendsById(
  warehouse: Pick<Warehouse, "query">,
  block: readonly Listed[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, DecidedSend>> {
  const sends = await sendsOf(
    warehouse,
    block.map(({ decision_id }) => decision_id),
    signal,
  );
  return new Map(sends.map((send) => [send.decision_id, send]));
}
