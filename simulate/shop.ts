import { DAY_MS, HOUR_MS, MINUTE_MS } from "./config.ts";
import { categories } from "./places.ts";
import type { Random } from "./random.ts";
import { type IdMaker, money } from "./record-text.ts";
import { basket } from "./response.ts";
import type { Sink } from "./sink.ts";
import type { World } from "./world.ts";

/** Mail that a visit asks for: an order is confirmed, a cart is left. */
export type FollowUp = "order-confirmation" | "order-shipped" | "abandoned-cart" | "browse-reminder";

/** The sender's shop: what visitors do there. */
export class Shop {
  private readonly world: World;
  private readonly sink: Sink;
  private readonly ids: IdMaker;
  private readonly followUp: (campaign: FollowUp, u: number, at: number) => void;
  private sessions = 0;

  constructor(world: World, sink: Sink, ids: IdMaker, followUp: (campaign: FollowUp, u: number, at: number) => void) {
    this.world = world;
    this.sink = sink;
    this.ids = ids;
    this.followUp = followUp;
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
}
