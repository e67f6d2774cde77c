import { DAY_MS, type WorldConfig, worldStart } from "./config.ts";
import { categories } from "./places.ts";
import { Random } from "./random.ts";
import { variants } from "./treatments.ts";

export type CampaignKind = "bulk" | "trigger" | "transactional";

export interface Campaign {
  readonly campaignId: string;
  readonly name: string;
  readonly kind: CampaignKind;
  /** Index into `categories`; -1 for mail about nothing in particular. */
  readonly topic: number;
  readonly senderDomain: string;
  /** Indices into `variants`. */
  readonly variants: readonly number[];
  /** UTC hours at which its mail goes out. */
  readonly hours: readonly number[];
  /** Day of the world; 0 for campaigns that run all the time. */
  readonly day: number;
  readonly startsAt: number;
  /** Who is mailed: subscribers of the topic, or everybody. */
  readonly audience: "topic" | "everybody";
  /** Share of the audience that is held out at random, to measure what the mail does. */
  readonly holdOut: number;
  readonly subjectLength: number;
  readonly subject: Readonly<Record<string, boolean>>;
}

const senderDomains = ["news.shop.example", "offers.shop.example"];

/** Bulk campaigns of the period: about one in 3.5 days, closer together in its last third, so that fatigue drifts. */
function bulkDays(days: number): number[] {
  const found: number[] = [];
  for (let day = 1; day < days; day += day < (days * 2) / 3 ? 4 : 2.5) found.push(Math.floor(day));
  return found;
}

/** The sender's plan for the period. Drawn from the seed; campaigns that always run come last. */
export function createCampaigns(config: WorldConfig): readonly Campaign[] {
  const random = new Random(config.seed, "campaigns");
  const start = worldStart(config);
  const plan: Campaign[] = [];
  const month = (at: number) => new Date(at).toISOString().slice(0, 7).replace("-", "");
  const add = (
    campaign: Pick<Campaign, "campaignId" | "name" | "kind" | "topic" | "day"> &
      Partial<Pick<Campaign, "audience" | "holdOut">>,
    allowed: readonly number[],
  ) => {
    const startsAt = start + campaign.day * DAY_MS + 5 * 3_600_000;
    plan.push({
      audience: "topic",
      holdOut: 0,
      senderDomain: campaign.kind === "transactional" ? "orders.shop.example" : random.pick(senderDomains),
      variants: allowed,
      hours: [6, 8, 10, 12, 15, 17, 19].filter(() => random.chance(0.6)).concat(9),
      startsAt,
      subjectLength: 30 + random.below(110),
      subject: {
        personalization: allowed.includes(3),
        deadline: allowed.includes(2),
        emoji: random.chance(0.4),
        bonuses: random.chance(0.2),
        discount: allowed.includes(1),
        saleout: random.chance(0.25),
      },
      ...campaign,
    });
  };
  bulkDays(config.days).forEach((day, n) => {
    const topic = n % 3 === 2 ? random.below(categories.length) : n % categories.length;
    const optional = [1, 2, 3].filter(() => random.chance(0.72));
    const chosen = optional.length === 0 ? [random.chance(0.5) ? 1 : 3] : optional;
    const everybody = n % 4 === 3;
    add(
      {
        campaignId: `promo-${month(start + day * DAY_MS)}-${String(n + 1).padStart(2, "0")}`,
        name: `${everybody ? "Everybody" : "Subscribers"}: ${categories[topic]} ${n + 1}`,
        kind: "bulk",
        topic,
        day,
        audience: everybody ? "everybody" : "topic",
        holdOut: n % 9 === 2 ? 0.1 : 0,
      },
      [0, ...chosen],
    );
  });
  const always = (campaignId: string, kind: CampaignKind, allowed: readonly number[]) =>
    add({ campaignId, name: campaignId.replaceAll("-", " "), kind, topic: -1, day: 0 }, allowed);
  always("welcome", "trigger", [0, 3]);
  always("abandoned-cart", "trigger", [0, 1, 3]);
  always("browse-reminder", "trigger", [0, 3]);
  always("win-back", "trigger", [0, 1, 2]);
  always("order-confirmation", "transactional", [0, 3]);
  always("order-shipped", "transactional", [0, 3]);
  // As in the REES46 log, an id may stand for two campaigns: one of the transactional ones has a bulk campaign's.
  always(plan[Math.min(4, plan.length - 1)]!.campaignId, "transactional", [0, 3]);
  plan[plan.length - 1] = { ...plan[plan.length - 1]!, name: "password reset" };
  return plan;
}

export const variantName = (index: number): string => variants[index]!.variant;
