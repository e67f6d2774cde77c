import { isFromNotification, networkOf, notificationDelay, personActor, seenAgent, unflagged } from "./adversaries.ts";
import { exp } from "./arithmetic.ts";
import type { Campaign } from "./campaigns.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "./config.ts";
import { handOver } from "./hand-over.ts";
import { machineSignals } from "./machine-signals.ts";
import { categories, clickAgents, providers, regions } from "./places.ts";
import type { Random } from "./random.ts";
import { type IdMaker, isoTime } from "./record-text.ts";
import { addFatigue, basket, emptyPropensity, propensity } from "./response.ts";
import type { Shop } from "./shop.ts";
import type { Sink } from "./sink.ts";
import { variants } from "./treatments.ts";
import type { State, World } from "./world.ts";

export interface JourneyOptions {
  readonly world: World;
  readonly state: State;
  readonly sink: Sink;
  readonly ids: IdMaker;
  readonly shop: Shop;
}

/** How often a reading leaves each kind of trace. */
const shares = { repeatedOpen: 0.27, summaryView: 0.5, readTime: 0.8, reply: 0.0015, forward: 0.004 } as const;

/** What one mail sets off, from the hand-over to the last click. Draws come from the `random` of each call. */
export class Journey {
  private readonly world: World;
  private readonly state: State;
  private readonly sink: Sink;
  private readonly ids: IdMaker;
  private readonly shop: Shop;
  private readonly odds = emptyPropensity();
  private messages = 0;

  constructor(options: JourneyOptions) {
    this.world = options.world;
    this.state = options.state;
    this.sink = options.sink;
    this.ids = options.ids;
    this.shop = options.shop;
  }

  /**
   * Sends one mail and lets everything happen. `placement` multiplies the provider's spam foldering on that day. Returns its message id: `known`
   * where whoever decided the mail has named it.
   */
  deliver(
    u: number,
    campaign: Campaign,
    variant: number,
    at: number,
    placement: number,
    random: Random,
    arm = "",
    known?: string,
  ): string {
    const { world, state, sink } = this;
    const { customers } = world;
    const mailbox = providers[customers.provider[u]!]!;
    const messageId = known ?? this.ids.uuid(this.messages++);
    const campaignId = campaign.campaignId;
    const odds = propensity(world, state, u, campaign, variant, at, placement, this.odds);
    if (campaign.kind !== "transactional") addFatigue(state, u, at);

    sink.event(
      "sent",
      u,
      messageId,
      campaignId,
      at,
      "smtp-sender-v1",
      `{"variant":"${variants[variant]!.variant}","sender_domain":"${campaign.senderDomain}","recipient_domain":"${customers.domains[u]!}","isp":"${mailbox.isp}","region":"${regions[customers.region[u]!]!.region}"}`,
    );

    const deliveredAt = handOver(world, state, sink, u, campaign, messageId, at, placement, random);
    const isDelivered = deliveredAt > 0;
    const isInbox = isDelivered && !random.chance(odds.spam);
    let readAt = 0;
    let isClicked = false;
    let revenueCents = 0;
    let isComplaint = false;
    let isUnsubscribed = false;
    if (isDelivered) {
      machineSignals(world, state, sink, u, campaignId, messageId, deliveredAt, random);
      if (random.chance(isInbox ? odds.read : odds.read * 0.03)) {
        readAt =
          deliveredAt +
          Math.floor(random.chance(0.55) ? random.exponential(45 * MINUTE_MS) : random.exponential(16 * HOUR_MS)) +
          4_000;
        if (readAt > deliveredAt + 13 * DAY_MS) readAt = deliveredAt + 13 * DAY_MS;
      }
      if (isInbox) this.summary(u, campaignId, messageId, deliveredAt, readAt > 0, random);
      if (readAt > 0) {
        isClicked = random.chance(odds.click);
        const isHurried = isClicked && isFromNotification(world, u, deliveredAt);
        if (isHurried) readAt = deliveredAt + notificationDelay(world, u, deliveredAt);
        this.read(u, campaignId, messageId, readAt, isHurried, random);
        if (isClicked)
          revenueCents = this.click(u, campaign, variant, messageId, readAt, isHurried, odds.conversion, random);
      }
      if (isInbox) {
        isComplaint = random.chance(odds.complaint);
        if (isComplaint) this.complain(u, campaignId, messageId, readAt > 0 ? readAt : deliveredAt, random);
        isUnsubscribed = random.chance(odds.unsubscribe);
        if (isUnsubscribed) this.unsubscribe(u, campaignId, messageId, readAt > 0 ? readAt : deliveredAt, random);
      }
    }
    const inbox = 1 - odds.spam;
    sink.message({
      messageId,
      userId: customers.addresses[u]!,
      campaignId,
      variant: variants[variant]!.variant,
      arm,
      isDelivered,
      isInbox,
      isRead: readAt > 0,
      isClicked,
      isComplaintFelt: isComplaint,
      isUnsubscribed,
      isConverted: revenueCents > 0,
      revenueCents,
      pRead: inbox * odds.read,
      pClick: inbox * odds.read * odds.click,
      pComplaint: inbox * odds.complaint,
      pUnsubscribe: inbox * odds.unsubscribe,
      pConversion: inbox * odds.read * odds.click * odds.conversion,
    });
    return messageId;
  }

  private summary(
    u: number,
    campaignId: string,
    messageId: string,
    deliveredAt: number,
    isRead: boolean,
    random: Random,
  ): void {
    const { customers } = this.world;
    if (deliveredAt < customers.summaryFrom[u]! || customers.hasClientSignals[u] === 0) return;
    if (!random.chance(shares.summaryView)) return;
    this.sink.event(
      "summary_view",
      u,
      messageId,
      campaignId,
      deliveredAt + 30_000 + Math.floor(random.exponential(3 * HOUR_MS)),
      "client-signals-v1",
      `{"surface":"${random.chance(0.7) ? "list" : "notification"}","expanded":${isRead}}`,
    );
  }

