import { randomBytes } from "node:crypto";
import { waitBefore } from "./answers.ts";
import type { Answer, BatchReceiver, DecidedSend, EachReceiver, Mail, Receiver } from "./mail.ts";
import type { Change, Entry, Outbox } from "./outbox.ts";
import type { Pacer } from "./pacer.ts";

/** How a receiver is treated. Times are milliseconds. */
export interface Limits {
  readonly concurrency: number;
  readonly attempts: number;
  readonly firstWait: number;
  readonly longestWait: number;
  readonly stopAfter: number;
  readonly sendsAgainInDoubt: boolean;
}

export interface DeliverEnv {
  readonly outbox: Outbox;
  readonly limits: Limits;
  readonly pacer: Pacer;
  readonly now: () => number;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly fault: (point: string) => void;
  readonly onEntry: (decisionId: string, entry: Entry) => void;
}

/** Why no more is handed over in this run. */
export interface Stop {
  readonly kind: "set-up" | "unavailable";
  readonly reason: string;
}

export const newEntry = ({ message_id }: Pick<DecidedSend, "message_id">, to: string, now: number): Entry => ({
  state: "pending",
  message_id,
  to,
  attempts: 0,
  at: now,
  reason: null,
  provider_id: null,
  not_before: null,
  is_maybe_taken: false,
  batch: null,
});

/** What an entry becomes by a receiver's answer. */
export function settled(
  entry: Entry,
  answer: Answer,
  receiver: Pick<Receiver, "isIdempotent">,
  limits: Limits,
  now: number,
  random: number,
): Entry {
  const end = (state: Entry["state"], more: Partial<Entry>): Entry => ({
    ...entry,
    state,
    at: now,
    not_before: null,
    reason: null,
    ...more,
  });
  switch (answer.kind) {
    case "accepted":
      return end("handed_over", { provider_id: answer.provider_id });
    case "refused":
      return end("refused", { reason: answer.reason });
    case "set-up":
      // It was no attempt of this mail.
      return end("pending", { reason: answer.reason, attempts: entry.attempts - 1 });
    case "in-doubt":
      if (!receiver.isIdempotent && !limits.sendsAgainInDoubt)
        return end("in_doubt", { reason: answer.reason, is_maybe_taken: true });
      break;
    case "not-now":
      break;
  }
  const is_maybe_taken = entry.is_maybe_taken || answer.kind === "in-doubt";
  if (entry.attempts >= limits.attempts) return end("dead", { reason: answer.reason, is_maybe_taken });
  const asked = answer.kind === "not-now" ? answer.retry_after_ms : null;
  const wait = waitBefore(entry.attempts, asked, { base: limits.firstWait, most: limits.longestWait }, random);
  return end("pending", { reason: answer.reason, is_maybe_taken, not_before: now + wait });
}

/** That a mail is out, as an event for the door. */
export const sentSignal = (
  send: DecidedSend,
  receiver: Pick<Receiver, "name" | "provider">,
  template: string | null,
  entry: Pick<Entry, "at" | "provider_id">,
): Readonly<Record<string, unknown>> => ({
  event_type: "sent",
  event_id: `handed-over-${send.decision_id}`,
  user_id_hash: send.user_id_hash,
  message_id: send.message_id,
  campaign_id: send.campaign_id,
  timestamp_utc: new Date(entry.at).toISOString(),
  provenance: `activation/${receiver.name}`,
  metadata: {
    source_system: `activation/${receiver.name}`,
    ...(receiver.provider === null ? {} : { provider: receiver.provider }),
    ...(entry.provider_id === null ? {} : { provider_message_id: entry.provider_id }),
    variant: send.variant,
    ...(template === null ? {} : { template_id: template }),
  },
});

const changeOf = (mail: Mail, entry: Entry, receiver: Receiver): Change => ({
  decision_id: mail.decision_id,
  entry,
  signal:
    entry.state === "handed_over" && receiver.countsAsSent
      ? sentSignal(mail, receiver, mail.template, entry)
      : undefined,
});

