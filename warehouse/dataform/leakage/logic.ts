import { thereFacts } from "./conditions.ts";
import { type Fact, needsOf, together, type Val, val } from "./knowledge.ts";
import type { Env } from "./relation.ts";

export const under = (env: Env, facts: readonly Fact[]): Env =>
  facts.length === 0 ? env : { ...env, facts: env.facts.with(facts) };

export function negated(one: Val): Val {
  const yes = one.no ?? [];
  return val(one.needs, { when: { facts: yes, needs: one.needs, otherwise: "zero" }, no: one.when?.facts ?? [] });
}

/** All of them: each is asked only where the others hold. */
export function conjoined(env: Env, operands: readonly Val[]): Val {
  const facts = operands.flatMap((one) => one.when?.facts ?? []);
  const within = (i: number) => env.facts.with(operands.flatMap((one, j) => (j === i ? [] : (one.when?.facts ?? []))));
  const needs = together(...operands.map((one, i) => within(i).apply(needsOf(one))));
  const when = together(...operands.map((one, i) => within(i).apply(one.when?.needs ?? needsOf(one))));
  return val(needs, {
    when: { facts, needs: when, otherwise: "zero" },
    no: operands.length === 1 ? operands[0]!.no : [],
  });
}

export function either(operands: readonly Val[]): Val {
  const needs = together(...operands.map(needsOf));
  const when = together(...operands.map((one) => one.when?.needs ?? needsOf(one)));
  const [first, ...rest] = operands.map((one) => one.when?.facts ?? []);
  const orders = (first ?? []).filter(
    (fact) =>
      fact.kind === "order" &&
      rest.every((facts) =>
        facts.some((one) => one.kind === "order" && one.a === fact.a && one.b === fact.b && one.most <= fact.most),
      ),
  );
  // Of the same value one or the other: any of these.
  const ins = operands.map((one) => (one.when?.facts ?? []).filter((fact) => fact.kind === "in"));
  const id = ins[0]?.[0]?.id;
  const values = ins.every((facts) => facts.length === 1 && facts[0]!.id === id)
    ? ins.flatMap((facts) => facts[0]!.values)
    : [];
  const any: readonly Fact[] = id === undefined || values.length === 0 ? [] : [{ kind: "in", id, values }];
  return val(needs, {
    when: { facts: [...orders, ...any], needs: when, otherwise: "zero" },
    no: operands.flatMap((one) => one.no ?? []),
  });
}

/** IS NULL and its like: that something has not happened is known only when it no longer can. */
export function tested(one: Val, test: "null" | "true" | "false" | "unknown", negatedTest: boolean): Val {
  if (test === "true" || test === "false") {
    const asked = test === "true" ? one : negated(one);
    return negatedTest ? negated(asked) : asked;
  }
  const self = one.time?.self;
  const hard = needsOf(one).map((need) => ({
    ...need,
    isSoft: false,
    bounds: self === undefined ? need.bounds : need.bounds.filter(({ at }) => at !== self),
  }));
  const there = {
    facts: thereFacts(one),
    needs: needsOf(one).map((need) => ({ ...need, isSoft: false })),
    otherwise: "zero" as const,
  };
  return negatedTest
    ? val(hard, { when: there, no: [] })
    : val(hard, { when: { facts: [], needs: hard, otherwise: "zero" }, no: there.facts });
}

interface Branch {
  readonly when: (env: Env) => Val;
  readonly take: (env: Env) => Val;
}

/** CASE and IF: each condition is asked, and each value taken, only where the ones before are false. */
export function cases(env: Env, branches: readonly Branch[], otherwise: (env: Env) => Val): Val {
  let left = env;
  const asked: Val[] = [];
  const taken: { readonly val: Val; readonly facts: readonly Fact[] }[] = [];
  for (const branch of branches) {
    const condition = branch.when(left);
    const facts = condition.when?.facts ?? [];
    const inner = under(left, facts);
    const then = branch.take(inner);
    asked.push({
      ...condition,
      needs: left.facts.apply(condition.needs),
      when: condition.when && { ...condition.when, needs: left.facts.apply(condition.when.needs) },
    });
    taken.push({ val: applied(then, inner), facts });
    left = under(left, condition.no ?? []);
  }
  taken.push({ val: applied(otherwise(left), left), facts: [] });
  const conditions = together(...asked.map((one) => one.needs));
  const worth = taken.filter(({ val: one }) => !isNothing(one));
  const kind = taken.some(({ val: one }) => one.literal === 0 || one.literal === false) ? "zero" : "null";
  if (worth.length === 1 && taken.length > 1) {
    const [only] = worth;
    const one = only!.val;
    const condition = asked[taken.indexOf(only!)];
    const before = together(
      ...asked.map((other) =>
        other === condition ? (other.when?.needs ?? other.needs) : env.facts.with(only!.facts).apply(other.needs),
      ),
    );
    return {
      ...one,
      id: val([]).id,
      needs: together(conditions, one.needs),
      literal: undefined,
      when: {
        facts: [...only!.facts, ...(one.when?.facts ?? []), ...(kind === "null" ? thereFacts(one) : [])],
        needs: together(before, one.when?.needs ?? one.needs),
        otherwise: one.when?.otherwise === "zero" || kind === "zero" ? "zero" : "null",
      },
    };
  }
  const one = oneOf(taken.map((each) => each.val));
  return { ...one, needs: together(conditions, one.needs) };
}

const isNothing = (one: Val): boolean => one.literal === null || one.literal === 0 || one.literal === false;

export const applied = (one: Val, env: Env): Val => ({
  ...one,
  needs: env.facts.apply(one.needs),
  fields: one.fields?.map((field) => ({ name: field.name, val: applied(field.val, env) })),
  element: one.element && applied(one.element, env),
});

/** One of several values: as an instant it is one that all that is known of each is known of. */
export function oneOf(all: readonly Val[]): Val {
  const worth = all.filter((one) => one.literal !== null);
  const [first] = worth;
  if (worth.length === 1)
    return { ...first!, id: val([]).id, needs: together(...all.map(needsOf)), literal: undefined };
  const time = first?.time;
  const isSame = time !== undefined && worth.every((one) => one.time?.at === time.at && one.time.plus === time.plus);
  const fields = first?.fields?.map(({ name }, i) => ({
    name,
    val: oneOf(worth.map((one) => one.fields?.[i]?.val ?? val(needsOf(one)))),
  }));
  return val(together(...all.map((one) => (fields ? one.needs : needsOf(one)))), {
    ...(isSame ? { time, defs: worth.flatMap((one) => one.defs ?? []) } : {}),
    ...(fields ? { fields } : {}),
    ...(first?.element ? { element: oneOf(worth.map((one) => one.element ?? val(needsOf(one)))) } : {}),
    ...(first?.domain && worth.every((one) => one.domain === first.domain) ? { domain: first.domain } : {}),
  });
}
