import { UserError } from "../errors/user-error.ts";
import { type AdversaryShares, defaultAdversaries } from "./adversary-shares.ts";

/** What a world is made from. Two equal configs are the same world, byte for byte. */
export interface WorldConfig {
  readonly seed: number;
  /** The world is scaled so that at least this many valid, distinct events arrive before its end. */
  readonly events: number;
  readonly days: number;
  /** First day, `YYYY-MM-DD`, UTC. */
  readonly startsOn: string;
  readonly defects: DefectRates;
  readonly adversaries: AdversaryShares;
}

/** Share of events that meet each kind of trouble on their way. */
export interface DefectRates {
  /** The same bytes again, minutes to a day later. */
  readonly redelivered: number;
  /** Hours to five days late. */
  readonly late: number;
  readonly malformedJson: number;
  readonly wrongType: number;
  readonly missingField: number;
  readonly unknownType: number;
  readonly timeInFuture: number;
  readonly timeUnreadable: number;
  /** Optional things left out of an event that still lands: consent, campaign, mailbox provider, event id. */
  readonly omitted: number;
}

/**
 * Sizes as in the REES46 profile where it has them: 0.38 % repeated (time, client) pairs, 0.025 % without their time,
 * 0.03 % without a provider, 0.23 % whose campaign does not match. Lateness and broken lines are not in it; they are
 * set to what a webhook consumer plans for.
 */
export const defaultDefects: DefectRates = {
  redelivered: 0.0038,
  late: 0.015,
  malformedJson: 0.0003,
  wrongType: 0.0002,
  missingField: 0.00025,
  unknownType: 0.0002,
  timeInFuture: 0.0001,
  timeUnreadable: 0.0001,
  omitted: 0.0023,
};

/**
 * Valid events that one customer causes on one day of so long a period, on average: fewer the longer it is, for customers leave. Measured for
 * 14 to 730 days, and one in a hundred less, so that targets are met.
 */
const eventsPerCustomerDay = (days: number): number => 0.476 - 0.0058 * Math.sqrt(days);

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
export const MINUTE_MS = 60_000;

/** Fills in the defaults and refuses what makes no world. */
export function worldConfig(options: Partial<WorldConfig>): WorldConfig {
  const config: WorldConfig = {
    seed: options.seed ?? 7,
    events: options.events ?? 1_000_000,
    days: options.days ?? 90,
    startsOn: options.startsOn ?? "2025-09-01",
    defects: options.defects ?? defaultDefects,
    adversaries: options.adversaries ?? defaultAdversaries,
  };
  const refuse = (message: string, code: string): never => {
    throw new UserError(message, { code: `simulate.${code}`, exit: "usage", next: "inboxloop simulate --help" });
  };
  if (!Number.isSafeInteger(config.seed) || config.seed < 0)
    refuse(`seed ${config.seed} is not a whole number`, "seed");
  if (!Number.isSafeInteger(config.events) || config.events < 1_000 || config.events > 200_000_000) {
    refuse(`events ${config.events} is not between 1,000 and 200,000,000`, "events");
  }
  if (!Number.isSafeInteger(config.days) || config.days < 14 || config.days > 730) {
    refuse(`days ${config.days} is not between 14 and 730`, "days");
  }
  if (!/^\d{4}-\d{2}-\d{2}$/.test(config.startsOn) || Number.isNaN(Date.parse(`${config.startsOn}T00:00:00Z`))) {
    refuse(`first day "${config.startsOn}" is not a YYYY-MM-DD day`, "day");
  }
  for (const [name, share] of Object.entries(config.adversaries)) {
    if (!(share >= 0 && share <= 1)) refuse(`adversary ${name} = ${share} is no share between 0 and 1`, "adversary");
  }
  return config;
}

export const customerCount = (config: WorldConfig): number =>
  Math.max(200, Math.ceil(config.events / (eventsPerCustomerDay(config.days) * config.days)));

/** The world's first instant, epoch milliseconds. */
export const worldStart = (config: WorldConfig): number => Date.parse(`${config.startsOn}T00:00:00Z`);
/** The first instant after the simulated period; canaries begin here. */
export const worldEnd = (config: WorldConfig): number => worldStart(config) + config.days * DAY_MS;
