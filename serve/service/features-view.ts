import features from "../../includes/features.js";
import { personNow, type StoredPerson } from "../online/stored-person.ts";
import { missingOf } from "../person.ts";

export interface FeatureView {
  readonly name: string;
  readonly value: number | string | null;
  readonly age_seconds: number | null;
  readonly status: "present" | "stale" | "missing";
}

/** What is served of a person: each feature with its age. One that is older than its time to live, or of a source that has been silent for that long, has no value: whoever reads on would rely on it. */
export function featuresView(stored: StoredPerson, now: number) {
  const person = personNow(stored, now, () => []); // what was heard changes no feature
  const names = new Set([
    ...Object.keys(person.values),
    ...(features.names as string[]).filter((name) => stored.base.values[name] !== undefined),
  ]);
  const asOf = stored.base.as_of;
  const silent = new Set(missingOf(stored.base.silent_feeds));
  const ttl = (features.ttlHours as number) * 3600;
  const list = [...names].sort().map((name): FeatureView => {
    const given = stored.set[name];
    if (given) {
      const age = Math.max(0, (now - given.at) / 1000);
      if (now < given.until) return { name, value: given.value, age_seconds: age, status: "present" };
      if (stored.base.values[name] === undefined) return { name, value: null, age_seconds: age, status: "stale" };
    }
    const age = (now - asOf) / 1000;
    const value = person.values[name];
    if (value === undefined) return { name, value: null, age_seconds: null, status: "missing" };
    // Counts of a source that fell silent say nothing of the person. A clock that is behind ours by more than minutes is no reason to call something fresh.
    return age > ttl || age < -300 || silent.has(name)
      ? { name, value: null, age_seconds: age, status: "stale" }
      : { name, value, age_seconds: age, status: "present" };
  });
  for (const [name, given] of Object.entries(stored.set))
    if (!names.has(name)) list.push({ name, value: null, age_seconds: (now - given.at) / 1000, status: "stale" });
  return {
    version: person.features_version,
    as_of: new Date(asOf).toISOString(),
    new_acts: stored.fresh.length,
    features: list,
  };
}
