import type { Question } from "../../policy/assigned-model.ts";
import { countSend } from "../../policy/count-send.ts";
import { decide } from "../../policy/decide.ts";
import type {
  AssignedModel,
  Customer,
  Decision,
  DecisionRequest,
  InputValue,
  PolicyInForce,
  Scores,
} from "../../policy/decision.ts";
import { passGates } from "../../policy/gates.ts";
import { derivedId } from "../../policy/keyed-point.ts";
import type { LoadedPolicy } from "../../policy/load-policy.ts";
import { shadowOf } from "../decide-together.ts";
import { type DecisionRow, decisionRow } from "../decision-row.ts";
import type { Heard } from "../heard.ts";
import type { OnlineStore, StoredSend } from "../online/store.ts";
import { personNow, type StoredPerson } from "../online/stored-person.ts";
import { type CampaignInputs, contextOf, customerOf, stranger } from "../person.ts";
import type { InForce } from "../release-watch.ts";
import type { ServiceMetrics } from "./metrics.ts";

/** A question to the service. */
export interface Asked {
  readonly request_id: string;
  /** Hashed already. */
  readonly person_id: string;
  readonly campaign_id: string;
  readonly policy: string;
  readonly context: Readonly<Record<string, InputValue>>;
  readonly trigger?:
    | { readonly event_id: string; readonly happened_at: string; readonly received_at: string }
    | undefined;
}

export interface Answered {
  readonly decision: DecisionRow;
  /** It had been decided before. */
  readonly is_repeated: boolean;
  readonly hops: Readonly<Record<string, number>>;
}

export interface DecisionEnv {
  readonly store: OnlineStore;
  readonly policies: () => ReadonlyMap<string, LoadedPolicy>;
  readonly inForce: () => InForce;
  readonly key: Uint8Array;
  /** What is known of a campaign. */
  readonly campaign: (campaignId: string, policy: LoadedPolicy) => CampaignInputs;
  /** Scores of one version; it may take its time, and is not waited for longer than the policy's budget. */
  readonly score: (version: string, question: Question, signal: AbortSignal) => Scores | Promise<Scores>;
  readonly metrics: ServiceMetrics;
  readonly now: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly ticks: () => number;
}

/** Why a question has no decision at all. */
export type Refusal = { readonly kind: "refused"; readonly error: "unknown-policy" | "not-durable" };

/**
 * One decision: read, score, then decide and write it down in one transaction, in which what counts (caps, the same request before) is
 * read again. So two calls for one person at a time have what one after the other would have, and one request has one decision.
 */
export async function decideOne(env: DecisionEnv, asked: Asked): Promise<Answered | Refusal> {
  const { store, metrics } = env;
  const loaded = env.policies().get(asked.policy);
  if (!loaded) {
    metrics.failed("policy-unknown");
    return { kind: "refused", error: "unknown-policy" };
  }
  const began = env.ticks();
  const hops: Record<string, number> = {};
  const hop = (name: string, since: number): number => {
    const now = env.ticks();
    hops[name] = Math.round((now - since) * 1000) / 1000;
    metrics.hop(name, (now - since) / 1000);
    return now;
  };
  const id = derivedId("d-", asked.request_id, asked.person_id, asked.campaign_id);
  const campaign = env.campaign(asked.campaign_id, loaded);
  const request: DecisionRequest = {
    request_id: asked.request_id,
    person_id: asked.person_id,
    campaign_id: asked.campaign_id,
    context: { ...contextOf(campaign), ...asked.context },
  };
  const now = env.now();
  const { models, pauses } = env.inForce();
  const { policy, digest } = loaded;
  const forceWith = (sent: PolicyInForce["sent"]): PolicyInForce => ({ policy, digest, key: env.key, pauses, sent });

  let seen: Seen;
  try {
    const known = store.decision(id);
    if (known) return { decision: known, is_repeated: true, hops };
    seen = lookUp(store, asked.person_id);
  } catch {
    // Without the store nothing is known of anybody, and what is decided could not be kept.
    metrics.failed("store-down");
    return { kind: "refused", error: "not-durable" };
  }
  const customer = customerOfSeen(seen, asked.person_id, campaign, now);
  const read = hop("features", began);
  const assigned = models.assign(customer.drawn_as);
  const model = await scoredModel(env, assigned, request, customer, forceWith({}), now);
  const scored = hop("scoring", read);

  const decideFor = (who: Customer, sent: PolicyInForce["sent"]): Made => {
    const force = forceWith(sent);
    const decision = decide(request, who, force, model, now);
    const shadow = shadowOf(request, who, force, models, now);
    const row = decisionRow(decision, { campaign_kind: loaded.policy.kind, hops, shadow, trigger: asked.trigger });
    return { decision, row, text: JSON.stringify(row) };
  };
  let made: { readonly row: DecisionRow; readonly decision: Decision | undefined };
  try {
    // What is the same in the transaction is decided before it, where nobody waits. What all have been sent never is.
    const early = loaded.policy.caps.global.length === 0 ? decideFor(customer, {}) : undefined;
    made = await store.transact((tx) => {
      const before = tx.decision(id);
      if (before) return { row: before, decision: undefined };
      const again = lookUp(tx, asked.person_id);
      const isSame = isSameSeen(seen, again);
      const { decision, row, text } =
        early && isSame
          ? early
          : decideFor(
              isSame ? customer : customerOfSeen(again, asked.person_id, campaign, now),
              tx.sent(loaded.policy.name),
            );
      if (decision.action === "send") {
        tx.addSend(asked.person_id, {
          at: decision.send_at!,
          decided_at: decision.decided_at,
          kind: loaded.policy.kind,
          campaign_id: asked.campaign_id,
        });
        const { inForce } = countSend(decision, customer, forceWith(tx.sent(loaded.policy.name)));
        tx.putSent(loaded.policy.name, currentPeriods(inForce.sent, now));
      }
      tx.putDecision(row, text);
      return { row, decision };
    });
  } catch {
    metrics.failed("store-down");
    return { kind: "refused", error: "not-durable" };
  }
  hop("write", scored);
  hop("total", began);
  if (made.decision) countOutcome(env, made.decision, loaded);
  return { decision: made.row, is_repeated: made.decision === undefined, hops };
}

