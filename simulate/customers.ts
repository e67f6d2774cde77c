import { exp } from "./arithmetic.ts";
import { customerCount, DAY_MS, type WorldConfig, worldEnd, worldStart } from "./config.ts";
import { categories, providers, regions } from "./places.ts";
import { Random } from "./random.ts";

/** A population as columns, one entry per customer: traits that never change. The world's mutable side is `State`. */
export interface Customers {
  readonly count: number;
  /** Raw addresses, e.g. `user123@gmail.example`. */
  readonly addresses: readonly string[];
  readonly domains: readonly string[];
  readonly provider: Uint8Array;
  readonly region: Uint8Array;
  /** Epoch ms; some sign up during the period. */
  readonly signedUpAt: Float64Array;
  /** Bit k: subscribed to category k. */
  readonly topics: Uint8Array;
  /** Readiness to read mail at all; normal. */
  readonly engagement: Float64Array;
  /** [customer * categories + k]; normal. */
  readonly interest: Float64Array;
  /** Times the complaint hazard; log-normal with a heavy upper tail. */
  readonly irritability: Float64Array;
  /** How much every recent mail weighs; log-normal. */
  readonly fatigueSlope: Float64Array;
  readonly priceSensitivity: Float64Array;
  readonly preferredHour: Uint8Array;
  /** Expected own visits a day, without any mail. */
  readonly visitRate: Float64Array;
  /** Log scale of baskets. */
  readonly spend: Float64Array;
  readonly usesPrivacyProxy: Uint8Array;
  readonly hasGateway: Uint8Array;
  /** Lets pictures load, so that a reading is seen at all. */
  readonly loadsPictures: Uint8Array;
  /** Sends the optional client signals: read time, summary views. */
  readonly hasClientSignals: Uint8Array;
  /** From when on the client shows summaries; Infinity for most. */
  readonly summaryFrom: Float64Array;
  /** The address stops existing here; Infinity for most. */
  readonly deadFrom: Float64Array;
  readonly isSpamTrap: Uint8Array;
  /** Training consent: never given, or withdrawn at, and given again at. */
  readonly trainingConsent: Uint8Array;
  readonly trainingWithdrawnAt: Float64Array;
  readonly trainingRegrantedAt: Float64Array;
  /** Withdrawn activation consent ends mailing like an unsubscribe does. */
  readonly activationWithdrawnAt: Float64Array;
}

/** Share of customers whose address dies on any day; with the dead on arrival it makes the profile's hard bounces. */
const DEATHS_PER_DAY = 0.0008;
const DEAD_AT_SIGN_UP = 0.036;

