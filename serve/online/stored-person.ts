import { type Heard, withHeard } from "../heard.ts";
import { ofCategories, type Person, withoutSilent } from "../person.ts";
import { type Act, affinitiesAt, type Before, featuresAt, topicsAt } from "./acts.ts";

/** What came of a person since the store was loaded. */
export interface FreshAct extends Act {
  /** Of the signal: one that comes twice counts once. */
  readonly key: string;
  /** What makes two signals the same act; the second within a minute is a repeat. */
  readonly signature: string;
  readonly received_at: number;
}

/** A person in the online store. */
export interface StoredPerson {
  /** As the warehouse knew the person at `base.as_of`; what was heard and decided since stands beside it. */
  readonly base: Person;
  readonly acts: readonly Act[];
  readonly before: Before;
  readonly fresh: readonly FreshAct[];
  /** Features that somebody has set, with when they were set and until when they hold, in milliseconds. */
  readonly set: Readonly<
    Record<string, { readonly value: number | string | null; readonly at: number; readonly until: number }>
  >;
}

/**
 * The person as a decision sees one now. Without anything new the features are those of the warehouse, to the last digit; with something
 * new they are counted again as of the instant just after it, as the next build would.
 */
export function personNow(stored: StoredPerson, now: number, heardOf: (id: string) => readonly Heard[]): Person {
  const { base, fresh, set } = stored;
  let person = base;
  const known = fresh.filter((one) => one.at <= now * 1000);
  if (known.length > 0) {
    const all = [...stored.acts, ...known].sort((a, b) => a.at - b.at);
    const at = Math.max(base.as_of * 1000, all.at(-1)!.at + 1);
    const days = base.values["days_since_signup"];
    const affinities = affinitiesAt(all, at);
    person = {
      ...base,
      values: {
        ...base.values,
        ...withoutSilent(featuresAt(all, stored.before, at), base.silent_feeds),
        ...ofCategories(affinities),
        ...(typeof days === "number" ? { days_since_signup: days + (at / 1000 - base.as_of) / 86_400_000 } : {}),
      },
      topic_clicks: topicsAt(all, at),
      category_affinities: affinities,
    };
  }
  person = withHeard(person, heardOf, now);
  const given = Object.entries(set).filter(([, { until }]) => now < until);
  if (given.length > 0)
    person = {
      ...person,
      values: { ...person.values, ...Object.fromEntries(given.map(([name, { value }]) => [name, value])) },
    };
  return person;
}
