import { type Instant, newId, type Order, Zone } from "./instants.ts";

/** Known by `at + plus` (microseconds) at the latest. */
export interface Bound {
  readonly at: Instant;
  readonly plus: number;
}

/** Where something that a value is made of comes from. */
export interface Origin {
  readonly table: string;
  readonly column: string;
  /** `act`: happened on its own time; `send`: what we did ourselves; `state`: as it stands at the build; `clock`; `unknown`. */
  readonly kind: "act" | "send" | "state" | "clock" | "unknown";
}

/** One thing that must have become known before a value can be told. */
export interface Need {
  readonly origin: Origin;
  /** Any of them holds; none is "nobody knows when". */
  readonly bounds: readonly Bound[];
  /** It happened at `at + plus` at the earliest: any of them holds; none is "nobody knows". */
  readonly since?: readonly Bound[] | undefined;
  /** Columns that it went through, the first after the origin first. */
  readonly via: readonly string[];
  /** What only says that a group of a day has rows at all. */
  readonly isSoft: boolean;
  /** In the rows that it speaks of, these values are so: a row where they are otherwise does not need it. */
  readonly tags: readonly Tag[];
  /** Told late, known early: a property of the mail that its handling reports. */
  readonly early: Early | undefined;
}

export interface Tag {
  readonly id: number;
  readonly value: string | null;
}

export interface Early {
  /** The value (an event type) that decides, and what it may be. */
  readonly id: number;
  readonly within: readonly string[];
  readonly and: string;
  readonly bound: Bound;
  /** Whether it is about the rows being there. */
  readonly ofRows: boolean;
}

/** What holds in a row when a condition is true. */
export type Fact =
  | Order
  | { readonly kind: "in"; readonly id: number; readonly values: readonly string[] }
  | { readonly kind: "there"; readonly id: number }
  | { readonly kind: "same"; readonly a: number; readonly b: number };

/** An instant that a value stands for: `at + plus`, in steps of `grain` microseconds, where the number 1 is `scale`. */
export interface Time {
  readonly at: Instant;
  readonly plus: number;
  readonly scale: number;
  readonly grain: number;
  /** The instant whose passing makes it known, when it is known as it passes. */
  readonly self: Instant | undefined;
}

/** What is needed, and what holds, where a value is more than NULL, 0 or FALSE. */
export interface When {
  readonly facts: readonly Fact[];
  readonly needs: readonly Need[];
  /** `null`: elsewhere it is NULL. `zero`: elsewhere it is 0 or FALSE. */
  readonly otherwise: "null" | "zero";
}

/** The distance between two instants in whole units, as TIMESTAMP_DIFF gives it. */
export interface Distance {
  readonly from: Time;
  readonly to: Time;
  readonly unit: number;
  /** DATE_DIFF counts days begun, TIMESTAMP_DIFF whole units. */
  readonly exact: boolean;
}

export interface Val {
  readonly id: number;
  readonly needs: readonly Need[];
  readonly time?: Time | undefined;
  /** What the instants that it brought with it are by definition. */
  readonly defs?: readonly Order[] | undefined;
  readonly when?: When | undefined;
  readonly no?: readonly Fact[] | undefined;
  readonly distance?: Distance | undefined;
  readonly literal?: string | number | boolean | null | undefined;
  /** The send of the mail that this value names. */
  readonly mail?: Instant | undefined;
  /** Of what it is the id, so that an id of something else is told apart from a mail's. */
  readonly domain?: string | undefined;
  readonly fields?: readonly { readonly name: string; readonly val: Val }[] | undefined;
  readonly element?: Val | undefined;
}

export const val = (needs: readonly Need[], more: Partial<Omit<Val, "id" | "needs">> = {}): Val => ({
  id: newId(),
  needs,
  ...more,
});

export const plain: Val = { id: newId(), needs: [] };

const spelled = (bounds: readonly Bound[]): string =>
  bounds
    .map((b) => `${b.at}+${b.plus}`)
    .sort()
    .join();

const keyOf = (need: Need): string =>
  `${need.origin.table}.${need.origin.column}|${spelled(need.since ?? [])}|${need.isSoft}|${need.early?.id ?? ""}|${need.tags.map((t) => `${t.id}=${t.value}`).join()}|${spelled(need.bounds)}`;

