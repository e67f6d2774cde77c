import { checkAgain, readKnown } from "./check-again.ts";
import { expiresAt, type HandOverEnv, type HandOverRequest, isOpen, readFrom, refuseUnusable } from "./hand-over.ts";
import type { DecidedSend, Mail } from "./mail.ts";
import type { Outbox } from "./outbox.ts";
import { nextSends, type SendPlace } from "./read-sends.ts";

export interface Rehearsal {
  readonly to: string;
  readonly state: "dry-run";
  /** go, withhold or wait. */
  readonly counts: Readonly<Record<string, number>>;
  readonly by_reason: Readonly<Record<string, number>>;
  readonly earlier: number;
  /** The first request, with the addressee left out; null where nothing would go out. */
  readonly request: unknown;
}

/** What stands where an addressee would: nobody's address is looked up for a rehearsal. */
export const redacted: Mail["to"] = { address: "address-left-out@example.invalid", name: "name left out" };

/** What a run would do now, by reason, and its first request. Nothing is looked up, written or sent. Caps do not count mails of the run itself. */
export async function rehearseHandOver(
  env: Pick<
    HandOverEnv,
    | "openWarehouse"
    | "receiver"
    | "templateOf"
    | "policies"
    | "key"
    | "pauses"
    | "unsubscribeUrl"
    | "pageRows"
    | "now"
    | "signal"
  > & { readonly outbox: Pick<Outbox, "entry"> | null },
  request: Pick<HandOverRequest, "campaigns" | "expireHours" | "limit">,
): Promise<Rehearsal> {
  const now = env.now();
  const counts: Record<string, number> = {};
  const byReason: Record<string, number> = {};
  const count = (into: Record<string, number>, key: string) => {
    into[key] = (into[key] ?? 0) + 1;
  };
  const inForce = { policies: env.policies, pauses: await env.pauses(), key: env.key };
  let earlier = 0;
  let first: DecidedSend | undefined;
  const warehouse = await env.openWarehouse();
  try {
    for (let after: SendPlace | null = null; ; ) {
      const place: SendPlace | null = after;
      const sends: readonly DecidedSend[] = await nextSends(
        warehouse,
        {
          campaigns: request.campaigns,
          from: readFrom(now, request.expireHours),
          to: now,
          after: place,
          rows: env.pageRows,
        },
        env.signal,
      );
      const open = sends.filter(({ decision_id }) => isOpen(env.outbox?.entry(decision_id), env.receiver.name));
      earlier += sends.length - open.length;
      refuseUnusable(open, env);
      const known = await readKnown(warehouse, open, [...env.policies.values()], now, env.signal);
      for (const send of open) {
        const verdict = checkAgain(send, known, inForce, expiresAt(send, request.expireHours), now);
        count(counts, verdict.kind);
        if (verdict.kind === "go") first ??= send;
        else count(byReason, `${verdict.kind}: ${verdict.reason}`);
      }
      if (sends.length < env.pageRows) break;
      after = sends.at(-1)!;
    }
  } finally {
    await warehouse.close();
  }
  return {
    to: env.receiver.name,
    state: "dry-run",
    counts,
    by_reason: byReason,
    earlier,
    request: first
      ? env.receiver.render({
          ...first,
          to: redacted,
          template: env.templateOf(first.campaign_id, first.variant) ?? null,
          unsubscribe_url: env.unsubscribeUrl(first) === null ? null : "https://link-left-out.example.invalid/",
        })
      : null,
  };
}
