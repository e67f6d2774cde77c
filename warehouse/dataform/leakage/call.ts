import { type Expression, type FunctionCall, functionNamed } from "../../../packages/googlesql/index.ts";
import { aggregateVal } from "./aggregate.ts";
import { thereFacts } from "./conditions.ts";
import { argumentOf, moved, resolveVal, shifted } from "./expression.ts";
import { cutName, day, newInstant, type Order, order } from "./instants.ts";
import { type Fact, needsOf, together, type Val, val } from "./knowledge.ts";
import { applied, cases, oneOf, under } from "./logic.ts";
import type { Analysis, Env } from "./relation.ts";
import { counted, cutUnits, fixedUnits, truncated } from "./times.ts";
import { windowVal } from "./window.ts";

/** What a call needs to be known. Of a function that says nothing of time: what its arguments do. */
export function callValue(a: Analysis, node: FunctionCall, env: Env): Val {
  const parts = node.name.map((part) => part.name.toUpperCase());
  const name = (parts.length > 1 && parts[0] === "SAFE" ? parts.slice(1) : parts).join(".");
  const entry = functionNamed(name);
  if (node.over) return windowVal(a, node, name, env);
  if (name === "GROUPING") return val([]);
  if (entry?.kind === "aggregate") return aggregateVal(a, node, name, env);
  const args = node.arguments.flatMap((one) => argumentOf(a, node, one) ?? []);
  const at = (i: number): Val => (args[i] ? resolveVal(a, args[i], env) : val([]));
  const special = specials.get(name);
  if (special) return special({ a, node, args, at, env });
  const given = args.map((_, i) => needsOf(at(i)));
  for (const one of node.arguments)
    if (one.kind === "lambda")
      given.push(
        lambda(
          a,
          one.body,
          one.parameters.map((p) => p.name),
          args,
          env,
        ),
      );
  return val(together(...given));
}

function lambda(a: Analysis, body: Expression, names: readonly string[], args: readonly Expression[], env: Env) {
  const [array] = args.map((one) => resolveVal(a, one, env));
  const element = array?.element ?? val(array ? needsOf(array) : []);
  const locals = new Map(names.map((one) => [one.toLowerCase(), element] as const));
  const from = { star: [], ranges: [], rows: [], exists: [], orders: [], unique: [] };
  return needsOf(resolveVal(a, body, { ...env, scope: { parent: env.scope, from, locals } }));
}

interface Call {
  readonly a: Analysis;
  readonly node: FunctionCall;
  readonly args: readonly Expression[];
  readonly at: (i: number) => Val;
  readonly env: Env;
}

const unitOf = (node: Expression | undefined): string =>
  node?.kind === "path"
    ? node.parts[0]!.name.toLowerCase()
    : node?.kind === "function-call"
      ? node.name[0]!.name.toLowerCase()
      : "";

const unmoved =
  (sign: 1 | -1) =>
  ({ a, args, at, env }: Call): Val =>
    args[1]?.kind === "interval" ? moved(a, at(0), args[1], sign, env) : shifted(at(0), at(1), "day", sign);

const cutTo =
  () =>
  ({ args, at }: Call): Val => {
    const unit = cutUnits.get(unitOf(args[1]));
    const one = at(0);
    const zone = args.length > 2 ? at(2).literal : "UTC";
    return unit === undefined || typeof zone !== "string"
      ? val(needsOf(one))
      : truncated(one, unit, one.time?.scale ?? 1, zone);
  };

/** Whole units from the second to the first. */
const apart =
  (isExact: boolean) =>
  ({ args, at }: Call): Val => {
    const [to, from] = [at(0), at(1)];
    const needs = together(needsOf(to), needsOf(from));
    const unit = fixedUnits.get(unitOf(args[2]));
    if (!to.time || !from.time || unit === undefined) return val(needs);
    return val(needs, {
      defs: [...(to.defs ?? []), ...(from.defs ?? [])],
      distance: { from: from.time, to: to.time, unit, exact: isExact && unit === day },
      ...(from.when || to.when
        ? { when: { facts: [...thereFacts(from), ...thereFacts(to)], needs, otherwise: "null" as const } }
        : {}),
    });
  };

/** The greatest or least of several times: on one side of each of them. */
function extreme({ args, at }: Call, isGreatest: boolean): Val {
  const all = args.map((_, i) => at(i));
  const needs = together(...all.map(needsOf));
  if (!all.every((one) => one.time)) return val(needs);
  const made = newInstant();
  const defs = all.flatMap((one): Order[] => {
    const { at: own, plus } = one.time!;
    return [...(one.defs ?? []), isGreatest ? order(own, made, -plus) : order(made, own, plus)];
  });
  return val(needs, { defs, time: { at: made, plus: 0, scale: all[0]!.time!.scale, grain: 1, self: undefined } });
}