interface Made {
  readonly decision: Decision;
  readonly row: DecisionRow;
  readonly text: string;
}

/** What the store holds of a person; lists are by id, the person's own first. */
interface Seen {
  readonly stored: StoredPerson | undefined;
  readonly heard: readonly (readonly Heard[])[];
  readonly sends: readonly (readonly StoredSend[])[];
}

function lookUp(store: Pick<OnlineStore, "person" | "heard" | "sends">, personId: string): Seen {
  const stored = store.person(personId);
  if (!stored) return { stored, heard: [], sends: [] };
  const ids = [personId, ...stored.base.other_ids];
  return { stored, heard: ids.map((id) => store.heard(id)), sends: ids.map((id) => store.sends(id)) };
}

/** Whether nothing has changed: the store gives the same object for what is the same. */
const isSameSeen = (a: Seen, b: Seen): boolean =>
  a.stored === b.stored &&
  a.heard.every((list, i) => list === b.heard[i]) &&
  a.sends.every((list, i) => list === b.sends[i]);

function customerOfSeen(seen: Seen, personId: string, campaign: CampaignInputs, now: number): Customer {
  const { stored, heard } = seen;
  if (!stored) return stranger(personId);
  const ids = [personId, ...stored.base.other_ids];
  const customer = customerOf(
    personNow(stored, now, (id) => heard[ids.indexOf(id)] ?? []),
    campaign,
  );
  // A mail to one id of a person counts for the others. What was decided before the features' instant is among theirs, as sent or under way.
  const since = seen.sends.flat().filter(({ at, decided_at }) => (decided_at ?? at) >= stored.base.as_of);
  return since.length === 0 ? customer : { ...customer, sends: [...(customer.sends ?? []), ...since] };
}

/** The model with its scores at hand, so that none is asked inside the transaction. */
async function scoredModel(
  env: DecisionEnv,
  assigned: AssignedModel,
  request: DecisionRequest,
  customer: Customer,
  force: PolicyInForce,
  now: number,
): Promise<AssignedModel> {
  if (assigned.kind === "none") {
    if (force.policy.ladder.includes("model")) env.metrics.failed("model-missing");
    return assigned;
  }
  const gates = passGates(request, customer, force, now);
  if (gates.kind === "stopped" || customer.features === null || !force.policy.ladder.includes("model")) return assigned;
  const question = { inputs: { ...customer.features.values, ...request.context }, at: gates.earliest };
  const scores = await withinBudget(env, assigned.version, question, force.policy.latency.scoring_ms);
  return { ...assigned, score: () => scores };
}

async function withinBudget(env: DecisionEnv, version: string, question: Question, budgetMs: number): Promise<Scores> {
  const ended = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    const asked = env.score(version, question, ended.signal);
    if (!(asked instanceof Promise)) return asked;
    const late = new Promise<Scores>((resolve) => {
      timer = setTimeout(() => {
        env.metrics.failed("scoring-timeout");
        ended.abort();
        resolve({ kind: "failed", reason: "timeout" });
      }, budgetMs);
    });
    return await Promise.race([asked, late]);
  } catch (error) {
    env.metrics.failed("scoring-error");
    return { kind: "failed", reason: (error as Error).name };
  } finally {
    clearTimeout(timer);
  }
}

/** Counts of periods that are over are of no more use. */
function currentPeriods(sent: PolicyInForce["sent"], now: number): Readonly<Record<string, number>> {
  const today = new Date(now).toISOString();
  return Object.fromEntries(
    Object.entries(sent ?? {}).filter(([period]) => today.startsWith(period.slice(period.indexOf(":") + 1))),
  );
}

/** The codes of steps that tell of a failure, by the name that the table of failures has for it. */
export const failureOf: Readonly<Record<string, string>> = {
  "unknown-person": "person-unknown",
  "consent-unknown": "person-unknown",
  "identity-conflict": "identity-conflict",
  "features-missing": "features-missing",
  "features-stale": "features-stale",
  "features-version": "features-version",
  "inputs-missing": "features-missing",
  "consent-stale": "governance-stale",
  "eligibility-stale": "governance-stale",
  "clock-skew": "clock-skew",
};

function countOutcome(env: DecisionEnv, decision: Decision, { policy }: LoadedPolicy): void {
  const isFallback = decision.arm !== null && !decision.is_hold_out && decision.rung !== policy.ladder[0];
  env.metrics.decided(decision.rung, decision.reason, policy.name, isFallback);
  for (const code of new Set(decision.steps.map(({ code }) => code))) {
    const failure = failureOf[code];
    if (failure) env.metrics.failed(failure);
  }
}
