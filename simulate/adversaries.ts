import { MINUTE_MS } from "./config.ts";
import { providers } from "./places.ts";
import { Random } from "./random.ts";
import type { Actor } from "./sink.ts";
import type { World } from "./world.ts";

/**
 * How a security gateway goes about its work. Nothing here is shared with the rule or the model that has to find it out: a gateway is
 * described by what operators report of it.
 */
export interface GatewayHabit {
  readonly actor: Extract<Actor, `${string}gateway`>;
  /** Chance that it loads the pictures of a mail, and that it follows links at all. */
  readonly opens: number;
  readonly follows: number;
  /** Most links that it follows in one mail; it takes at least a third of them, at least one. */
  readonly links: number;
  /** Milliseconds from the delivery report to the first request; negative for a gateway that looks before it accepts. */
  readonly wait: (random: Random) => number;
  /** Mean milliseconds between two requests. */
  readonly pace: number;
  /** Whether it passes for a browser always; else one of the gateways' usual agents. */
  readonly asBrowser: boolean;
  /** Chance that one of the links that it follows is the one to unsubscribe. */
  readonly unsubscribes: number;
  readonly networks: readonly string[];
}

/** mautic #16263 (browsers, minutes), mailtrain #1195 (unsubscribe); the rest from senders' reports of clicks before the delivery. */
export const gatewayHabits = {
  plain: {
    actor: "gateway",
    opens: 0.72,
    follows: 0.1,
    links: 6,
    wait: (random) => 200 + random.exponential(1_400),
    pace: 500,
    asBrowser: false,
    unsubscribes: 0,
    networks: ["203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24"],
  },
  browser: {
    actor: "browser-gateway",
    opens: 0.8,
    follows: 0.3,
    links: 6,
    wait: (random) => 300 + random.exponential(5_000),
    pace: 700,
    asBrowser: true,
    unsubscribes: 0,
    networks: ["198.18.4.0/24", "198.18.9.0/24"],
  },
  patient: {
    actor: "patient-gateway",
    opens: 0.7,
    follows: 0.3,
    links: 5,
    wait: (random) => 2 * MINUTE_MS + random.exponential(7 * MINUTE_MS),
    pace: 2_500,
    asBrowser: true,
    unsubscribes: 0,
    networks: ["198.19.20.0/24", "198.19.77.0/24"],
  },
  singleLink: {
    actor: "single-link-gateway",
    opens: 0.35,
    follows: 0.35,
    links: 1,
    wait: (random) => 3_000 + random.exponential(90_000),
    pace: 1_200,
    asBrowser: true,
    unsubscribes: 0,
    networks: ["198.18.130.0/24"],
  },
  preDelivery: {
    actor: "pre-delivery-gateway",
    opens: 0.75,
    follows: 0.3,
    links: 5,
    wait: (random) => -(2_000 + random.exponential(25_000)),
    pace: 300,
    asBrowser: true,
    unsubscribes: 0,
    networks: ["198.19.200.0/24"],
  },
  unsubscriber: {
    actor: "unsubscribing-gateway",
    opens: 0.7,
    follows: 0.25,
    links: 6,
    wait: (random) => 1_500 + random.exponential(12_000),
    pace: 600,
    asBrowser: true,
    unsubscribes: 0.5,
    networks: ["198.18.66.0/24"],
  },
} as const satisfies Readonly<Record<string, GatewayHabit>>;

export type GatewayKind = keyof typeof gatewayHabits;

/** A number in [0, 1) that belongs to one thing of the world and shifts no other draw. */
const luckOf = (world: World, about: string, ...key: readonly (number | string)[]): number =>
  new Random(world.config.seed, "adversary", about, ...key).uniform();

/** What kind of gateway stands before a customer who has one. */
export function gatewayOf(world: World, u: number): GatewayHabit {
  const shares = world.config.adversaries;
  const steps: readonly (readonly [GatewayKind, number])[] = [
    ["browser", shares.browserGateway],
    ["patient", shares.patientGateway],
    ["singleLink", shares.singleLinkGateway],
    ["preDelivery", shares.preDeliveryGateway],
    ["unsubscriber", shares.unsubscribingGateway],
  ];
  let left = luckOf(world, "gateway", u);
  for (const [kind, share] of steps) {
    left -= share;
    if (left < 0) return gatewayHabits[kind];
  }
  return gatewayHabits.plain;
}

const cdnAgent = "Amazon CloudFront";

/** The agent that our server sees: the one that asked, or the CDN's where the campaign's tracking stands behind one. */
export const seenAgent = (world: World, campaignId: string, agent: string): string =>
  isBehindCdn(world, campaignId) ? cdnAgent : agent;

const behindCdn = new WeakMap<World, Map<string, boolean>>();
export function isBehindCdn(world: World, campaignId: string): boolean {
  let known = behindCdn.get(world);
  if (known === undefined) {
    known = new Map();
    behindCdn.set(world, known);
  }
  let answer = known.get(campaignId);
  if (answer === undefined) {
    answer = luckOf(world, "cdn", campaignId) < world.config.adversaries.cdnCampaigns;
    known.set(campaignId, answer);
  }
  return answer;
}

export const hasFullAppleAgent = (world: World, u: number): boolean =>
  luckOf(world, "apple", u) < world.config.adversaries.fullAppleAgent;

export const isFromNotification = (world: World, u: number, at: number): boolean =>
  luckOf(world, "notification", u, at) < world.config.adversaries.notificationClicks;

/** When somebody who followed a notification had the mail open: before two seconds were over. */
export const notificationDelay = (world: World, u: number, at: number): number =>
  350 + Math.floor(900 * luckOf(world, "hurry", u, at));

export const sitsInOffice = (world: World, u: number): boolean =>
  providers[world.customers.provider[u]!]!.isp === "corporate" &&
  luckOf(world, "office", u) < world.config.adversaries.sharedOffices;

/** The network that a customer reads from: the office's, or a home's that a few neighbours share. */
export function networkOf(world: World, u: number): string {
  if (sitsInOffice(world, u)) {
    const domain = world.customers.domains[u]!;
    return `100.64.${Math.floor(200 * luckOf(world, "office-network", domain))}.0/24`;
  }
  const home = Math.floor(40_000 * luckOf(world, "home", u));
  return `10.${16 + (home >> 8)}.${home & 255}.0/24`;
}

/** A person's signal, by what makes it hard to tell from a machine's. */
export function personActor(world: World, u: number, campaignId: string, isHurried: boolean): Actor {
  if (isHurried) return "person-from-notification";
  if (isBehindCdn(world, campaignId)) return "person-behind-cdn";
  return sitsInOffice(world, u) ? "person-in-office" : "person";
}

/** What the provider says of a signal that it does not flag: now and then, that it is no machine's. */
export const unflagged = (world: World, u: number, at: number): string =>
  luckOf(world, "flag", u, at) < world.config.adversaries.saidToBeHuman ? `"machine":false,` : "";
