import { exp } from "./arithmetic.ts";
import type { Campaign } from "./campaigns.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "./config.ts";
import {
  applePrefixes,
  applePrivacyAgent,
  categories,
  clickAgents,
  gatewayAgents,
  gatewayPrefixes,
  gmailProxyAgent,
  providers,
  regions,
} from "./places.ts";
import type { Random } from "./random.ts";
import { type IdMaker, isoTime, money } from "./record-text.ts";
import { addFatigue, basket, emptyPropensity, propensity } from "./response.ts";
import type { Sink } from "./sink.ts";
import { variants } from "./treatments.ts";
import type { State, World } from "./world.ts";

/** Mail that a happening asks for: an order is confirmed, a cart is left. */
export type FollowUp = "order-confirmation" | "order-shipped" | "abandoned-cart" | "browse-reminder";

export interface JourneyOptions {
  readonly world: World;
  readonly state: State;
  readonly sink: Sink;
  readonly ids: IdMaker;
  readonly followUp: (campaign: FollowUp, u: number, at: number) => void;
}

const hardBounces = [
  ["550", "5.1.1", "user unknown", true],
  ["550", "5.1.1", "The email account that you tried to reach does not exist", false],
  ["550", "5.1.10", "Recipient not found", true],
  ["554", "5.7.1", "mailbox unavailable: account disabled", false],
] as const;
const softBounces = [
  ["452", "4.2.2", "mailbox full"],
  ["421", "4.7.0", "try again later"],
  ["451", "4.3.0", "temporary system problem"],
] as const;
const blocks = [
  ["550", "5.7.1", "message rejected due to sender reputation"],
  ["554", "5.7.1", "service unavailable; client host blocked using a block list"],
  ["421", "4.7.28", "unusual rate of unsolicited mail"],
] as const;

/** Shares of the machines and side paths of one mail; sources in README.md. */
const shares = {
  softBounce: 0.0023,
  block: 0.00009,
  deferral: 0.012,
  privacyPrefetch: 0.75,
  gmailPrefetch: 0.012,
  gatewayOpen: 0.72,
  gatewayClicks: 0.1,
  repeatedOpen: 0.27,
  summaryView: 0.5,
  readTime: 0.8,
  reply: 0.0015,
  automaticReply: 0.0006,
  forward: 0.004,
} as const;

/** What one mail sets off, from the hand-over to the last click. Draws come from the `random` of each call. */
export class Journey {
  private readonly world: World;
  private readonly state: State;
  private readonly sink: Sink;
  private readonly ids: IdMaker;
  private readonly followUp: JourneyOptions["followUp"];
  private readonly odds = emptyPropensity();
  private messages = 0;
  private sessions = 0;

  constructor(options: JourneyOptions) {
    this.world = options.world;
    this.state = options.state;
    this.sink = options.sink;
    this.ids = options.ids;
    this.followUp = options.followUp;
  }