/** Draws a population. A customer's traits depend on the seed and the customer's number alone. */
export function createCustomers(config: WorldConfig): Customers {
  const count = customerCount(config);
  const start = worldStart(config);
  const end = worldEnd(config);
  const length = end - start;
  const k = categories.length;
  const floats = () => new Float64Array(count);
  const bytes = () => new Uint8Array(count);
  const addresses: string[] = new Array(count);
  const domains: string[] = new Array(count);
  const columns = {
    provider: bytes(),
    region: bytes(),
    signedUpAt: floats(),
    topics: bytes(),
    engagement: floats(),
    interest: new Float64Array(count * k),
    irritability: floats(),
    fatigueSlope: floats(),
    priceSensitivity: floats(),
    preferredHour: bytes(),
    visitRate: floats(),
    spend: floats(),
    usesPrivacyProxy: bytes(),
    hasGateway: bytes(),
    loadsPictures: bytes(),
    hasClientSignals: bytes(),
    summaryFrom: floats(),
    deadFrom: floats(),
    isSpamTrap: bytes(),
    trainingConsent: bytes(),
    trainingWithdrawnAt: floats(),
    trainingRegrantedAt: floats(),
    activationWithdrawnAt: floats(),
  };
  const providerShares = providers.map((p) => p.share);
  const regionShares = regions.map((r) => r.share);

  for (let u = 0; u < count; u++) {
    const random = new Random(config.seed, "customer", u);
    const region = random.weighted(regionShares);
    const isGerman = regions[region]?.region === "de";
    const provider = random.weighted(
      providers.map((p, i) => (p.isp === "gmx" ? (isGerman ? 0.4 : 0.02) : (providerShares[i] as number))),
    );
    const mailbox = providers[provider]!;
    const domain = random.pick(mailbox.domains);
    addresses[u] = `user${u + 1}@${domain}`;
    domains[u] = domain;
    columns.provider[u] = provider;
    columns.region[u] = region;
    const joinsLater = random.chance(0.16);
    columns.signedUpAt[u] = Math.floor(
      joinsLater ? start + random.uniform() * (length - DAY_MS) : start - random.exponential(320) * DAY_MS - DAY_MS,
    );
    let topics = 0;
    for (let t = 0; t < k; t++) {
      const interest = random.normal();
      columns.interest[u * k + t] = interest;
      if (random.chance(interest > 0.3 ? 0.66 : interest > -0.6 ? 0.36 : 0.14)) topics |= 1 << t;
    }
    columns.topics[u] = topics === 0 ? 1 << random.below(k) : topics;
    const engagement = random.normal();
    columns.engagement[u] = engagement;
    columns.irritability[u] = exp(0.85 * random.normal() - 0.25 * engagement - 0.4);
    columns.fatigueSlope[u] = exp(0.5 * random.normal() - 0.125);
    columns.priceSensitivity[u] = random.normal();
    columns.preferredHour[u] = random.chance(0.6) ? 7 + random.below(5) : 17 + random.below(6);
    columns.visitRate[u] = 0.02 * exp(0.9 * random.normal() + 0.35 * engagement);
    columns.spend[u] = 0.5 * random.normal();
    columns.usesPrivacyProxy[u] = random.chance(mailbox.privacyProxyRate) ? 1 : 0;
    columns.hasGateway[u] = random.chance(mailbox.gatewayRate) ? 1 : 0;
    columns.loadsPictures[u] = random.chance(0.86) ? 1 : 0;
    columns.hasClientSignals[u] = random.chance(0.3) ? 1 : 0;
    // Summaries spread through the period: 6 % have them at its start, about 30 % at its end.
    const adoption = random.uniform();
    columns.summaryFrom[u] =
      adoption < 0.06 ? start : adoption < 0.3 ? start + ((adoption - 0.06) / 0.24) * length : Number.POSITIVE_INFINITY;
    const bornDead = random.chance(DEAD_AT_SIGN_UP);
    columns.deadFrom[u] = bornDead
      ? columns.signedUpAt[u]!
      : Math.max(columns.signedUpAt[u]!, start) + random.exponential(1 / DEATHS_PER_DAY) * DAY_MS;
    columns.isSpamTrap[u] = random.chance(0.0006) ? 1 : 0;
    columns.trainingConsent[u] = random.chance(0.93) ? 1 : 0;
    const moment = (share: number) =>
      random.chance(share)
        ? Math.floor(Math.max(start, columns.signedUpAt[u]!) + random.uniform() * length)
        : Number.POSITIVE_INFINITY;
    columns.trainingWithdrawnAt[u] = moment(0.025);
    columns.trainingRegrantedAt[u] = columns.trainingWithdrawnAt[u]! + (random.chance(0.15) ? 12 * DAY_MS : Infinity);
    columns.activationWithdrawnAt[u] = moment(0.012);
  }
  return { count, addresses, domains, ...columns };
}

/** Whether the customer allowed training on their events at an instant. */
export function trainsOn(customers: Customers, u: number, at: number): boolean {
  if (customers.trainingConsent[u] === 0 || at < customers.signedUpAt[u]!) return false;
  return at < customers.trainingWithdrawnAt[u]! || at >= customers.trainingRegrantedAt[u]!;
}
