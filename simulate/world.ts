import { type Campaign, createCampaigns } from "./campaigns.ts";
import type { WorldConfig } from "./config.ts";
import { type Customers, createCustomers } from "./customers.ts";
import { providers, regions } from "./places.ts";

/** Everything that a seed fixes before the first day. */
export interface World {
  readonly config: WorldConfig;
  readonly customers: Customers;
  readonly campaigns: readonly Campaign[];
  /** How much readier people are to press "spam" than in the default world; 1 where it is not given. */
  readonly complaintFactor?: number | undefined;
  /** How much likelier a click is to end in an order, as odds; 1 where it is not given. */
  readonly orderFactor?: number | undefined;
}

/** What changes as the days go by, a column each. */
export interface State {
  /** Decayed count of mail received, as of `fatigueAt` (see `fatigue`). */
  readonly fatigue: Float64Array;
  readonly fatigueAt: Float64Array;
  /** Engagement's slow walk around its mean. */
  readonly mood: Float64Array;
  readonly unsubscribedAt: Float64Array;
  readonly complainedAt: Float64Array;
  /** When the sender learned that the address is gone. */
  readonly suppressedAt: Float64Array;
}

export const createWorld = (config: WorldConfig): World => ({
  config,
  customers: createCustomers(config),
  campaigns: createCampaigns(config),
});

export function createState(count: number): State {
  return {
    fatigue: new Float64Array(count),
    fatigueAt: new Float64Array(count),
    mood: new Float64Array(count),
    unsubscribedAt: new Float64Array(count).fill(Number.POSITIVE_INFINITY),
    complainedAt: new Float64Array(count).fill(Number.POSITIVE_INFINITY),
    suppressedAt: new Float64Array(count).fill(Number.POSITIVE_INFINITY),
  };
}

/** Whether the sender may mail a customer: signed up, not unsubscribed, not bounced, no complaint heard of, consent given. */
export function mayMail(world: World, state: State, u: number, at: number): boolean {
  const { customers } = world;
  return (
    at >= customers.signedUpAt[u]! &&
    at < state.unsubscribedAt[u]! &&
    at < state.suppressedAt[u]! &&
    at < customers.activationWithdrawnAt[u]! &&
    !(at >= state.complainedAt[u]! && providers[customers.provider[u]!]!.reportsComplaints)
  );
}

/** A customer as a decider sees one: nothing latent. */
export interface VisibleCustomer {
  /** Raw address, as in the event files. */
  readonly userId: string;
  readonly isp: string;
  readonly region: string;
  readonly recipientDomain: string;
  readonly signedUpAt: Date;
}

/** The customers who may be mailed at an instant (epoch ms), in a fixed order. */
export function* enumerateCustomers(world: World, state: State, at: number): Iterable<VisibleCustomer> {
  const { customers } = world;
  for (let u = 0; u < customers.count; u++) {
    if (!mayMail(world, state, u, at)) continue;
    yield {
      userId: customers.addresses[u]!,
      isp: providers[customers.provider[u]!]!.isp,
      region: regions[customers.region[u]!]!.region,
      recipientDomain: customers.domains[u]!,
      signedUpAt: new Date(customers.signedUpAt[u]!),
    };
  }
}
