import { globalCapReached, personCapReached } from "./caps.ts";
import type { Customer, DecisionRequest, PolicyInForce, Step } from "./decision.ts";
import { keyedPoint } from "./keyed-point.ts";
import { endOfQuiet } from "./local-time.ts";
import type { Policy } from "./schema.ts";

const hourMs = 3_600_000;
/** Clocks of two machines may differ so much before what one of them says is not relied on. */
export const clockToleranceMs = 5 * 60_000;

/** What the steps before the ladder leave to it. */
export interface Passed {
  readonly kind: "passed";
  readonly steps: readonly Step[];
  /** The strictest of the jurisdictions that the person is under. */
  readonly personalisation: "all" | "not_sensitive" | "none";
  readonly timeZone: string;
  /** A send lies between these, milliseconds since the epoch. */
  readonly earliest: number;
  readonly latest: number;
}

export interface Stopped {
  readonly kind: "stopped";
  readonly steps: readonly Step[];
  readonly isHoldOut: boolean;
}

const iso = (at: number): string => new Date(at).toISOString();

/** The steps that ask whether a person may be sent anything: pause to hold-out, in their order. The first that says no ends it. */
export function passGates(
  request: DecisionRequest,
  customer: Customer,
  inForce: PolicyInForce,
  now: number,
): Passed | Stopped {
  const { policy } = inForce;
  const steps: Step[] = [];
  const stop = (step: Step, isHoldOut = false): Stopped => ({ kind: "stopped", steps: [...steps, step], isHoldOut });

  const pause = inForce.pauses.find(({ scope }) => covers(scope, policy, request.campaign_id));
  if (pause) return stop({ step: "pause", code: "paused", saw: pause });
  steps.push({ step: "pause", code: "not-paused", saw: inForce.pauses.length });

  const consent = consentStep(customer, policy, now);
  if (consent.code !== "granted" && consent.code !== "not-required") return stop(consent);
  steps.push(consent);

  const { suppressions } = customer;
  if (suppressions === null) return stop({ step: "suppression", code: "suppressions-unknown", saw: null });
  if (suppressions.length > 0) return stop({ step: "suppression", code: "suppressed", saw: suppressions });
  steps.push({ step: "suppression", code: "not-suppressed", saw: [] });

  const eligibility = eligibilityStep(customer, policy, now);
  if (eligibility.code !== "eligible") return stop(eligibility);
  steps.push(eligibility);

  const under = policy.jurisdictions.filter(({ regions }) => isIn(customer.region, regions));
  const seen = { region: customer.region, jurisdictions: under.map(({ name }) => name) };
  if (under.some(({ forbids }) => forbids.includes(policy.kind)))
    return stop({ step: "jurisdiction", code: "forbidden-there", saw: seen });
  const levels = under.map((one) => one.personalisation);
  const personalisation = levels.includes("none") ? "none" : levels.includes("not_sensitive") ? "not_sensitive" : "all";
  steps.push({ step: "jurisdiction", code: `personalisation-${personalisation}`, saw: seen });

  const timeZone = zoneOf(customer, policy);
  const latest = now + policy.send_time.max_delay_hours * hourMs;
  const earliest = policy.quiet_hours ? endOfQuiet(policy.quiet_hours, timeZone, now) : now;
  if (earliest > latest)
    return stop({
      step: "caps",
      code: "quiet-hours",
      saw: { time_zone: timeZone, until: iso(earliest), max_delay_hours: policy.send_time.max_delay_hours },
    });
  if (customer.sends === null || inForce.sent === null)
    return stop({ step: "caps", code: "counts-unknown", saw: null });
  const reached =
    personCapReached(policy, customer.sends, earliest, latest) ?? globalCapReached(policy, inForce.sent, now);
  if (reached) return stop({ step: "caps", ...reached });
  steps.push({
    step: "caps",
    code: earliest > now ? "after-quiet-hours" : "within-caps",
    saw: { sends: customer.sends.length, earliest: iso(earliest), time_zone: timeZone },
  });

  const holdOut = holdOutOf(customer.drawn_as, inForce);
  if (holdOut.code !== "not-held-out") return stop(holdOut, true);
  steps.push(holdOut);
  return { kind: "passed", steps, personalisation, timeZone, earliest, latest };
}

