import { cutName, order } from "./instants.ts";
import { type Fact, type Need, type Time, together, type Val, val } from "./knowledge.ts";

type Comparison = "<" | "<=" | ">" | ">=" | "=" | "<>";
const mirrored: Readonly<Record<Comparison, Comparison>> = {
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
  "=": "=",
  "<>": "<>",
};
const opposite: Readonly<Record<Comparison, Comparison>> = {
  "<": ">=",
  "<=": ">",
  ">": "<=",
  ">=": "<",
  "=": "<>",
  "<>": "=",
};

/** `a - b <= plus`, of two times as values; truncated ones are whole steps, so `<` is a whole step less. */
function orders(left: Time, operator: Comparison, right: Time): readonly Fact[] {
  const step = left.grain === right.grain ? left.grain : 1;
  const least = (a: Time, b: Time, less: number): Fact => order(a.at, b.at, b.plus - a.plus - less);
  switch (operator) {
    case "<":
      return [least(left, right, step)];
    case "<=":
      return [least(left, right, 0)];
    case ">":
      return [least(right, left, step)];
    case ">=":
      return [least(right, left, 0)];
    case "=":
      return [least(left, right, 0), least(right, left, 0)];
    case "<>":
      return [];
  }
}

/** Whether an act came before an instant is known when that passes, whatever else is known of it. */
function askedAt(asked: Val, operator: Comparison, other: Time | undefined): readonly Need[] {
  const { time } = asked;
  if (!time || !other || time.self === undefined || operator === "=" || operator === "<>") return asked.needs;
  // `t < u` and its opposite ask about what comes before u; `t <= u` and its opposite about u as well.
  const including = operator === "<=" || operator === ">";
  const at = other.plus - time.plus + (including ? time.grain - 1 : -1);
  return asked.needs.map((need) =>
    need.bounds.some((bound) => bound.at === time.self && bound.plus <= 0)
      ? { ...need, bounds: [...need.bounds, { at: other.at, plus: at }] }
      : need,
  );
}

/** That something is compared with the as-of instant says which build it is, and nothing of what is compared. */
const withoutCut = (one: Val): Val =>
  one.needs.some((need) => need.origin.column === cutName)
    ? { ...one, needs: one.needs.filter((need) => need.origin.column !== cutName) }
    : one;

/** `left operator right`. */
export function compared(one: Val, operator: Comparison, other: Val): Val {
  const left = withoutCut(one);
  const right = withoutCut(other);
  const far = farApart(left, operator, right) ?? farApart(right, mirrored[operator], left);
  if (far) return far;
  const needs = together(askedAt(left, operator, right.time), askedAt(right, mirrored[operator], left.time));
  const defs = [...(left.defs ?? []), ...(right.defs ?? [])];
  const there: Fact[] = [...defs, ...[left, right].flatMap((each): readonly Fact[] => thereFacts(each))];
  const yes: Fact[] =
    operator === "<>"
      ? [...there]
      : [...there, ...(left.time && right.time ? orders(left.time, operator, right.time) : [])];
  const no: Fact[] = left.time && right.time ? [...defs, ...orders(left.time, opposite[operator], right.time)] : [];
  if (operator === "=" || operator === "<>") {
    const same: Fact[] = [{ kind: "same", a: left.id, b: right.id }];
    if (left.mail !== undefined && right.mail !== undefined)
      same.push(order(left.mail, right.mail, 0), order(right.mail, left.mail, 0));
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const)
      if (typeof other.literal === "string") same.push({ kind: "in", id: one.id, values: [other.literal] });
    (operator === "=" ? yes : no).push(...same);
  }
  return val(needs, { when: { facts: yes, needs, otherwise: "zero" }, no });
}

/** That a value is there, and what it is then made of. */
export const thereFacts = (one: Val): readonly Fact[] =>
  one.literal !== undefined
    ? []
    : [{ kind: "there", id: one.id }, ...(one.when?.otherwise === "null" ? one.when.facts : [])];

/** A distance in whole units against a number: `timestamp_diff(a, b, day) >= 1`. */
function farApart(left: Val, operator: Comparison, right: Val): Val | undefined {
  const { distance } = left;
  if (!distance || typeof right.literal !== "number") return undefined;
  const facts = (op: Comparison, n: number): readonly Fact[] => {
    const { from, to, unit, exact } = distance;
    // distance = (to - from) in units; TIMESTAMP_DIFF cuts towards 0, DATE_DIFF is of whole days.
    const atLeast = (k: number): Fact => {
      const micros = exact ? k * unit : k > 0 ? k * unit : (k - 1) * unit + 1;
      return order(from.at, to.at, to.plus - from.plus - micros);
    };
    const atMost = (k: number): Fact => {
      const micros = exact ? k * unit : k >= 0 ? (k + 1) * unit - 1 : k * unit;
      return order(to.at, from.at, from.plus - to.plus + micros);
    };
    switch (op) {
      case ">":
        return [atLeast(Math.floor(n) + 1)];
      case ">=":
        return [atLeast(Math.ceil(n))];
      case "<":
        return [atMost(Math.ceil(n) - 1)];
      case "<=":
        return [atMost(Math.floor(n))];
      case "=":
        return [atLeast(n), atMost(n)];
      case "<>":
        return [];
    }
  };
  const yes = facts(operator, right.literal);
  // In the rows that pass, what the order of the two says is known when the later one passes.
  const { from, to } = distance;
  const needs = left.needs.map((need) => {
    const own = need.bounds.some((bound) => bound.at === from.self && bound.plus <= 0);
    const lastAsked = yes.flatMap((fact) => (fact.kind === "order" && fact.a === from.at ? [fact.most] : []));
    return own && lastAsked.length > 0
      ? { ...need, bounds: [...need.bounds, { at: to.at, plus: lastAsked[0]! + from.grain - 1 }] }
      : need;
  });
  return val(needs, {
    when: { facts: [...(left.defs ?? []), ...thereFacts(left), ...yes], needs, otherwise: "zero" },
    no: [...(left.defs ?? []), ...facts(opposite[operator], right.literal)],
  });
}