  private read(
    u: number,
    campaignId: string,
    messageId: string,
    readAt: number,
    isHurried: boolean,
    random: Random,
  ): void {
    const { sink, world } = this;
    const { customers } = world;
    const mailbox = providers[customers.provider[u]!]!;
    // Behind the privacy proxy the pictures are there already: the reading itself is invisible.
    if (customers.usesPrivacyProxy[u] === 0 && customers.loadsPictures[u] === 1) {
      const agent = seenAgent(world, campaignId, mailbox.openAgents[u % mailbox.openAgents.length]!);
      const prefixes = mailbox.proxyPrefixes;
      const prefix = prefixes.length > 0 ? prefixes[u % prefixes.length]! : networkOf(world, u);
      let at = readAt;
      for (let n = 0; n < 4; n++) {
        sink.event(
          "open",
          u,
          messageId,
          campaignId,
          at,
          "pixel-v1",
          `{${n === 0 ? `"first":true,` : ""}${unflagged(world, u, at)}"user_agent":"${agent}","ip_prefix":"${prefix}"}`,
          personActor(world, u, campaignId, isHurried && n === 0),
        );
        if (!random.chance(shares.repeatedOpen)) break;
        at += 20_000 + Math.floor(random.exponential(9 * HOUR_MS));
      }
    }
    if (customers.hasClientSignals[u] === 1 && random.chance(shares.readTime)) {
      const seconds = Math.min(900, Math.max(1, Math.round(9 * exp(0.9 * random.normal()))));
      sink.event(
        "read_time",
        u,
        messageId,
        campaignId,
        readAt + seconds * 1000,
        "client-signals-v1",
        `{"seconds":${seconds}}`,
      );
    }
    if (random.chance(shares.reply)) {
      const latency = 60 + Math.floor(random.exponential(7_200));
      sink.event("reply", u, messageId, campaignId, readAt + latency * 1000, "mail-in-v1", '{"automatic":false}');
    }
    if (random.chance(shares.forward)) {
      sink.event(
        "forward",
        u,
        messageId,
        campaignId,
        readAt + 10_000 + random.below(10 * MINUTE_MS),
        "client-signals-v1",
        "{}",
      );
    }
  }

  /** A person's clicks and the visit that follows. Returns the revenue in cents, 0 without a conversion. */
  private click(
    u: number,
    campaign: Campaign,
    variant: number,
    messageId: string,
    readAt: number,
    isHurried: boolean,
    pConversion: number,
    random: Random,
  ): number {
    const { sink, world } = this;
    const campaignId = campaign.campaignId;
    const agent = seenAgent(world, campaignId, clickAgents[u % clickAgents.length]!);
    const network = networkOf(world, u);
    const thought = Math.floor(random.exponential(35_000));
    let at = readAt + (isHurried ? 150 + (thought % 500) : 2_500 + thought);
    const clicks = random.chance(0.24) ? 2 + random.below(2) : 1;
    for (let n = 0; n < clicks; n++) {
      const link = 1 + random.below(6);
      const metadata = `{${unflagged(world, u, at)}"link_id":"link-${link}","user_agent":"${agent}","ip_prefix":"${network}"}`;
      const actor = personActor(world, u, campaignId, isHurried && n === 0);
      sink.event("click", u, messageId, campaignId, at, "click-redirect-v1", metadata, actor);
      if (random.chance(0.09)) {
        // An impatient second press: its own event, the same signal.
        sink.event(
          "click",
          u,
          messageId,
          campaignId,
          at + 300 + random.below(1_500),
          "click-redirect-v1",
          metadata,
          actor,
        );
      }
      at += 15_000 + random.below(90_000);
    }
    const topic = campaign.topic < 0 ? random.below(categories.length) : campaign.topic;
    const isBought = random.chance(pConversion);
    const cents = isBought ? basket(random, world.customers.spend[u]!, variants[variant]!.revenue) : 0;
    this.shop.visit(u, at, topic, random, cents, { messageId, campaignId });
    return cents;
  }

  private complain(u: number, campaignId: string, messageId: string, seenAt: number, random: Random): void {
    const at = seenAt + 3_000 + Math.floor(random.exponential(3 * HOUR_MS));
    this.state.complainedAt[u] = Math.min(this.state.complainedAt[u]!, at);
    if (!providers[this.world.customers.provider[u]!]!.reportsComplaints) return;
    this.sink.event(
      "complaint",
      u,
      messageId,
      campaignId,
      at,
      "fbl-arf-v1",
      `{"feedback_type":"abuse","arrival_at":"${isoTime(at + 60_000 + random.below(2 * HOUR_MS))}"}`,
    );
  }

  private unsubscribe(u: number, campaignId: string, messageId: string, seenAt: number, random: Random): void {
    const at = seenAt + 4_000 + Math.floor(random.exponential(90 * MINUTE_MS));
    this.state.unsubscribedAt[u] = Math.min(this.state.unsubscribedAt[u]!, at);
    const method = random.pick(["one-click", "link", "preference-centre"]);
    this.sink.event(
      "unsubscribe",
      u,
      messageId,
      campaignId,
      at,
      "preference-centre-v1",
      `{"method":"${method}","list_id":"news","user_agent":"${seenAgent(this.world, campaignId, clickAgents[u % clickAgents.length]!)}","ip_prefix":"${networkOf(this.world, u)}"}`,
      personActor(this.world, u, campaignId, false),
    );
  }
}