const claimed = (before: Entry | undefined, mail: Mail, to: string, now: number, batch: string | null): Entry => {
  const entry = before ?? newEntry(mail, to, now);
  return { ...entry, to, state: "sending", attempts: entry.attempts + 1, at: now, not_before: null, batch };
};

/** Hands mails over, each claimed on disk before its request and settled on disk after its answer. What was not begun by `until` is left for another check. */
export function deliver(
  env: DeliverEnv,
  receiver: Receiver,
  mails: readonly Mail[],
  until: number,
): Promise<Stop | undefined> {
  return receiver.takes === "each" ? deliverEach(env, receiver, mails, until) : deliverBatch(env, receiver, mails);
}

async function deliverEach(
  env: DeliverEnv,
  receiver: EachReceiver,
  mails: readonly Mail[],
  until: number,
): Promise<Stop | undefined> {
  const { outbox, limits, pacer } = env;
  let next = 0;
  let failed = 0;
  let stop: Stop | undefined;
  async function work(): Promise<void> {
    for (;;) {
      if (next >= mails.length || stop || env.signal.aborted) return;
      const mail = mails[next++]!;
      await pacer.turn();
      if (stop || env.signal.aborted || env.now() > until) return;
      const claim = claimed(outbox.entry(mail.decision_id), mail, receiver.name, env.now(), null);
      await outbox.write([{ decision_id: mail.decision_id, entry: claim }]);
      env.fault("outbox-claimed");
      const answer = await receiver.hand(mail);
      env.fault("outbox-answered");
      const entry = settled(claim, answer, receiver, limits, env.now(), env.random());
      await outbox.write([changeOf(mail, entry, receiver)]);
      env.fault("outbox-settled");
      env.onEntry(mail.decision_id, entry);
      if (answer.kind === "set-up") stop = { kind: "set-up", reason: answer.reason };
      else if (answer.kind === "not-now" || answer.kind === "in-doubt") {
        // Whoever says so speaks of all of them.
        if (answer.kind === "not-now" && answer.retry_after_ms !== null)
          pacer.hold(Math.min(answer.retry_after_ms, limits.longestWait));
        failed += 1;
        if (failed >= limits.stopAfter) stop = { kind: "unavailable", reason: answer.reason };
      } else failed = 0;
    }
  }
  const workers = Array.from({ length: Math.min(limits.concurrency, mails.length) }, () =>
    work().catch((error: unknown) => {
      // The others end what they have begun.
      stop ??= { kind: "set-up", reason: "error" };
      throw error;
    }),
  );
  for (const outcome of await Promise.allSettled(workers)) if (outcome.status === "rejected") throw outcome.reason;
  return stop;
}

async function deliverBatch(
  env: DeliverEnv,
  receiver: BatchReceiver,
  mails: readonly Mail[],
): Promise<Stop | undefined> {
  if (mails.length === 0 || env.signal.aborted) return undefined;
  const { outbox, limits } = env;
  const now = env.now();
  const batch = `mails-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, "")}-${randomBytes(4).toString("hex")}`;
  const claims = mails.map((mail) => claimed(outbox.entry(mail.decision_id), mail, receiver.name, now, batch));
  await outbox.write(mails.map((mail, i) => ({ decision_id: mail.decision_id, entry: claims[i]! })));
  env.fault("outbox-claimed");
  const answer = await receiver.handAll(batch, mails);
  env.fault("outbox-answered");
  const at = env.now();
  const random = env.random();
  const entries = claims.map((claim) => settled(claim, answer, receiver, limits, at, random));
  await outbox.write(mails.map((mail, i) => changeOf(mail, entries[i]!, receiver)));
  env.fault("outbox-settled");
  for (const [i, mail] of mails.entries()) env.onEntry(mail.decision_id, entries[i]!);
  if (answer.kind === "set-up") return { kind: "set-up", reason: answer.reason };
  return answer.kind === "accepted" ? undefined : { kind: "unavailable", reason: answer.reason };
}
