import type { Question } from "../policy/assigned-model.ts";
import { countSend } from "../policy/count-send.ts";
import { decide } from "../policy/decide.ts";
import type {
  AssignedModel,
  Customer,
  Decision,
  DecisionRequest,
  PastSend,
  PolicyInForce,
} from "../policy/decision.ts";
import { passGates } from "../policy/gates.ts";
import type { TriggerEvent } from "../policy/triggers.ts";
import type { DecisionNotes } from "./decision-row.ts";
import type { ModelsInForce } from "./models-in-force.ts";
import { type CampaignInputs, contextOf, customerOf, type Person } from "./person.ts";

/** One campaign of a batch. */
export interface Campaign {
  readonly campaign_id: string;
  readonly inputs: CampaignInputs;
  readonly inForce: PolicyInForce;
  /** For an event-triggered policy: the event that each person is answered for. */
  readonly triggers?: ReadonlyMap<string, TriggerEvent> | undefined;
}

export interface Made {
  readonly decision: Decision;
  readonly notes: DecisionNotes;
}

/** What a run has sent to a person, by any of their ids. */
export interface SentTo {
  readonly person_id: string;
  readonly sends: readonly PastSend[];
}

/**
 * Decides for many people in order, for each in the order of the campaigns (the most important first): every decision is the one that
 * would be made for that person alone, after those before it were counted. Whoever passes the gates is scored together.
 */
export function decideTogether(
  people: readonly Person[],
  campaigns: readonly Campaign[],
  models: ModelsInForce,
  requestOf: (person: Person, campaign: Campaign) => string,
  now: number,
  before: SentTo | undefined = undefined,
): { readonly made: readonly Made[]; readonly campaigns: readonly Campaign[]; readonly last: SentTo | undefined } {
  const asks = people.map((person) =>
    campaigns.map((campaign) => ({
      event: campaign.triggers?.get(person.user_id_hash),
      request: {
        request_id: requestOf(person, campaign),
        person_id: person.user_id_hash,
        campaign_id: campaign.campaign_id,
        context: {
          ...contextOf(campaign.inputs),
          trigger_category: campaign.triggers?.get(person.user_id_hash)?.category ?? null,
        },
      },
      customer: customerOf(person, campaign.inputs),
    })),
  );
  const scored = scoreSurvivors(asks, campaigns, models, now);
  const made: Made[] = [];
  const current = [...campaigns];
  let last = before;
  for (const [i, perCampaign] of asks.entries()) {
    const { person_id } = people[i]!;
    const sends: PastSend[] = last?.person_id === person_id ? [...last.sends] : [];
    last = { person_id, sends };
    for (const [c, { request, customer, event }] of perCampaign.entries()) {
      const campaign = current[c]!;
      if (campaign.triggers && !event) continue;
      const known = { ...customer, sends: customer.sends && [...customer.sends, ...sends] };
      const model = models.assign(customer.drawn_as, (version) => scored.get(version)?.get(request));
      const decision = decide(request, known, campaign.inForce, model, now);
      const shadow = shadowOf(request, known, campaign.inForce, models, now);
      made.push({
        decision,
        notes: { campaign_kind: campaign.inForce.policy.kind, shadow, trigger: event && told(event) },
      });
      const counted = countSend(decision, known, campaign.inForce);
      if (counted.customer !== known) sends.push(counted.customer.sends!.at(-1)!);
      // Campaigns under one policy share its global caps.
      if (counted.inForce === campaign.inForce) continue;
      for (const [i, one] of current.entries())
        if (one.inForce.policy.name === campaign.inForce.policy.name)
          current[i] = { ...one, inForce: { ...one.inForce, sent: counted.inForce.sent } };
    }
  }
  return { made, campaigns: current, last };
}

const told = ({ event_id, at, received_at }: TriggerEvent): DecisionNotes["trigger"] => ({
  event_id,
  happened_at: new Date(at).toISOString(),
  received_at: new Date(received_at).toISOString(),
});

interface Ask {
  readonly event: TriggerEvent | undefined;
  readonly request: DecisionRequest;
  readonly customer: Customer;
}
type Scored = ReadonlyMap<DecisionRequest, ReadonlyMap<string, Readonly<Record<string, number>>>>;

function scoreSurvivors(
  asks: readonly (readonly Ask[])[],
  campaigns: readonly Campaign[],
  models: ModelsInForce,
  now: number,
): ReadonlyMap<string, Scored> {
  const waiting = new Map<string, { readonly requests: DecisionRequest[]; readonly questions: Question[] }>();
  for (const perCampaign of asks) {
    for (const [c, { request, customer }] of perCampaign.entries()) {
      const { inForce, triggers } = campaigns[c]!;
      if (triggers && !triggers.has(request.person_id)) continue;
      if (!inForce.policy.ladder.includes("model") || customer.features === null) continue;
      const gates = passGates(request, customer, inForce, now);
      if (gates.kind === "stopped") continue;
      const model = models.assign(customer.drawn_as);
      if (model.kind === "none") continue;
      const group = waiting.get(model.version) ?? { requests: [], questions: [] };
      waiting.set(model.version, group);
      group.requests.push(request);
      group.questions.push({ inputs: { ...customer.features.values, ...request.context }, at: gates.earliest });
    }
  }
  return new Map(
    [...waiting].map(([version, { requests, questions }]) => {
      const scores = models.score(version, questions);
      const found = new Map<DecisionRequest, ReadonlyMap<string, Readonly<Record<string, number>>>>();
      for (const [i, request] of requests.entries()) {
        const one = scores[i]!;
        if (one.kind === "scored") found.set(request, one.by_variant);
      }
      return [version, found];
    }),
  );
}

/** What the shadow would have done for the same person; nobody gets it. */
export function shadowOf(
  request: DecisionRequest,
  customer: Customer,
  inForce: PolicyInForce,
  models: ModelsInForce,
  now: number,
): DecisionNotes["shadow"] {
  const model: AssignedModel | undefined = models.shadow();
  if (model?.kind !== "model") return undefined;
  const { variant, candidates, rung } = decide(request, customer, inForce, model, now);
  if (rung !== "model") return undefined;
  const value = candidates.find((one) => one.variant === (variant ?? "suppress"))?.value ?? null;
  return { version: model.version, digest: model.digest, variant, value };
}
