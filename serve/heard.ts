import consents from "../includes/consents.js";
import suppressions from "../includes/suppressions.js";
import type { Person } from "./person.ts";

/** That mail of some kinds may not be sent, and of whom it was said: the person, or the one address. */
export interface HeardSuppression {
  readonly kind: "suppression";
  readonly reason: string;
  readonly campaign_kinds: readonly string[];
  readonly is_of_person: boolean;
  readonly until: number | null;
  readonly received_at: number;
}

/** What the person said of mail by e-mail. */
export interface HeardConsent {
  readonly kind: "consent";
  readonly is_granted: boolean;
  /** A statement, which suppresses where it refuses; otherwise the flag of an event. */
  readonly is_stated: boolean;
  /** From when it holds. */
  readonly at: number;
  readonly until: number | null;
  readonly received_at: number;
}

/**
 * Something about whether an id may be mailed that was heard of since the features were worked out. It is what the next build will make
 * of it (governance.suppressions, governance.consent_states), but that nothing is taken back by it: who is let go is let go by a build.
 * Times are milliseconds since the epoch.
 */
export type Heard = HeardSuppression | HeardConsent;

const purpose = "activation";
const channel = "email";

/** Types of events that can say something of the kind; where a source's flags do, every type. */
export const heardTypes: readonly string[] | null = consents.flagsRefuse(purpose) ? null : suppressions.eventTypes;

const suppression = (
  reason: string,
  scope: string,
  scopeKey: string | null,
  receivedAt: number,
  until: number | null = null,
): HeardSuppression => ({
  kind: "suppression",
  reason,
  campaign_kinds: suppressions.kindsHeard(reason, scope, scopeKey),
  is_of_person: suppressions.isOfPerson(reason),
  until,
  received_at: receivedAt,
});

/** What an event says of it; a machine's unsubscribe counts like any other. */
export function heardInEvent(event: {
  readonly event_type: string;
  readonly provenance: string | null;
  readonly flag: boolean | null;
  readonly bounce_class: string | null;
  readonly method: string | null;
  readonly list_id: string | null;
  readonly feedback_type: string | null;
  readonly at: number;
  readonly received_at: number;
}): readonly Heard[] {
  const heard: Heard[] = [];
  const { event_type, received_at } = event;
  const reason = suppressions.reasonHeard(event_type, {
    bounceClass: event.bounce_class,
    method: event.method,
    feedbackType: event.feedback_type,
  });
  if (reason !== undefined) {
    const list = event_type === "unsubscribe" ? event.list_id : null;
    heard.push(suppression(reason, list === null ? "all" : "list", list, received_at));
  }
  if (consents.flagHeard(event.provenance, event.flag, purpose) === "refused")
    heard.push({ kind: "consent", is_granted: false, is_stated: false, at: event.at, until: null, received_at });
  return heard;
}

/** What a row of raw.consents says of it. */
export function heardInConsent(row: {
  readonly purpose: string | null;
  readonly channel: string | null;
  readonly is_granted: boolean | null;
  readonly legal_basis: string | null;
  readonly jurisdiction: string | null;
  readonly opt_in: string | null;
  readonly effective_at: number;
  readonly expires_at: number | null;
  readonly received_at: number;
}): readonly Heard[] {
  const said = consents.statementHeard(row, purpose, channel);
  return said ? [{ kind: "consent", is_stated: true, ...said, received_at: row.received_at }] : [];
}

/** What a row of raw.suppressions says of it: that one is lifted waits for the build. */
export function heardInSuppression(row: {
  readonly channel: string | null;
  readonly reason: string | null;
  readonly scope: string | null;
  readonly scope_key: string | null;
  readonly is_lifted: boolean | null;
  readonly until_at: number | null;
  readonly received_at: number;
}): readonly Heard[] {
  const said = row.channel?.toLowerCase() ?? null;
  if (row.is_lifted === true || (said !== null && consents.channels.includes(said) && said !== channel)) return [];
  const named = row.reason?.toLowerCase() ?? "";
  // What is not understood still suppresses, as staging.stg_raw__suppressions has it.
  const reason = suppressions.names.includes(named) ? named : "manual";
  const scope = row.scope?.toLowerCase() ?? "all";
  return [suppression(reason, row.scope_key === null ? "all" : scope, row.scope_key, row.received_at, row.until_at)];
}

/** That somebody asked to be forgotten. */
export const heardInErasure = (receivedAt: number): readonly Heard[] => [
  suppression("erasure", "all", null, receivedAt),
];

const isSame = (a: HeardSuppression, b: HeardSuppression): boolean =>
  a.reason === b.reason && a.until === b.until && a.campaign_kinds.join() === b.campaign_kinds.join();

/** One more, of which no more is kept than may decide: each suppression once, the last grant and the last refusal. */
export function withOneMore(heard: readonly Heard[], one: Heard): readonly Heard[] {
  const known = heard.find((other) =>
    one.kind === "suppression"
      ? other.kind === "suppression" && isSame(other, one)
      : other.kind === "consent" && other.is_granted === one.is_granted,
  );
  if (!known) return [...heard, one];
  const isNewer =
    one.kind === "consent" && known.kind === "consent" ? one.at > known.at : one.received_at > known.received_at;
  return isNewer ? heard.map((other) => (other === known ? one : other)) : heard;
}

/**
 * A person with what was heard of them since, by any of their ids. A refusal of before the features were worked out, heard of only now,
 * counts too: nobody is mailed because word of it came late.
 */
export function withHeard(person: Person, heardOf: (id: string) => readonly Heard[], now: number): Person {
  const own = heardOf(person.user_id_hash);
  const others = person.other_ids.flatMap((id) => heardOf(id));
  if (own.length + others.length === 0) return person;
  const more: Person["suppressions"][number][] = [...person.suppressions];
  const forbid = (reason: string, kinds: readonly string[]) => {
    for (const campaign_kind of kinds)
      if (!more.some((known) => known.reason === reason && known.campaign_kind === campaign_kind))
        more.push({ campaign_kind, reason });
  };
  let last: HeardConsent | undefined;
  for (const one of [...own, ...others.filter((heard) => heard.kind === "consent" || heard.is_of_person)]) {
    if (one.kind === "suppression") {
      if (one.until === null || one.until > now) forbid(one.reason, one.campaign_kinds);
    } else if (one.at <= now || !one.is_granted) {
      if (!last || one.at > last.at || (one.at === last.at && !one.is_granted)) last = one;
    }
  }
  if (last?.is_stated && !last.is_granted) forbid("refusal", suppressions.kindsHeard("refusal", "all", null));
  const isRefused = last && (!last.is_granted || (last.until !== null && last.until <= now));
  const isGranted = last?.is_granted === true && last.at >= person.as_of && !isRefused;
  return { ...person, suppressions: more, has_consent: isGranted || (person.has_consent && !isRefused) };
}
