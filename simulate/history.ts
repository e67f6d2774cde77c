import { Agenda, type Errand } from "./agenda.ts";
import { round } from "./arithmetic.ts";
import type { Campaign } from "./campaigns.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, type WorldConfig, worldStart } from "./config.ts";
import { trainsOn } from "./customers.ts";
import { Journey } from "./journey.ts";
import { categories, providers, regions } from "./places.ts";
import { Random } from "./random.ts";
import { IdMaker, isoTime } from "./record-text.ts";
import { basket, emptyPropensity, placementByDay, propensity } from "./response.ts";
import { seedTest } from "./seed-tests.ts";
import { type FollowUp, Shop } from "./shop.ts";
import { type Sink, silentSink } from "./sink.ts";
import { variants } from "./treatments.ts";
import { createState, createWorld, mayMail, type State, type World } from "./world.ts";

/** Share of attributed conversions that would have happened without the mail. */
export const ORGANIC_SHARE = 0.3;
const purposes = ["training", "segmentation", "activation", "measurement"] as const;

/**
 * Runs the period day by day into a sink. Yields the index of each day when it is over, so that a caller can write out
 * what has arrived, look at the clock, or stop; returns the state at the end.
 */
export function* runHistory(world: World, sink: Sink): Generator<number, State> {
  const { config, customers, campaigns } = world;
  const start = worldStart(config);
  const state = createState(customers.count);
  const random = new Random(config.seed, "history");
  const placement = placementByDay(world, config.days, new Random(config.seed, "placement"));
  const agenda = new Agenda(start, config.days);
  const byId = (id: string) => campaigns.find((c) => c.campaignId === id && c.day === 0)!;
  const passwordReset = campaigns[campaigns.length - 1]!;
  const always = new Map<FollowUp, Campaign>();
  for (const id of ["order-confirmation", "order-shipped", "abandoned-cart", "browse-reminder"] as const) {
    always.set(id, byId(id));
  }
  const ids = new IdMaker(new Random(config.seed, "ids").next(), new Random(config.seed, "ids", 2).next());
  const shop = new Shop(world, sink, ids, (id, u, at) => agenda.add(always.get(id)!, u, at));
  const journey = new Journey({ world, state, sink, ids, shop });
  const welcome = byId("welcome");
  const winBack = byId("win-back");
  const calendar = new Map<number, number[]>();
  customers.signedUpAt.forEach((at, u) => {
    const day = Math.max(0, Math.floor((at - start) / DAY_MS));
    const known = calendar.get(day);
    if (known) known.push(u);
    else calendar.set(day, [u]);
  });

  for (let day = 0; day < config.days; day++) {
    const dayStart = start + day * DAY_MS;
    if (day % 7 === 0) {
      for (let u = 0; u < customers.count; u++) state.mood[u] = 0.8 * state.mood[u]! + 0.3 * random.normal();
    }
    for (const u of calendar.get(day) ?? []) {
      const at = Math.max(customers.signedUpAt[u]!, dayStart);
      introduce(world, sink, u, at, random);
      if (customers.signedUpAt[u]! >= start) agenda.add(welcome, u, at + 5 * MINUTE_MS);
    }
    withdrawals(world, sink, dayStart);

    for (const campaign of campaigns) {
      if (campaign.day !== day) continue;
      announce(sink, campaign, day === 0 && campaign.kind !== "bulk" ? dayStart : campaign.startsAt);
      if (campaign.kind !== "bulk") continue;
      seedTest(world, sink, campaign, day, placement, random);
      for (let u = 0; u < customers.count; u++) {
        if (campaign.audience === "topic" && (customers.topics[u]! & (1 << campaign.topic)) === 0) continue;
        agenda.add(campaign, u, dayStart + random.pick(campaign.hours) * HOUR_MS + random.below(50 * MINUTE_MS));
      }
    }

    for (let u = 0; u < customers.count; u++) {
      if (!random.chance(customers.visitRate[u]!)) continue;
      const at = dayStart + customers.preferredHour[u]! * HOUR_MS + random.below(HOUR_MS);
      if (at < customers.signedUpAt[u]!) continue;
      shop.visit(u, at, favourite(world, u, random), random);
    }
    // A few ask for help, cancel, or forget their password; a few quiet ones are courted.
    for (let n = Math.ceil(customers.count * 0.0022); n > 0; n--) {
      const u = random.below(customers.count);
      const at = dayStart + 6 * HOUR_MS + random.below(15 * HOUR_MS);
      if (at < customers.signedUpAt[u]!) continue;
      const what = random.uniform();
      if (what < 0.2)
        sink.event(
          "support_case",
          u,
          undefined,
          undefined,
          at,
          "support-desk-v1",
          `{"topic":"${random.pick(["delivery", "return", "account"])}","severity":"${random.chance(0.1) ? "high" : "normal"}"}`,
        );
      else if (what < 0.25)
        sink.event(
          "subscription_canceled",
          u,
          undefined,
          undefined,
          at,
          "shop-v2",
          `{"plan":"${random.pick(["box-monthly", "box-yearly"])}","reason":"${random.pick(["price", "unused", "other"])}"}`,
        );
      else if (what < 0.45) agenda.add(passwordReset, u, at);
      else agenda.add(winBack, u, at);
    }
    for (const errand of agenda.take(day)) {
      if (!mayReach(world, state, errand)) continue;
      const foldering = placement[customers.provider[errand.u]!]![day]!;
      if (errand.campaign.holdOut > 0) experiment(world, state, sink, journey, shop, errand, foldering, random);
      else {
        const variant = random.pick(errand.campaign.variants);
        journey.deliver(errand.u, errand.campaign, variant, errand.at, foldering, random);
      }
    }
    yield day;
  }
  return state;
}