/** All of them, each once. */
export function together(...all: readonly (readonly Need[])[]): readonly Need[] {
  const given = all.filter((one) => one.length > 0);
  if (given.length === 0) return [];
  if (given.length === 1) return given[0]!;
  const found = new Map<string, Need>();
  for (const one of given) for (const need of one) if (!found.has(keyOf(need))) found.set(keyOf(need), need);
  return [...found.values()];
}

/** The needs of a value and of all its parts. */
export const needsOf = (value: Val): readonly Need[] =>
  together(
    value.needs,
    ...(value.fields ?? []).map((field) => needsOf(field.val)),
    ...(value.element ? [needsOf(value.element)] : []),
  );

/** For each instant the earliest of the bounds on it. */
export function tightest(bounds: readonly Bound[]): readonly Bound[] {
  const least = new Map<Instant, number>();
  for (const { at, plus } of bounds) least.set(at, Math.min(plus, least.get(at) ?? Number.POSITIVE_INFINITY));
  return [...least].map(([at, plus]) => ({ at, plus }));
}

const latest = (bounds: readonly Bound[]): readonly Bound[] =>
  tightest(bounds.map(({ at, plus }) => ({ at, plus: -plus }))).map(({ at, plus }) => ({ at, plus: -plus }));

/** What holds in the rows that are looked at. */
export class Facts {
  readonly zone: Zone;
  readonly values: ReadonlyMap<number, ReadonlySet<string>>;
  readonly there: ReadonlySet<number>;

  constructor(zone: Zone, values: ReadonlyMap<number, ReadonlySet<string>>, there: ReadonlySet<number>) {
    this.zone = zone;
    this.values = values;
    this.there = there;
  }

  static of(orders: readonly Order[]): Facts {
    return new Facts(new Zone(orders), new Map(), new Set());
  }

  with(facts: readonly Fact[]): Facts {
    if (facts.length === 0) return this;
    const values = new Map(this.values);
    const there = new Set(this.there);
    for (const fact of facts) {
      if (fact.kind === "there") there.add(fact.id);
      if (fact.kind !== "in") continue;
      const before = values.get(fact.id);
      values.set(fact.id, new Set(before ? fact.values.filter((one) => before.has(one)) : fact.values));
      there.add(fact.id);
    }
    return new Facts(this.zone.with(facts.filter((fact) => fact.kind === "order")), values, there);
  }

  /** Whether the rows that a need speaks of are among these. */
  private concerns(need: Need): boolean {
    return need.tags.every(({ id, value }) => {
      if (value === null) return !this.there.has(id);
      return this.values.get(id)?.has(value) !== false;
    });
  }

  /** The needs as these rows have them: with every bound that follows from what holds. `countsRows`: how many rows there are matters. */
  apply(needs: readonly Need[], countsRows = false): readonly Need[] {
    return needs.flatMap((need) => {
      if (!this.concerns(need)) return [];
      const bounds = [...need.bounds];
      const early = need.early;
      const types = early && this.values.get(early.id);
      if (early && types && [...types].every((type) => early.within.includes(type)) && types.has(early.and))
        if (!(early.ofRows && countsRows && types.size > 1)) bounds.push(early.bound);
      const all = bounds.flatMap(({ at, plus }) =>
        [...this.zone.above(at)].map(([to, most]) => ({ at: to, plus: plus + most })),
      );
      const since = (need.since ?? []).flatMap(({ at, plus }) =>
        [...this.zone.below(at)].map(([from, most]) => ({ at: from, plus: plus - most })),
      );
      return [{ ...need, bounds: tightest(all), since: latest(since) }];
    });
  }
}

/** Only bounds on some instants outlast the rows: those that a whole group shares, or that a query hands on. */
export const outlasting = (needs: readonly Need[], survivors: ReadonlySet<Instant>): readonly Need[] =>
  needs.map((need) => ({
    ...need,
    bounds: need.bounds.filter(({ at }) => survivors.has(at)),
    since: need.since?.filter(({ at }) => survivors.has(at)),
  }));

/** Of other rows than the one that they now belong to: what is said of the values of that one does not rule them out. */
export const ofOtherRows = (needs: readonly Need[]): readonly Need[] =>
  needs.map((need) => ({ ...need, tags: [], early: undefined }));
