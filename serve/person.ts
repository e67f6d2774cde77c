import registry from "../includes/feature_registry.js";
import features from "../includes/features.js";
import type { Customer, Inputs, InputValue, PastSend } from "../policy/decision.ts";

/** A row of features.decision_inputs: what the batch reads, and what the online store holds. Times are milliseconds since the epoch. */
export interface Person {
  readonly user_id_hash: string;
  /** Who it is, by whatever id; the same for all ids of one person. */
  readonly person_id: string;
  readonly other_ids: readonly string[];
  readonly has_consent: boolean;
  /** What stands against mail of a kind. */
  readonly suppressions: readonly { readonly campaign_kind: string; readonly reason: string }[];
  readonly is_eligible: boolean;
  readonly eligibility_reasons: readonly string[];
  readonly identity: "known" | "conflict";
  readonly region: string;
  readonly time_zone: string | null;
  readonly segments: readonly string[];
  readonly sends: readonly PastSend[];
  readonly values: Readonly<Record<string, number | string | null>>;
  readonly topic_clicks: Readonly<Record<string, number>>;
  /** How much the person cares for each category. A store loaded before there were any has none. */
  readonly category_affinities?: Readonly<Record<string, number>>;
  /** Sources that had been silent for too long (includes/feeds.js): features of theirs are missing. A store loaded before there were any has none. */
  readonly silent_feeds?: readonly string[];
  readonly features_version: string;
  /** As of when all of it holds. */
  readonly as_of: number;
}

/** What is known of the mail itself, before anybody is chosen for it. */
export interface CampaignInputs {
  readonly campaign_kind: string;
  readonly campaign_topic: string | null;
  readonly subject_length: number | null;
  readonly sender_complaint_rate_30d: number | null;
}

const types: ReadonlyMap<string, "number" | "category"> = new Map(
  (features.list as readonly { name: string; type: "number" | "category" }[]).map(({ name, type }) => [name, type]),
);
/** Columns of the row that are no features of a model, and yet something that conditions may ask about. */
const others: ReadonlyMap<string, "number" | "category"> = new Map([
  ["favourite_category", "category"],
  ["best_hour", "number"],
  ["categories_90d", "number"],
]);

const number = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A row of features.decision_inputs as the warehouse gives it. */
export function personOf(row: Readonly<Record<string, unknown>>): Person {
  const values: Record<string, number | string | null> = {};
  for (const name in row) {
    const type = types.get(name) ?? others.get(name);
    if (type === undefined) continue;
    const value = row[name];
    values[name] = type === "number" ? number(value) : value === null ? null : String(value);
  }
  const topics: Record<string, number> = {};
  for (const one of list(row["topic_clicks"]) as readonly Record<string, unknown>[])
    topics[String(one["topic"])] = Number(one["clicks"]);
  const affinities: Record<string, number> = {};
  for (const one of list(row["category_affinities"]) as readonly Record<string, unknown>[])
    affinities[String(one["category"])] = Number(one["affinity"]);
  const zone = row["time_zone"];
  return {
    user_id_hash: String(row["user_id_hash"]),
    person_id: String(row["person_id"]),
    other_ids: list(row["other_ids"]).map(String),
    has_consent: row["has_activation_consent"] === true,
    suppressions: (list(row["suppressions"]) as readonly Record<string, unknown>[]).map((one) => ({
      campaign_kind: String(one["campaign_kind"]),
      reason: String(one["reason"]),
    })),
    is_eligible: row["is_eligible"] === true,
    eligibility_reasons: list(row["eligibility_reasons"]).map(String),
    identity: row["has_identity_conflict"] === true ? "conflict" : "known",
    region: String(row["region"] ?? "unknown"),
    time_zone: zone === null || zone === undefined ? null : String(zone),
    segments: list(row["segments"]).map(String),
    sends: (list(row["recent_sends"]) as readonly Record<string, unknown>[]).map((send) => ({
      at: Date.parse(String(send["sent_at"])),
      kind: String(send["campaign_kind"]),
      campaign_id: String(send["campaign_id"]),
    })),
    values,
    topic_clicks: topics,
    category_affinities: affinities,
    silent_feeds: list(row["silent_feeds"]).map(String),
    features_version: String(row["features_version"]),
    as_of: Date.parse(String(row["as_of_at"])),
  };
}

/** The features that are missing while those sources are silent. */
export const missingOf = (silentFeeds: readonly string[] = []): readonly string[] =>
  silentFeeds.flatMap((feed) => registry.namesOf(feed) as string[]);

/** Counted features as a build gives them: NULL where their source is silent. */
export function withoutSilent<Value extends number | string | null>(
  counted: Readonly<Record<string, Value>>,
  silentFeeds: readonly string[] | undefined,
): Record<string, Value | null> {
  const values: Record<string, Value | null> = { ...counted };
  for (const name of missingOf(silentFeeds)) if (values[name] !== undefined) values[name] = null;
  return values;
}

/** Categories, the one that somebody cares for most first. */
export const categoriesOf = (affinities: Readonly<Record<string, number>> = {}): readonly string[] =>
  Object.entries(affinities)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([category]) => category);

/** What features say of all the categories that somebody cares for. */
export function ofCategories(affinities: Readonly<Record<string, number>>) {
  const categories = categoriesOf(affinities);
  return { favourite_category: categories[0] ?? null, categories_90d: categories.length };
}

/** What a decision is told of a person, beside the campaign at hand. */
export function customerOf(person: Person, campaign: CampaignInputs, asOf = person.as_of): Customer {
  const { campaign_topic } = campaign;
  const values: Record<string, InputValue> = { ...person.values };
  values["topic_clicks_90d"] = campaign_topic === null ? null : (person.topic_clicks[campaign_topic] ?? 0);
  // not known to be nothing, but not known: a policy counts it among what is missing
  for (const name of missingOf(person.silent_feeds)) delete values[name];
  values["region"] = person.region;
  return {
    person_id: person.user_id_hash,
    drawn_as: person.person_id,
    identity: person.identity,
    consent: { is_granted: person.has_consent, as_of: person.as_of },
    suppressions: person.suppressions
      .filter(({ campaign_kind }) => campaign_kind === campaign.campaign_kind)
      .map(({ reason }) => reason),
    eligibility: { is_eligible: person.is_eligible, reasons: person.eligibility_reasons, as_of: person.as_of },
    segments: person.segments,
    region: person.region,
    time_zone: person.time_zone,
    sends: person.sends,
    categories: categoriesOf(person.category_affinities),
    features: { values, version: person.features_version, as_of: asOf },
  };
}

/** Somebody of whom nothing is known. */
export const stranger = (personId: string): Customer => ({
  person_id: personId,
  drawn_as: personId,
  identity: "unknown",
  consent: null,
  suppressions: [],
  eligibility: null,
  segments: null,
  region: null,
  time_zone: null,
  sends: [],
  categories: [],
  features: null,
});

/** What the occasion says of the mail, for `DecisionRequest.context`. */
export const contextOf = (campaign: CampaignInputs): Inputs => ({ ...campaign });
