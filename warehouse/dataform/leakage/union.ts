import { asOf, type Instant, newInstant, type Order, order, Zone } from "./instants.ts";
import { type Bound, Facts, type Need, needsOf, together, type Val, val } from "./knowledge.ts";
import { oneOf } from "./logic.ts";
import type { Column, Relation } from "./relation.ts";

/**
 * UNION ALL. A column that every part gives a time for is a time; between two such instants holds what holds in each part. An id of
 * a mail names the send in the parts that have one; where a part has NULL, or the id of something else, nothing is claimed.
 */
export function union(parts: readonly Relation[], outer: ReadonlySet<Instant>): Relation {
  const [first] = parts;
  const zones = parts.map((part) => new Zone(part.orders));
  interface Made {
    readonly instant: Instant;
    readonly inPart: readonly ({ readonly at: Instant; readonly plus: number } | undefined)[];
  }
  const instants: Made[] = [asOf, ...outer].map((one) => ({
    instant: one,
    inPart: parts.map(() => ({ at: one, plus: 0 })),
  }));
  const columns = first!.columns.map((column, i): Column => {
    const vals = parts.map((part) => part.columns[i]?.val ?? val([]));
    const isTime = vals.some((one) => one.time) && vals.every((one) => one.time || one.literal === null);
    const isMail = vals.some((one) => one.mail !== undefined);
    const isVacuous = (one: Val): boolean => one.literal === null || one.domain !== "mail";
    // The as-of instant is the same in every part.
    const fixed = vals[0]?.time;
    const isFixed =
      fixed !== undefined &&
      (fixed.at === asOf || outer.has(fixed.at)) &&
      vals.every((one) => one.time?.at === fixed.at && one.time.plus === fixed.plus);
    const time = isTime && !isFixed ? newInstant() : undefined;
    const mail = isMail && vals.every((one) => one.mail !== undefined || isVacuous(one)) ? newInstant() : undefined;
    const selves = vals.every(
      (one) =>
        one.literal === null || (one.time?.self !== undefined && one.time.self === one.time.at && one.time.plus === 0),
    );
    if (time !== undefined)
      instants.push({ instant: time, inPart: vals.map((one) => one.time && { at: one.time.at, plus: one.time.plus }) });
    if (mail !== undefined)
      instants.push({
        instant: mail,
        inPart: vals.map((one) => (one.mail === undefined ? undefined : { at: one.mail, plus: 0 })),
      });
    const sample = vals.find((one) => one.time)?.time;
    const domains = new Set(vals.filter((one) => one.literal !== null).map((one) => one.domain ?? ""));
    const merged = oneOf(vals.map((one) => ({ ...one, time: undefined, mail: undefined })));
    return {
      name: column.name,
      span: column.span,
      val: val([], {
        ...(isFixed ? { time: fixed } : {}),
        ...(merged.fields ? { fields: merged.fields } : {}),
        ...(merged.element ? { element: merged.element } : {}),
        ...(time !== undefined && sample
          ? {
              time: {
                at: time,
                plus: 0,
                scale: sample.scale,
                grain: Math.min(...vals.map((one) => one.time?.grain ?? sample.grain)),
                self: selves ? time : undefined,
              },
            }
          : {}),
        ...(mail !== undefined ? { mail, domain: "mail" } : {}),
        ...(mail === undefined && domains.size === 1 && !domains.has("") ? { domain: [...domains][0]! } : {}),
      }),
    };
  });
  const orders: Order[] = [];
  for (const a of instants)
    for (const b of instants) {
      if (a === b) continue;
      const most = parts.map((_, p) => {
        const [one, other] = [a.inPart[p], b.inPart[p]];
        if (!one || !other) return Number.NEGATIVE_INFINITY;
        return (zones[p]!.above(one.at).get(other.at) ?? Number.POSITIVE_INFINITY) + one.plus - other.plus;
      });
      const worst = Math.max(...most);
      if (Number.isFinite(worst)) orders.push(order(a.instant, b.instant, worst));
    }
  const moved = (bounds: readonly Bound[], p: number): readonly Bound[] =>
    bounds.flatMap(({ at, plus }) =>
      instants.flatMap(({ instant, inPart }) => {
        const here = inPart[p];
        return here && here.at === at ? [{ at: instant, plus: plus - here.plus }] : [];
      }),
    );
  const renamed = (needs: readonly Need[], p: number): readonly Need[] => {
    const facts = new Facts(zones[p]!, new Map(), new Set());
    const texts = columns.flatMap((column, i) => {
      const { literal } = parts[p]!.columns[i]?.val ?? {};
      return literal === null || typeof literal === "string" ? [{ id: column.val.id, value: literal }] : [];
    });
    return facts.apply(needs).map((need) => ({
      ...need,
      early: undefined,
      tags: [...texts],
      bounds: moved(need.bounds, p),
      since: need.since && moved(need.since, p),
    }));
  };
  const all = (of: (part: Relation) => readonly Need[]): readonly Need[] =>
    together(...parts.map((part, p) => renamed(of(part), p)));
  return {
    columns: columns.map((column, i) => {
      const whens = parts.map((part) => part.columns[i]?.val);
      const isZero = whens.every(
        (one) =>
          one &&
          (one.literal === 0 ||
            one.literal === null ||
            one.literal === false ||
            one.when?.otherwise === "zero" ||
            typeof one.literal === "number"),
      );
      // Where the parts give 0 or nothing, only those that give more have a say in a sum.
      const worth = all((part) => {
        const one = part.columns[i]?.val;
        return one && !(one.literal === 0 || one.literal === null || one.literal === false)
          ? (one.when?.needs ?? needsOf(one))
          : [];
      });
      return {
        ...column,
        val: {
          ...column.val,
          needs: all((part) => (part.columns[i] ? needsOf(part.columns[i]!.val) : [])),
          ...(isZero ? { when: { facts: [], needs: worth, otherwise: "zero" as const } } : {}),
        },
      };
    }),
    rows: all((part) => part.rows),
    exists: all((part) => part.exists),
    orders,
    unique: [],
    outer,
  };
}