function covers(scope: string, policy: Policy, campaignId: string): boolean {
  return (
    scope === "all" ||
    scope === `campaign:${policy.name}` ||
    scope === `campaign:${campaignId}` ||
    scope === `kind:${policy.kind}` ||
    scope === `channel:${policy.channel}`
  );
}

/** How old something is, in hours; undefined when it is from the future, or not a time: then it is not relied on. */
function ageHours(asOf: number, now: number): number | undefined {
  const age = now - asOf;
  return age < -clockToleranceMs || Number.isNaN(age) ? undefined : Math.max(0, age) / hourMs;
}

function consentStep(customer: Customer, policy: Policy, now: number): Step {
  if (!policy.consent.is_required) return { step: "consent", code: "not-required", saw: policy.kind };
  const { consent } = customer;
  if (consent === null) return { step: "consent", code: "consent-unknown", saw: null };
  const saw = { purpose: policy.consent.purpose, is_granted: consent.is_granted, as_of: isoOrNull(consent.as_of) };
  if (!consent.is_granted) return { step: "consent", code: "refused", saw };
  const age = ageHours(consent.as_of, now);
  if (age === undefined) return { step: "consent", code: "clock-skew", saw };
  return { step: "consent", code: age > policy.governance_max_age_hours ? "consent-stale" : "granted", saw };
}

function eligibilityStep(customer: Customer, policy: Policy, now: number): Step {
  const { eligibility, identity } = customer;
  if (identity === "unknown") return { step: "eligibility", code: "unknown-person", saw: identity };
  if (eligibility === null) return { step: "eligibility", code: "eligibility-unknown", saw: null };
  const saw = {
    reasons: eligibility.reasons,
    as_of: isoOrNull(eligibility.as_of),
    kind: policy.kind,
    channel: policy.channel,
  };
  if (!eligibility.is_eligible) return { step: "eligibility", code: "not-eligible", saw };
  const age = ageHours(eligibility.as_of, now);
  if (age === undefined) return { step: "eligibility", code: "clock-skew", saw };
  if (age > policy.governance_max_age_hours) return { step: "eligibility", code: "eligibility-stale", saw };
  const { segment } = policy.audience;
  if (segment === null) return { step: "eligibility", code: "eligible", saw };
  const { segments } = customer;
  if (segments === null) return { step: "eligibility", code: "audience-unknown", saw: segment };
  return {
    step: "eligibility",
    code: segments.includes(segment) ? "eligible" : "not-in-audience",
    saw: { ...saw, segment },
  };
}

const isoOrNull = (at: number): string | null => (Number.isFinite(at) ? iso(at) : null);

/** A region is in a list by itself or by what it is part of: `de-by` is in `de`. Nobody's region is in every list. */
function isIn(region: string | null, regions: readonly string[]): boolean {
  if (region === null || region === "" || region === "unknown") return true;
  const own = region.toLowerCase();
  return regions.some((one) => own === one.toLowerCase() || own.startsWith(`${one.toLowerCase()}-`));
}

function zoneOf(customer: Customer, policy: Policy): string {
  if (customer.time_zone !== null && isZone(customer.time_zone)) return customer.time_zone;
  return (customer.region !== null && policy.time_zones[customer.region]) || policy.time_zone;
}

const zones = new Map<string, boolean>();
function isZone(name: string): boolean {
  let known = zones.get(name);
  if (known === undefined) {
    try {
      new Intl.DateTimeFormat("en", { timeZone: name });
      known = true;
    } catch {
      known = false;
    }
    if (zones.size < 1000) zones.set(name, known);
  }
  return known;
}

/** Drawn from the person alone: the same people for every campaign (global), or for every version of one policy. */
function holdOutOf(person: string, { policy, key }: PolicyInForce): Step {
  const { global, campaign } = policy.hold_out;
  if (global > 0 && keyedPoint(key, "hold-out", person) < global)
    return { step: "hold_out", code: "held-out", saw: { of: "all", global, campaign } };
  if (campaign > 0 && keyedPoint(key, `hold-out\0${policy.name}`, person) < campaign)
    return { step: "hold_out", code: "held-out", saw: { of: "policy", global, campaign } };
  return { step: "hold_out", code: "not-held-out", saw: { global, campaign } };
}