function coalesced({ a, args, env }: Call): Val {
  const all: Val[] = [];
  let left = env;
  for (const arg of args) {
    const one = applied(resolveVal(a, arg, left), left);
    all.push(one);
    left = under(left, []);
  }
  const last = all.at(-1)!;
  const [first] = all;
  if (all.length === 2 && (last.literal === false || last.literal === 0 || last.literal === null) && first) {
    const facts: readonly Fact[] = [...(first.when?.facts ?? []), ...(first.when ? [] : thereFacts(first))];
    return {
      ...first,
      id: val([]).id,
      when: first.when ? { ...first.when, otherwise: "zero" } : { facts, needs: first.needs, otherwise: "zero" },
    };
  }
  // TRUE where nothing is known: what is FALSE then is so for certain.
  if (all.length === 2 && last.literal === true && first) return val(first.needs, { no: first.no });
  // The first of several times that is there: between what is known of all of them.
  const times = all.filter((one) => one.literal !== null);
  if (times.every((one) => one.time) && !times.every((one) => one.time!.at === times[0]!.time!.at)) {
    const made = newInstant();
    const zone = env.facts.with(times.flatMap((one) => one.defs ?? [])).zone;
    const defs = sharedOrders(
      made,
      times,
      (from) => zone.above(from),
      zone.orders.flatMap(({ a: x, b }) => [x, b]),
    );
    return val(together(...all.map(needsOf)), {
      defs,
      time: { at: made, plus: 0, scale: times[0]!.time!.scale, grain: 1, self: undefined },
    });
  }
  return oneOf(all);
}

/** What holds of an instant that is one of several. */
export function sharedOrders(
  made: number,
  times: readonly Val[],
  above: (from: number) => ReadonlyMap<number, number>,
  others: Iterable<number>,
): readonly Order[] {
  return [...new Set(others)].flatMap((other) => {
    const found: Order[] = [];
    const up = times.map((one) => (above(one.time!.at).get(other) ?? Number.POSITIVE_INFINITY) + one.time!.plus);
    const most = Math.max(...up);
    if (Number.isFinite(most)) found.push(order(made, other, most));
    const down = times.map((one) => (above(other).get(one.time!.at) ?? Number.POSITIVE_INFINITY) - one.time!.plus);
    const least = Math.max(...down);
    if (Number.isFinite(least)) found.push(order(other, made, least));
    return found;
  });
}

/** DATE(instant), DATE(instant, zone), DATE(year, month, day). */
function dateOf({ args, at }: Call): Val {
  const zone = args.length === 2 ? at(1).literal : "UTC";
  if (args.length > 2 || typeof zone !== "string") return val(together(...args.map((_, i) => needsOf(at(i)))));
  return truncated(at(0), day, day, zone);
}

/** Days or instants one after the other; up to which one a build goes tells nothing of any of them. */
function calendar({ node, args, at }: Call): Val {
  const needs = together(...args.slice(0, 2).map((_, i) => needsOf(at(i)))).filter(
    (one) => one.origin.column !== cutName,
  );
  const isDays = node.name.at(-1)!.name.toUpperCase() === "GENERATE_DATE_ARRAY";
  const unit = isDays ? day : 1;
  return val(needs, {
    element: val([], { time: { at: newInstant(), plus: 0, scale: unit, grain: unit, self: undefined } }),
  });
}

const clock = ({ node }: Call): Val =>
  val([
    {
      origin: { table: "", column: `${node.name.map((part) => part.name).join(".")}()`, kind: "clock" },
      bounds: [],
      via: [],
      isSoft: false,
      tags: [],
      early: undefined,
    },
  ]);

const specials: ReadonlyMap<string, (call: Call) => Val> = new Map<string, (call: Call) => Val>([
  [
    "IF",
    ({ a, args, env }) =>
      cases(
        env,
        [{ when: (inner) => resolveVal(a, args[0]!, inner), take: (inner) => resolveVal(a, args[1]!, inner) }],
        (inner) => (args[2] ? resolveVal(a, args[2], inner) : val([], { literal: null })),
      ),
  ],
  ["COALESCE", coalesced],
  ["IFNULL", coalesced],
  ["GREATEST", (call) => extreme(call, true)],
  ["LEAST", (call) => extreme(call, false)],
  ["TIMESTAMP_ADD", unmoved(1)],
  ["TIMESTAMP_SUB", unmoved(-1)],
  ["DATETIME_ADD", unmoved(1)],
  ["DATETIME_SUB", unmoved(-1)],
  ["DATE_ADD", unmoved(1)],
  ["DATE_SUB", unmoved(-1)],
  ["TIMESTAMP_DIFF", apart(false)],
  ["DATETIME_DIFF", apart(false)],
  ["DATE_DIFF", apart(true)],
  ["TIMESTAMP_TRUNC", cutTo()],
  ["DATETIME_TRUNC", cutTo()],
  ["DATE_TRUNC", cutTo()],
  ["DATE", dateOf],
  ["GENERATE_DATE_ARRAY", calendar],
  ["GENERATE_TIMESTAMP_ARRAY", calendar],
  ["TIMESTAMP", ({ at }) => (at(0).time ? { ...at(0), time: { ...at(0).time!, scale: 1 } } : at(0))],
  ["DATETIME", ({ at }) => (at(0).time ? { ...at(0), time: { ...at(0).time!, scale: 1 } } : at(0))],
  ["UNIX_MICROS", ({ at }) => counted(at(0), 1)],
  ["UNIX_MILLIS", ({ at }) => counted(at(0), 1000)],
  ["UNIX_SECONDS", ({ at }) => counted(at(0), 1_000_000)],
  ["UNIX_DATE", ({ at }) => counted(at(0), day)],
  ["TIMESTAMP_MICROS", ({ at }) => at(0)],
  ["TIMESTAMP_MILLIS", ({ at }) => at(0)],
  ["TIMESTAMP_SECONDS", ({ at }) => at(0)],
  ["CURRENT_TIMESTAMP", clock],
  ["CURRENT_DATE", clock],
  ["CURRENT_DATETIME", clock],
  ["CURRENT_TIME", clock],
  ["SESSION_USER", clock],
  ["RAND", ({ at }) => val(at(0).needs)],
]);
