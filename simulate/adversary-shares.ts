import { UserError } from "../errors/user-error.ts";

/** How much of each adversary a world holds. All are shares, 0 to 1. */
export interface AdversaryShares {
  /** Of the customers behind a gateway, those whose gateway has each habit; the rest have a plain one. */
  readonly browserGateway: number;
  readonly patientGateway: number;
  readonly singleLinkGateway: number;
  readonly preDeliveryGateway: number;
  readonly unsubscribingGateway: number;
  /** Of the campaigns, those whose tracking stands behind a CDN that puts its own agent in place of the reader's. */
  readonly cdnCampaigns: number;
  /** Of the customers behind Apple's proxy, those for whom it sends a whole agent rather than the bare one. */
  readonly fullAppleAgent: number;
  /** Of the readings with a click, those that begin with a notification: opened and clicked within two seconds of the delivery. */
  readonly notificationClicks: number;
  /** Of the customers at a company, those who sit in an office with one address for all. */
  readonly sharedOffices: number;
  /** Of the signals that a provider does not flag, those of which it says outright that they are no machine's. */
  readonly saidToBeHuman: number;
}

export const defaultAdversaries: AdversaryShares = {
  browserGateway: 0.16,
  patientGateway: 0.16,
  singleLinkGateway: 0.12,
  preDeliveryGateway: 0.1,
  unsubscribingGateway: 0.06,
  cdnCampaigns: 0.08,
  fullAppleAgent: 0.3,
  notificationClicks: 0.03,
  sharedOffices: 0.6,
  saidToBeHuman: 0.25,
};

/** The defaults with some shares put in their place. Throws a `UserError` on a name that is none. */
export function withShares(changed: Readonly<Record<string, number>>): AdversaryShares {
  const stranger = Object.keys(changed).find((name) => !Object.hasOwn(defaultAdversaries, name));
  if (stranger !== undefined) {
    throw new UserError(
      `there is no adversary "${stranger}"; there are ${Object.keys(defaultAdversaries).join(", ")}`,
      {
        code: "simulate.adversary",
        exit: "usage",
        next: "inboxloop simulate --out world --adversary patientGateway=0.4",
      },
    );
  }
  return { ...defaultAdversaries, ...changed };
}
