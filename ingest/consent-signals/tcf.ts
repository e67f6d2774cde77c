import { RestrictionType, type TCModel, TCString } from "@iabtechlabtcf/core";
import consents from "../../includes/consents.js";
import { broken, type SignalHeard } from "./heard.ts";

/** What of the framework counts: see `signals.tcf` of includes/consents.js. */
export interface TcfReading {
  /** Our id on the Global Vendor List; null where we have none. */
  readonly vendor: number | null;
  readonly channel: string;
  readonly purposes: Readonly<Record<string, readonly number[]>>;
}

/** Longer than any string of a thousand vendors. */
const longest = 16_384;
/** The framework began in 2018; a choice that was made before is none. */
const begun = Date.UTC(2018, 3, 1);

/**
 * Reads a TC string of version 2 (IAB Tech Lab, Consent string and vendor list formats v2). Where it has a segment for the publisher that segment speaks to us;
 * else what it says to our vendor id, restrictions of the publisher included; a string that has neither says nothing to us and is refused. A purpose is granted where all that it takes
 * is consented to, and refused otherwise: whoever has answered and not consented has not consented.
 */
export function readTcf(text: string, { vendor, channel, purposes }: TcfReading = consents.signals.tcf): SignalHeard {
  if (text.length > longest) return broken(`a TC string of ${text.length} characters`);
  const segments = text.split(".");
  if (!segments.every((one) => /^[A-Za-z0-9_-]+$/.test(one)))
    return broken("no TC string: other characters than base64url");
  // The first six bits are the version: C is 2.
  if (!text.startsWith("C")) return broken("a TC string of another version than 2");
  let model: TCModel;
  try {
    model = TCString.decode(text);
  } catch {
    return broken("no TC string that can be decoded");
  }
  const at = model.lastUpdated;
  const isTime = model.created.getTime() >= begun && at.getTime() >= model.created.getTime();
  if (Number(model.version) !== 2 || !isTime || Number(model.policyVersion) < 2)
    return broken("a TC string whose version or time cannot be");
  const consented = consentedIn(model, segments, vendor);
  if (consented === undefined)
    return broken(
      "a TC string without a segment for the publisher, and includes/consents.js names no vendor id of ours",
    );
  const country = /^[A-Z]{2}$/.exec(String(model.publisherCountryCode))?.[0];
  return {
    kind: "heard",
    at,
    jurisdiction: country === undefined || country === "AA" ? undefined : country.toLowerCase(),
    statements: Object.entries(purposes).map(([purpose, wanted]) => ({
      purpose,
      isGranted: wanted.every(consented),
      channel,
    })),
  };
}

function consentedIn(
  model: TCModel,
  segments: readonly string[],
  vendor: number | null,
): ((purpose: number) => boolean) | undefined {
  // The first three bits of a further segment are its type: 3 is the publisher's.
  if (segments.slice(1).some((one) => typeOf(one) === 3)) return (purpose) => model.publisherConsents.has(purpose);
  if (vendor === null) return undefined;
  return (purpose) =>
    model.purposeConsents.has(purpose) &&
    model.vendorConsents.has(vendor) &&
    !model.publisherRestrictions
      .getRestrictions(vendor)
      .some(
        (one) =>
          one.purposeId === purpose &&
          (one.restrictionType === RestrictionType.NOT_ALLOWED || one.restrictionType === RestrictionType.REQUIRE_LI),
      );
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const typeOf = (segment: string): number => alphabet.indexOf(segment.charAt(0)) >> 3;
