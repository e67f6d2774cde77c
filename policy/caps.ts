import type { PastSend } from "./decision.ts";
import type { Policy } from "./schema.ts";

const dayMs = 86_400_000;
const hourMs = 3_600_000;

export interface CapReached {
  readonly code: "cap-per-person" | "cap-global" | "gap";
  readonly saw: Readonly<Record<string, unknown>>;
}

/**
 * The first cap that a send at any instant of [earliest, latest] could break. Periods roll: no window of a cap's length
 * ever holds more sends than it allows, whatever the order in which they were decided.
 */
export function personCapReached(
  policy: Policy,
  sends: readonly PastSend[],
  earliest: number,
  latest: number,
): CapReached | undefined {
  for (const { sends: limit, days, kind } of policy.caps.per_person) {
    if (kind !== "any" && kind !== policy.kind) continue;
    const period = days * dayMs;
    let counted = 0;
    for (const send of sends)
      if ((kind === "any" || send.kind === kind) && send.at > earliest - period && send.at < latest + period)
        counted += 1;
    if (counted >= limit) return { code: "cap-per-person", saw: { sends: counted, limit, days, kind } };
  }
  const gap = policy.caps.gap_hours * hourMs;
  if (gap === 0) return undefined;
  const near = sends.find((send) => send.at > earliest - gap && send.at < latest + gap);
  return near && { code: "gap", saw: { sent_at: new Date(near.at).toISOString(), gap_hours: policy.caps.gap_hours } };
}

/** The names under which a policy's sends are counted for its global caps: `day:2026-11-29`. */
export const periodsOf = (at: number): Readonly<Record<"hour" | "day" | "month", string>> => {
  const text = new Date(at).toISOString();
  return { hour: `hour:${text.slice(0, 13)}`, day: `day:${text.slice(0, 10)}`, month: `month:${text.slice(0, 7)}` };
};

/** The first global cap that is used up in the period of `at`, by when it is decided. */
export function globalCapReached(
  policy: Policy,
  sent: Readonly<Record<string, number>>,
  at: number,
): CapReached | undefined {
  const periods = periodsOf(at);
  for (const { sends: limit, per } of policy.caps.global) {
    const counted = sent[periods[per]] ?? 0;
    if (counted >= limit) return { code: "cap-global", saw: { sends: counted, limit, per } };
  }
  return undefined;
}

/** The longest period, in milliseconds, that a policy's caps look back over. */
export const longestPeriod = (policies: readonly Policy[]): number =>
  Math.max(
    0,
    ...policies.flatMap(({ caps }) => [caps.gap_hours * hourMs, ...caps.per_person.map(({ days }) => days * dayMs)]),
  );