/** A world and its state when the period is over. */
export interface WorldAtEnd {
  readonly world: World;
  readonly state: State;
}

/** Runs a world to its end without writing anything (about 2 s for a million events). */
export function worldAtEnd(config: WorldConfig): WorldAtEnd {
  const world = createWorld(config);
  const days = runHistory(world, silentSink);
  for (;;) {
    const step = days.next();
    if (step.done) return { world, state: step.value };
  }
}

/** Orders are confirmed to whoever can be reached; everything else needs leave to mail. */
const mayReach = (world: World, state: State, { u, campaign, at }: Errand): boolean =>
  campaign.kind === "transactional"
    ? at < state.suppressedAt[u]! && at < state.unsubscribedAt[u]!
    : mayMail(world, state, u, at);

/** A send with a random hold-out: the decision is recorded; those who are spared still do some of what it would have sold. */
function experiment(
  world: World,
  state: State,
  sink: Sink,
  journey: Journey,
  shop: Shop,
  { u, campaign, at }: Errand,
  foldering: number,
  random: Random,
): void {
  const variant = random.pick(campaign.variants);
  const isHeldOut = random.chance(campaign.holdOut);
  let messageId = "";
  if (isHeldOut) {
    const odds = propensity(world, state, u, campaign, variant, at, foldering, emptyPropensity());
    if (random.chance((1 - odds.spam) * odds.read * odds.click * ORGANIC_SHARE)) {
      const isBought = random.chance(odds.conversion);
      shop.visit(
        u,
        at + random.below(DAY_MS),
        campaign.topic,
        random,
        isBought ? basket(random, world.customers.spend[u]!, 1) : 0,
      );
    }
  } else messageId = journey.deliver(u, campaign, variant, at, foldering, random);
  const arm = isHeldOut ? "hold-out" : variants[variant]!.variant;
  const share = isHeldOut ? campaign.holdOut : (1 - campaign.holdOut) / campaign.variants.length;
  const fields = [
    `"decision_id":"d-${campaign.campaignId}-${u + 1}"`,
    `"user_id":"${world.customers.addresses[u]!}"`,
    ...(messageId ? [`"message_id":"${messageId}"`] : []),
    `"campaign_id":"${campaign.campaignId}"`,
    `"arm":"${arm}"`,
    `"model_version":"random-v1"`,
    `"decided_at":"${isoTime(at - MINUTE_MS)}"`,
    `"attributes":{"propensity":${round(share, 4)}}`,
  ];
  sink.row("decisions", fields.join(","), at - MINUTE_MS);
}

function favourite(world: World, u: number, random: Random): number {
  const { interest } = world.customers;
  const count = interest.length / world.customers.count;
  let best = random.below(count);
  const other = random.below(count);
  if (interest[u * count + other]! > interest[u * count + best]!) best = other;
  return best;
}

/** A customer becomes known: profile and consents. */
function introduce(world: World, sink: Sink, u: number, at: number, random: Random): void {
  const { customers } = world;
  const address = customers.addresses[u]!;
  const signedUp = isoTime(customers.signedUpAt[u]!);
  const isp = random.chance(0.0003) ? "null" : `"${providers[customers.provider[u]!]!.isp}"`;
  sink.row(
    "profiles",
    `"user_id":"${address}","recipient_domain":"${customers.domains[u]!}","isp":${isp},"region":"${regions[customers.region[u]!]!.region}","signed_up_at":"${signedUp}","attributes":{"signup_source":"${random.pick(["shop", "footer", "checkout", "partner"])}","topics":${customers.topics[u]!}}`,
    at,
  );
  for (const purpose of purposes) {
    const isGranted =
      purpose === "activation" || (purpose === "training" ? customers.trainingConsent[u] === 1 : random.chance(0.95));
    consent(sink, address, purpose, isGranted, signedUp, "signup-form-v1", at);
  }
}

function consent(
  sink: Sink,
  address: string,
  purpose: string,
  isGranted: boolean,
  effectiveAt: string,
  provenance: string,
  at: number,
): void {
  sink.row(
    "consents",
    `"user_id":"${address}","purpose":"${purpose}","is_granted":${isGranted},"effective_at":"${effectiveAt}","provenance":"${provenance}"`,
    at,
  );
}

/** Consent that ends, or comes back, on this day. */
function withdrawals(world: World, sink: Sink, dayStart: number): void {
  const { customers } = world;
  const isToday = (at: number) => at >= dayStart && at < dayStart + DAY_MS;
  for (let u = 0; u < customers.count; u++) {
    const tell = (at: number, purpose: string, isGranted: boolean) => {
      if (isToday(at))
        consent(sink, customers.addresses[u]!, purpose, isGranted, isoTime(at), "preference-centre-v1", at);
    };
    const withdrawnAt = customers.trainingWithdrawnAt[u]!;
    if (trainsOn(customers, u, withdrawnAt - 1)) tell(withdrawnAt, "training", false);
    if (customers.trainingConsent[u] === 1) tell(customers.trainingRegrantedAt[u]!, "training", true);
    tell(customers.activationWithdrawnAt[u]!, "activation", false);
  }
}

/** A campaign's own row, when it starts. */
export function announce(sink: Sink, campaign: Campaign, at: number): void {
  sink.row(
    "campaigns",
    `"campaign_id":"${campaign.campaignId}","name":"${campaign.name}","kind":"${campaign.kind}",${campaign.topic < 0 ? "" : `"topic":"${categories[campaign.topic]}",`}"sender_domain":"${campaign.senderDomain}","subject_length":${campaign.subjectLength},"subject_features":${JSON.stringify(campaign.subject)},"started_at":"${isoTime(campaign.startsAt)}"`,
    at,
  );
}
