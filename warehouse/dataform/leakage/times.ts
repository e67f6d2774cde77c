import type { TypeName } from "../../../packages/googlesql/index.ts";
import { day, type Instant, newInstant, order } from "./instants.ts";
import { needsOf, type Val, val } from "./knowledge.ts";

/** Units that are always as long, in microseconds. */
export const fixedUnits: ReadonlyMap<string, number> = new Map([
  ["microsecond", 1],
  ["millisecond", 1000],
  ["second", 1_000_000],
  ["minute", 60_000_000],
  ["hour", 3_600_000_000],
  ["day", day],
  ["week", 7 * day],
  ["isoweek", 7 * day],
]);

/**
 * Units that a time may be cut down to. All months are taken as the longest: of two cut times the earlier one's whole month is then still
 * before the later one, which is what such a comparison says; in days it is up to three too many.
 */
export const cutUnits: ReadonlyMap<string, number> = new Map([
  ...fixedUnits,
  ["month", 31 * day],
  ["quarter", 92 * day],
  ["year", 366 * day],
  ["isoyear", 371 * day],
]);

/** The same instant cut down to the same unit is the same. */
const cut = new Map<string, Instant>();

/** A time cut down to whole units (UTC), `scale` being what the number 1 stands for afterwards. In another zone it is other days, as long. */
export function truncated(one: Val, unit: number, scale: number, zone = "UTC"): Val {
  const { time } = one;
  if (!time) return val(needsOf(one));
  // Within a second nobody's clocks agree: what is cut to seconds is taken as it was.
  if (time.grain % unit === 0 || unit <= 1_000_000) return { ...one, time: { ...time, scale } };
  const key = `${time.at} ${time.plus} ${unit} ${zone}`;
  const at = cut.get(key) ?? newInstant();
  cut.set(key, at);
  return val(one.needs, {
    defs: [...(one.defs ?? []), order(at, time.at, time.plus), order(time.at, at, unit - time.grain - time.plus)],
    time: { at, plus: 0, scale, grain: unit, self: time.self },
    when: one.when,
  });
}

/** A number that counts from the epoch: the same instant, told in another way. */
export const counted = (one: Val, scale: number): Val => (one.time ? truncated(one, scale, scale) : val(needsOf(one)));

export function converted(one: Val, type: TypeName): Val {
  const name = type.kind === "simple-type" ? type.name.toUpperCase() : "";
  if (one.literal === null) return one;
  if (name === "DATE") return truncated(one, day, day);
  if (name === "TIMESTAMP" || name === "DATETIME") return one.time ? { ...one, time: { ...one.time, scale: 1 } } : one;
  // 1 for TRUE, 0 for FALSE; the text of an id is the id.
  return { ...one, time: undefined };
}
