import pit from "../../includes/pit.js";
import type { Row, Warehouse } from "../../warehouse/warehouse.ts";
import { nextInputs, type Place } from "../decision-inputs.ts";
import { categoriesOf, ofCategories, type Person, personOf, withoutSilent } from "../person.ts";
import { affinitiesAt, featuresAt } from "./acts.ts";
import type { OnlineStore } from "./store.ts";

export interface FeatureSkew {
  readonly feature: string;
  readonly compared: number;
  readonly differing: number;
  readonly greatest_difference: number | null;
  /** One person of whom it differs. */
  readonly example: string | null;
}

export interface Skew {
  readonly people: number;
  readonly missing_online: number;
  readonly missing_offline: number;
  readonly other_as_of: number;
  readonly features: readonly FeatureSkew[];
}

const counted = new Set<string>([...pit.customerNames, "favourite_category", "categories_90d", "category_affinities"]);

/**
 * Compares the online store with features.decision_inputs, key by key: the values as they were loaded, and the same counted again
 * from the acts that the store keeps, which is how it counts on.
 */
export async function verifyFeatures(
  warehouse: Pick<Warehouse, "query">,
  store: OnlineStore,
  options: { readonly pageRows: number; readonly signal: AbortSignal },
): Promise<Skew> {
  const tally = new Map<
    string,
    { compared: number; differing: number; greatest: number | null; example: string | null }
  >();
  let people = 0;
  let missingOnline = 0;
  let otherAsOf = 0;
  let after: Place | null = null;
  for (;;) {
    const rows: readonly Row[] = await nextInputs(warehouse, { after, rows: options.pageRows }, options.signal);
    for (const row of rows) {
      const offline = personOf(row);
      people += 1;
      after = offline;
      const online = store.person(offline.user_id_hash);
      if (!online) {
        missingOnline += 1;
        continue;
      }
      if (online.base.as_of !== offline.as_of) {
        otherAsOf += 1;
        continue;
      }
      const affinities = affinitiesAt(online.acts, online.base.as_of * 1000);
      const again = {
        ...withoutSilent(featuresAt(online.acts, online.before, online.base.as_of * 1000), offline.silent_feeds),
        ...ofCategories(affinities),
        category_affinities: spelled(affinities),
      } as Readonly<Record<string, number | string | null>>;
      const standing = (one: Person): [string, string | number | null][] => [
        ["suppressions", JSON.stringify(one.suppressions)],
        ["has_activation_consent", String(one.has_consent)],
        ["category_affinities", spelled(one.category_affinities)],
      ];
      const loaded = new Map(standing(online.base));
      for (const [name, value] of [...Object.entries(offline.values), ...standing(offline)]) {
        const shown = loaded.get(name) ?? online.base.values[name] ?? null;
        const wrong = !isSame(shown, value)
          ? shown
          : counted.has(name) && !isSame(again[name] ?? null, value)
            ? (again[name] ?? null)
            : undefined;
        const found = tally.get(name) ?? { compared: 0, differing: 0, greatest: null, example: null };
        tally.set(name, found);
        found.compared += 1;
        if (wrong === undefined) continue;
        found.differing += 1;
        found.example ??= offline.user_id_hash;
        if (typeof wrong === "number" && typeof value === "number")
          found.greatest = Math.max(found.greatest ?? 0, Math.abs(wrong - value));
      }
    }
    if (rows.length < options.pageRows) break;
  }
  let stored = 0;
  for (const _ of store.people()) stored += 1;
  return {
    people,
    missing_online: missingOnline,
    missing_offline: Math.max(0, stored - (people - missingOnline)),
    other_as_of: otherAsOf,
    features: [...tally]
      .map(([feature, { compared, differing, greatest, example }]) => ({
        feature,
        compared,
        differing,
        greatest_difference: greatest,
        example,
      }))
      .sort((a, b) => b.differing - a.differing || (a.feature < b.feature ? -1 : 1)),
  };
}

const spelled = (affinities: Readonly<Record<string, number>> = {}): string =>
  JSON.stringify(categoriesOf(affinities).map((category) => [category, affinities[category]]));

/** Sums of money and rates are added in another order: equal to one part in a billion. */
const isSame = (a: number | string | null, b: number | string | null): boolean =>
  a === b ||
  (typeof a === "number" && typeof b === "number" && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b)));