  /** Sends one mail and lets everything happen. `placement` multiplies the provider's spam foldering on that day. Returns its message id. */
  deliver(
    u: number,
    campaign: Campaign,
    variant: number,
    at: number,
    placement: number,
    random: Random,
    arm = "",
  ): string {
    const { world, state, sink } = this;
    const { customers } = world;
    const mailbox = providers[customers.provider[u]!]!;
    const messageId = this.ids.uuid(this.messages++);
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

    const deliveredAt = this.handOver(u, campaign, messageId, at, placement, random);
    const isDelivered = deliveredAt > 0;
    const isInbox = isDelivered && !random.chance(odds.spam);
    let readAt = 0;
    let isClicked = false;
    let revenueCents = 0;
    let isComplaint = false;
    let isUnsubscribed = false;
    if (isDelivered) {
      this.machines(u, campaignId, messageId, deliveredAt, random);
      if (random.chance(isInbox ? odds.read : odds.read * 0.03)) {
        readAt =
          deliveredAt +
          Math.floor(random.chance(0.55) ? random.exponential(45 * MINUTE_MS) : random.exponential(16 * HOUR_MS)) +
          4_000;
        if (readAt > deliveredAt + 13 * DAY_MS) readAt = deliveredAt + 13 * DAY_MS;
      }
      if (isInbox) this.summary(u, campaignId, messageId, deliveredAt, readAt > 0, random);
      if (readAt > 0) {
        this.read(u, campaignId, messageId, readAt, random);
        isClicked = random.chance(odds.click);
        if (isClicked) revenueCents = this.click(u, campaign, variant, messageId, readAt, odds.conversion, random);
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

  /** From our server to theirs. Returns when it was delivered, 0 when it was not. */
  private handOver(
    u: number,
    campaign: Campaign,
    messageId: string,
    at: number,
    placement: number,
    random: Random,
  ): number {
    const { customers } = this.world;
    const { sink, state } = this;
    const campaignId = campaign.campaignId;
    const mailbox = providers[customers.provider[u]!]!;
    const seconds = 1 + Math.floor(random.exponential(4));
    let handedOverAt = at + seconds * 1000 + random.below(1000);
    if (at >= customers.deadFrom[u]!) {
      const [code, enhanced, text, tellsAddress] = random.pick(hardBounces);
      const diagnostic = tellsAddress
        ? `${code} ${enhanced} <${customers.addresses[u]!}>: ${text}`
        : `${code} ${enhanced} ${text}`;
      sink.event(
        "bounce",
        u,
        messageId,
        campaignId,
        handedOverAt,
        "smtp-bounce-handler-v2",
        `{"class":"hard","smtp_code":"${code}","enhanced_code":"${enhanced}","diagnostic":"${diagnostic}"}`,
      );
      state.suppressedAt[u] = Math.min(state.suppressedAt[u]!, handedOverAt + 10 * MINUTE_MS);
      return 0;
    }
    if (random.chance(shares.block * (placement > 3 ? 8 : 1))) {
      const [code, enhanced, text] = random.pick(blocks);
      sink.event(
        "bounce",
        u,
        messageId,
        campaignId,
        handedOverAt,
        "smtp-bounce-handler-v2",
        `{"class":"block","smtp_code":"${code}","enhanced_code":"${enhanced}","diagnostic":"${code} ${enhanced} ${text}","reporting_mta":"mx.${mailbox.isp}.example"}`,
      );
      return 0;
    }
    const isSoft = random.chance(shares.softBounce);
    if (isSoft || random.chance(shares.deferral * (customers.hasGateway[u] === 1 ? 3 : 1))) {
      const [code, enhanced, text] = random.pick(softBounces);
      for (let attempt = 1; attempt <= (isSoft ? 3 : 1); attempt++) {
        sink.event(
          "deferred",
          u,
          messageId,
          campaignId,
          handedOverAt,
          "smtp-sender-v1",
          `{"smtp_code":"${code}","enhanced_code":"${enhanced}","reason":"${text}","attempt":${attempt}}`,
        );
        handedOverAt += attempt * attempt * random.below(30 * MINUTE_MS) + 5 * MINUTE_MS;
      }
      if (isSoft) {
        sink.event(
          "bounce",
          u,
          messageId,
          campaignId,
          handedOverAt,
          "smtp-bounce-handler-v2",
          `{"class":"soft","smtp_code":"${code}","enhanced_code":"${enhanced}","diagnostic":"${code} ${enhanced} ${text}"}`,
        );
        return 0;
      }
    }
    sink.event(
      "delivered",
      u,
      messageId,
      campaignId,
      handedOverAt,
      "smtp-sender-v1",
      `{"smtp_code":"250","seconds_to_deliver":${Math.round((handedOverAt - at) / 1000)}}`,
    );
    if (customers.isSpamTrap[u] === 1 && random.chance(0.5)) {
      sink.event(
        "spam_trap_hit",
        u,
        messageId,
        campaignId,
        handedOverAt + random.below(6 * HOUR_MS),
        "trap-feed-v1",
        `{"trap_type":"${random.chance(0.7) ? "recycled" : "pristine"}","feed":"feed-${1 + random.below(3)}"}`,
      );
    }
    if (mailbox.isp === "corporate" && random.chance(shares.automaticReply)) {
      sink.event(
        "reply",
        u,
        messageId,
        campaignId,
        handedOverAt + 2_000 + random.below(20_000),
        "mail-in-v1",
        `{"reply_latency_seconds":${2 + random.below(20)},"automatic":true}`,
      );
    }
    return handedOverAt;
  }

  /** Opens and clicks that nobody made. */
  private machines(u: number, campaignId: string, messageId: string, deliveredAt: number, random: Random): void {
    const { customers } = this.world;
    const { sink } = this;
    if (customers.usesPrivacyProxy[u] === 1 && random.chance(shares.privacyPrefetch)) {
      const openedAt = deliveredAt + 15_000 + Math.floor(random.exponential(100 * MINUTE_MS));
      const flag = random.chance(0.8) ? `"machine":true,"machine_reason":"privacy-proxy",` : "";
      sink.event(
        "open",
        u,
        messageId,
        campaignId,
        openedAt,
        "pixel-v1",
        `{${flag}"user_agent":"${applePrivacyAgent}","ip_prefix":"${random.pick(applePrefixes)}"}`,
        "apple-privacy-proxy",
      );
    }
    if (providers[customers.provider[u]!]!.isp === "gmail" && random.chance(shares.gmailPrefetch)) {
      sink.event(
        "open",
        u,
        messageId,
        campaignId,
        deliveredAt + 800 + random.below(4_000),
        "pixel-v1",
        `{"user_agent":"${gmailProxyAgent}","ip_prefix":"66.249.84.0/24"}`,
        "gmail-prefetch",
      );
    }
    if (customers.hasGateway[u] === 1 && random.chance(shares.gatewayOpen)) {
      const agent = gatewayAgents[u % gatewayAgents.length]!;
      const prefix = gatewayPrefixes[u % gatewayPrefixes.length]!;
      let at = deliveredAt + 150 + random.below(1_700);
      sink.event(
        "open",
        u,
        messageId,
        campaignId,
        at,
        "pixel-v1",
        `{${random.chance(0.1) ? `"machine":true,"machine_reason":"scanner",` : ""}"user_agent":"${agent}","ip_prefix":"${prefix}"}`,
        "gateway",
      );
      if (random.chance(shares.gatewayClicks)) {
        const links = 3 + random.below(4);
        for (let link = 1; link <= links; link++) {
          at += 60 + random.below(900);
          sink.event(
            "click",
            u,
            messageId,
            campaignId,
            at,
            "click-redirect-v1",
            `{"link_id":"link-${link}","user_agent":"${agent}","ip_prefix":"${prefix}"}`,
            "gateway",
          );
        }
      }
    }
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

  private read(u: number, campaignId: string, messageId: string, readAt: number, random: Random): void {
    const { customers } = this.world;
    const { sink } = this;
    const mailbox = providers[customers.provider[u]!]!;
    // Behind the privacy proxy the pictures are there already: the reading itself is invisible.
    if (customers.usesPrivacyProxy[u] === 0 && customers.loadsPictures[u] === 1) {
      const agent = mailbox.openAgents[u % mailbox.openAgents.length]!;
      const prefixes = mailbox.proxyPrefixes;
      const prefix = prefixes.length > 0 ? `,"ip_prefix":"${prefixes[u % prefixes.length]!}"` : "";
      let at = readAt;
      for (let n = 0; n < 4; n++) {
        sink.event(
          "open",
          u,
          messageId,
          campaignId,
          at,
          "pixel-v1",
          `{${n === 0 ? `"first":true,` : ""}"user_agent":"${agent}"${prefix}}`,
          "person",
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
      sink.event(
        "reply",
        u,
        messageId,
        campaignId,
        readAt + latency * 1000,
        "mail-in-v1",
        `{"reply_latency_seconds":${latency},"automatic":false}`,
      );
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
    pConversion: number,
    random: Random,
  ): number {
    const { sink, world } = this;
    const campaignId = campaign.campaignId;
    const agent = clickAgents[u % clickAgents.length]!;
    let at = readAt + 2_500 + Math.floor(random.exponential(35_000));
    const clicks = random.chance(0.24) ? 2 + random.below(2) : 1;
    for (let n = 0; n < clicks; n++) {
      const link = 1 + random.below(6);
      const metadata = `{"link_id":"link-${link}","user_agent":"${agent}"}`;
      sink.event("click", u, messageId, campaignId, at, "click-redirect-v1", metadata, "person");
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
          "person",
        );
      }
      at += 15_000 + random.below(90_000);
    }
    const topic = campaign.topic < 0 ? random.below(categories.length) : campaign.topic;
    const isBought = random.chance(pConversion);
    const cents = isBought ? basket(random, world.customers.spend[u]!, variants[variant]!.revenue) : 0;
    this.visit(u, at, topic, random, cents, { messageId, campaignId });
    return cents;
  }

  /** One visit to the shop. `cents` is what is bought; undefined leaves it to chance. */
  visit(
    u: number,
    at: number,
    topic: number,
    random: Random,
    cents?: number,
    from?: { messageId: string; campaignId: string },
  ): void {
    const { sink, world } = this;
    const session = `"session_id":"s-${this.ids.short(this.sessions++)}"`;
    const category = `"category":"${categories[topic]!}"`;
    const web = "web-sdk-v3";
    let time = at;
    const next = () => {
      time += 3_000 + Math.floor(random.exponential(25_000));
      return time;
    };
    sink.event("page_view", u, undefined, undefined, next(), web, `{"page":"${from ? "landing" : "home"}",${session}}`);
    if (random.chance(0.5))
      sink.event("category_view", u, undefined, undefined, next(), web, `{${category},${session}}`);
    const views = random.chance(0.75) ? 1 + Math.floor(random.exponential(0.9)) : 0;
    const product = `"product_id":"p-${topic + 1}${100 + random.below(400)}"`;
    for (let n = 0; n < views; n++) {
      sink.event("product_view", u, undefined, undefined, next(), web, `{${product},${category},${session}}`);
    }
    if (random.chance(0.08))
      sink.event("pricing_view", u, undefined, undefined, next(), web, `{"page":"delivery-prices",${session}}`);
    if (random.chance(0.02))
      sink.event(
        "content_download",
        u,
        undefined,
        undefined,
        next(),
        web,
        `{"content_id":"guide-${1 + random.below(9)}",${category},${session}}`,
      );
    const bought = cents ?? (random.chance(0.028) ? basket(random, world.customers.spend[u]!, 1) : 0);
    const hasCart = bought > 0 || random.chance(0.06);
    if (hasCart)
      sink.event(
        "add_to_cart",
        u,
        undefined,
        undefined,
        next(),
        web,
        `{${product},${category},"quantity":${1 + random.below(3)},${session}}`,
      );
    if (bought > 0 || (hasCart && random.chance(0.35))) {
      sink.event(
        "checkout_started",
        u,
        undefined,
        undefined,
        next(),
        "shop-v2",
        `{"cart_value":${money(bought > 0 ? bought : 2_500 + random.below(9_000))},"currency":"EUR",${session}}`,
      );
    }
    if (bought > 0) {
      const order = `"order_hash":"o-${this.ids.short(0x40000000 + this.sessions)}"`;
      const paidAt = next() + random.below(6 * MINUTE_MS);
      sink.event(
        "purchase",
        u,
        undefined,
        undefined,
        paidAt,
        "shop-v2",
        `{"revenue":${money(bought)},"currency":"EUR",${order},${category},${session}}`,
      );
      if (from) {
        sink.event(
          "conversion",
          u,
          from.messageId,
          from.campaignId,
          paidAt,
          "attribution-v1",
          `{"revenue":${money(bought)},"currency":"EUR","conversion_type":"purchase",${order}}`,
        );
      }
      this.followUp("order-confirmation", u, paidAt + MINUTE_MS);
      this.followUp("order-shipped", u, paidAt + DAY_MS + random.below(DAY_MS));
    } else if (hasCart && random.chance(0.8)) this.followUp("abandoned-cart", u, time + 4 * HOUR_MS);
    else if (views >= 2 && random.chance(0.12)) this.followUp("browse-reminder", u, time + 20 * HOUR_MS);
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
      `{"method":"${method}","list_id":"news"}`,
    );
  }
}
