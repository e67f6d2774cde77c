import type { FunctionCall } from "../../../packages/googlesql/index.ts";
import { argumentOf, resolveVal } from "./expression.ts";
import { type Instant, newInstant, type Order, order } from "./instants.ts";
import { type Facts, type Need, needsOf, ofOtherRows, outlasting, together, type Val, val } from "./knowledge.ts";
import type { Analysis, Env } from "./relation.ts";

/** Aggregates that rows with 0 or FALSE add nothing to, beside those with NULL. */
const ofWhatIsMore = new Set(["SUM", "COUNTIF", "LOGICAL_OR", "MAX"]);
/** Aggregates that do not tell how many rows there were. */
const ofOneOf = new Set(["MAX", "MIN", "ANY_VALUE", "LOGICAL_OR", "LOGICAL_AND"]);
const handingOn = new Set(["MAX", "MIN", "ANY_VALUE"]);

/** What a call says of the rows that it takes in: what each must have told, under what holds of those that count. */
export interface Taken {
  readonly args: readonly Val[];
  readonly facts: Facts;
  readonly needs: readonly Need[];
}

/** The rows that count in an aggregate. `rows`: what decides which there are. */
export function takenIn(a: Analysis, node: FunctionCall, name: string, env: Env, rows: readonly Need[]): Taken {
  const args = node.arguments.flatMap((one) => {
    const written = argumentOf(a, node, one);
    return written ? [resolveVal(a, written, env)] : [];
  });
  const [first] = args;
  const filter = node.filter && resolveVal(a, node.filter, env);
  const by = [
    ...node.orderBy.map((item) => needsOf(resolveVal(a, item.expression, env))),
    ...(node.having ? [needsOf(resolveVal(a, node.having.expression, env))] : []),
    ...args.slice(1).map(needsOf),
  ];
  const counts = first?.when && (first.when.otherwise === "null" || ofWhatIsMore.has(name)) ? first.when : undefined;
  const isAll = name === "LOGICAL_AND" && first?.no && first.no.length > 0;
  const said = isAll ? first.no! : (counts?.facts ?? []);
  const facts = env.facts.with([...(first?.defs ?? []), ...said, ...(filter?.when?.facts ?? [])]);
  const own = first ? (counts ? counts.needs : needsOf(first)) : [];
  const needs = together(
    // How many days there are says on how many something happened.
    facts.apply(ofOneOf.has(name) ? rows : rows.map((need) => ({ ...need, isSoft: false })), !ofOneOf.has(name)),
    facts.apply(together(own, ...by, filter?.when?.needs ?? [])),
    ...(counts && first?.fields ? [needsOf(first)] : []),
  );
  return { args, facts, needs };
}

export function aggregateVal(a: Analysis, node: FunctionCall, name: string, env: Env): Val {
  const taken = takenIn(a, node, name, env, env.rows);
  const survivors = env.group;
  const clean = (needs: readonly Need[]): readonly Need[] => ofOtherRows(outlasting(needs, survivors));
  const needs = together(clean(taken.needs), env.keys);
  const [first] = taken.args;
  if (!first) return val(needs);
  if (name === "ARRAY_AGG") return val(needs, { element: inGroup(first, taken, clean) });
  if (!handingOn.has(name)) return val(needs);
  // A mail is one person's, whichever of its events says so.
  if (env.isPerMail && (first.domain === "user" || first.domain === "person"))
    return val(env.keys, { domain: first.domain });
  // And it was sent once: the send says nothing of which of its events are there.
  if (env.isPerMail && first.domain === "send" && first.time && survivors.has(first.time.at))
    return val(env.keys, { domain: first.domain, time: first.time });
  return val(handOn(needs, taken, name, survivors), {
    ...timeOf(taken, name, (at) => [...survivors].flatMap((one) => bounds(taken.facts, at, one))),
    ...(first.mail !== undefined && survivors.has(first.mail) ? { mail: first.mail } : {}),
    ...(first.domain ? { domain: first.domain } : {}),
    ...(first.fields ? { fields: inGroup(first, taken, clean).fields } : {}),
  });

  /** The earliest of the acts is known as it happens. */
  function handOn(all: readonly Need[], of: Taken, what: string, group: ReadonlySet<Instant>): readonly Need[] {
    const { time } = of.args[0]!;
    if (what !== "MIN" || !time || time.self === undefined || group.has(time.at)) return all;
    const made = madeFor(of);
    const isOwn = of.needs.every((need) => need.bounds.some((one) => one.at === time.self && one.plus <= 0));
    return isOwn ? all.map((need) => ({ ...need, bounds: [...need.bounds, { at: made, plus: 0 }] })) : all;
  }
}

function inGroup(one: Val, taken: Taken, clean: (needs: readonly Need[]) => readonly Need[]): Val {
  return val(clean(taken.facts.apply(one.needs)), {
    domain: one.domain,
    ...(one.fields
      ? { fields: one.fields.map((field) => ({ name: field.name, val: inGroup(field.val, taken, clean) })) }
      : {}),
  });
}

const bounds = (
  facts: Facts,
  at: Instant,
  other: Instant,
): readonly (readonly [number | undefined, number | undefined, Instant])[] => [
  [facts.zone.above(at).get(other), facts.zone.above(other).get(at), other],
];

const made = new WeakMap<Taken, Instant>();
function madeFor(taken: Taken): Instant {
  const known = made.get(taken);
  if (known !== undefined) return known;
  const fresh = newInstant();
  made.set(taken, fresh);
  return fresh;
}

/** The time that one of the rows hands on: the same, when all of them have the same; else a new one with the bounds of all. */
export function timeOf(
  taken: Taken,
  name: string,
  boundsOf: (at: Instant) => readonly (readonly [number | undefined, number | undefined, Instant])[],
): Partial<Pick<Val, "time" | "defs">> {
  const time = taken.args[0]?.time;
  if (!time) return {};
  const found = boundsOf(time.at);
  const same = found.find(([up, down]) => up !== undefined && down !== undefined && up === -down);
  if (same) return { time: { ...time, at: same[2], plus: time.plus + same[0]!, self: same[2] } };
  const at = madeFor(taken);
  const defs = found.flatMap(([up, down, other]): Order[] => [
    ...(up === undefined ? [] : [order(at, other, up)]),
    ...(down === undefined ? [] : [order(other, at, down)]),
  ]);
  return { defs, time: { ...time, at, self: name === "MIN" ? at : undefined } };
}
