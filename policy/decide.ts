import type { AssignedModel, Customer, Decision, DecisionRequest, PolicyInForce, Step } from "./decision.ts";
import { type Passed, passGates } from "./gates.ts";
import { derivedId } from "./keyed-point.ts";
import { type Choice, climbDown, featureState } from "./ladder.ts";
import { nextAtHour } from "./local-time.ts";

/**
 * What to send to one person, when, or that nothing is sent: pause, consent, suppression, eligibility, jurisdiction, caps and quiet
 * hours, hold-out, model or ladder, exploration, send time, in this order. Each step leaves what it saw. The service, the batch, the
 * evaluation and the simulator call this one function; it reads no clock and draws nothing but from `inForce.key`.
 *
 * `now` is in milliseconds since the epoch. Whoever writes the decision down counts its send (`countSend`) before the next one is made.
 */
export function decide(
  request: DecisionRequest,
  customer: Customer,
  inForce: PolicyInForce,
  model: AssignedModel,
  now: number,
): Decision {
  const gates = passGates(request, customer, inForce, now);
  if (gates.kind === "stopped") {
    const last = gates.steps.at(-1)!;
    return finished(request, customer, inForce, model, now, {
      ...stoppedChoice,
      steps: gates.steps,
      reason: last.code,
      isHoldOut: gates.isHoldOut,
      sendAt: null,
    });
  }
  const choice = climbDown(request, customer, inForce, model, gates, now);
  const chosen = choice.steps.filter(({ step }) => step === "model").at(-1)!;
  if (choice.variant === null)
    return finished(request, customer, inForce, model, now, {
      ...choice,
      steps: [...gates.steps, ...choice.steps],
      reason: chosen.code,
      isHoldOut: false,
      sendAt: null,
    });
  const { step, sendAt } = sendTime(request, customer, inForce, gates, now);
  return finished(request, customer, inForce, model, now, {
    ...choice,
    steps: [...gates.steps, ...choice.steps, step],
    reason: chosen.code,
    isHoldOut: false,
    sendAt,
  });
}

const stoppedChoice = {
  rung: "suppress" as const,
  variant: null,
  candidates: [{ variant: "suppress", value: null, probabilities: null, propensity: 1 }],
  propensity: 1,
  isExploration: false,
};

function sendTime(
  request: DecisionRequest,
  customer: Customer,
  { policy }: PolicyInForce,
  { earliest, latest, timeZone }: Passed,
  now: number,
): { readonly step: Step; readonly sendAt: number } {
  const saw = { time_zone: timeZone, earliest: new Date(earliest).toISOString() };
  const { mode, input, default_hour } = policy.send_time;
  if (mode === "now")
    return { step: { step: "send_time", code: earliest > now ? "after-quiet-hours" : "now", saw }, sendAt: earliest };
  const isFresh = featureState(customer, policy, now)?.status === "present";
  const known = request.context[input] ?? (isFresh ? customer.features?.values[input] : undefined);
  const own = typeof known === "number" && Number.isInteger(known) && known >= 0 && known <= 23 ? known : undefined;
  const hour = own ?? default_hour;
  // What people do is counted in UTC, which needs nobody's time zone; what a sender states is meant on the person's clock.
  const at = nextAtHour(
    { hour, of: own === undefined ? timeZone : "UTC" },
    timeZone,
    earliest,
    latest,
    policy.quiet_hours,
  );
  // An hour that does not come in time is no reason to send nothing: the first allowed instant is.
  const code = at === undefined ? "hour-out-of-reach" : own === undefined ? "default-hour" : "best-hour";
  return { step: { step: "send_time", code, saw: { ...saw, hour } }, sendAt: at ?? earliest };
}

interface Finish extends Choice {
  readonly reason: string;
  readonly isHoldOut: boolean;
  readonly sendAt: number | null;
}

function finished(
  request: DecisionRequest,
  customer: Customer,
  { policy, digest }: PolicyInForce,
  model: AssignedModel,
  now: number,
  made: Finish,
): Decision {
  const decisionId = derivedId("d-", request.request_id, request.person_id, request.campaign_id);
  // Arms are compared, so they hold only people who passed what may forbid a mail.
  const hasPassed =
    made.isHoldOut || made.steps.at(-1)?.step === "exploration" || made.steps.at(-1)?.step === "send_time";
  const assigned = model.kind === "model" && hasPassed && !made.isHoldOut ? model : null;
  const offer = policy.variants.find(({ name }) => name === made.variant)?.offer ?? null;
  return {
    decision_id: decisionId,
    request_id: request.request_id,
    person_id: request.person_id,
    campaign_id: request.campaign_id,
    decided_at: now,
    action: made.variant === null ? "suppress" : "send",
    variant: made.variant,
    offer,
    send_at: made.sendAt,
    message_id: made.variant === null ? null : `m${decisionId.slice(1)}`,
    rung: made.rung,
    reason: made.reason,
    candidates: made.candidates,
    propensity: made.propensity,
    is_exploration: made.isExploration,
    is_hold_out: made.isHoldOut,
    arm: made.isHoldOut ? "hold-out" : hasPassed ? (assigned?.arm ?? "rules") : null,
    arm_propensity: assigned?.arm_propensity ?? 1,
    release_id: assigned?.release_id ?? null,
    canary_share: assigned?.canary_share ?? null,
    model: assigned && { version: assigned.version, digest: assigned.digest },
    policy: { name: policy.name, digest },
    features: featureState(customer, policy, now),
    steps: made.steps,
  };
}
