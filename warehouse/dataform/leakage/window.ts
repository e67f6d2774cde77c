import type {
  FrameBound,
  FunctionCall,
  OrderItem,
  WindowFrame,
  WindowSpec,
} from "../../../packages/googlesql/index.ts";
import { takenIn, timeOf } from "./aggregate.ts";
import { argumentOf, resolveVal } from "./expression.ts";
import { asOf, type Instant } from "./instants.ts";
import { type Need, needsOf, ofOtherRows, type Time, tightest, together, type Val, val } from "./knowledge.ts";
import { type Analysis, type Env, instantsOf } from "./relation.ts";

const numbering = new Set(["ROW_NUMBER", "RANK", "DENSE_RANK"]);
const overAll = new Set(["NTILE", "PERCENT_RANK", "CUME_DIST", "PERCENTILE_CONT", "PERCENTILE_DISC"]);
const handingOn = new Set(["MAX", "MIN", "ANY_VALUE", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"]);

/** A window function: of which rows it tells, and when all of these were known. */
export function windowVal(a: Analysis, node: FunctionCall, name: string, env: Env): Val {
  const spec = specOf(a, node, env);
  const partition = spec.partitionBy.map((one) => resolveVal(a, one, env));
  const [first] = spec.orderBy;
  const by = first && resolveVal(a, first.expression, env);
  const rest = spec.orderBy.slice(1).map((item) => needsOf(resolveVal(a, item.expression, env)));
  const inner: Env = {
    ...env,
    facts: env.facts.with([...(by?.defs ?? []), ...partition.flatMap((one) => one.defs ?? [])]),
  };
  const taken = takenIn(a, node, name, inner, env.windowRows);
  const shared = new Set<Instant>([asOf, ...env.outer, ...partition.flatMap(instantsOf)]);
  const isUnique =
    by !== undefined &&
    env.unique.some((key) => key.every((id) => id === by.id || partition.some((one) => one.id === id)));
  const reach = by?.time && first ? reachOf(a, node, name, spec.frame, first, by.time, isUnique, env) : undefined;
  const clean = (needs: readonly Need[]): readonly Need[] =>
    ofOtherRows(
      needs.map((need) => ({
        ...need,
        since: need.since?.filter(({ at }) => shared.has(at)),
        bounds: tightest(
          need.bounds.flatMap(({ at, plus }) => [
            ...(shared.has(at) ? [{ at, plus }] : []),
            ...(reach !== undefined && at === by!.time!.at ? [{ at, plus: plus + reach }] : []),
          ]),
        ),
      })),
    );
  const orderNeeds = by ? [needsOf(by), ...rest] : rest;
  const needs = inner.facts.apply(
    clean(together(taken.needs, inner.facts.apply(together(...orderNeeds, ...partition.map(needsOf))))),
  );
  if (!handingOn.has(name)) return val(needs);
  const [arg] = taken.args;
  const handed = timeOf(taken, `${name} over`, (at) => [
    ...[...shared].map(
      (one) => [taken.facts.zone.above(at).get(one), taken.facts.zone.above(one).get(at), one] as const,
    ),
    ...(reach === undefined
      ? []
      : [[plusOf(taken.facts.zone.above(at).get(by!.time!.at), reach), undefined, by!.time!.at] as const]),
  ]);
  return val(needs, {
    ...handed,
    ...(handed.time ? { defs: [...(handed.defs ?? []), ...(by?.defs ?? [])] } : {}),
    ...(arg?.domain ? { domain: arg.domain } : {}),
  });
}

const plusOf = (one: number | undefined, more: number): number | undefined =>
  one === undefined ? undefined : one + more;

function specOf(a: Analysis, node: FunctionCall, env: Env): WindowSpec {
  const over = node.over!;
  const named = (name: string): WindowSpec => {
    const found = env.windows.get(name.toLowerCase());
    return found ? whole(found) : a.fail(over, `Unrecognized window alias ${name}`);
  };
  const whole = (spec: WindowSpec): WindowSpec => {
    if (!spec.base) return spec;
    const base = named(spec.base.name);
    return {
      ...spec,
      partitionBy: base.partitionBy,
      orderBy: spec.orderBy.length > 0 ? spec.orderBy : base.orderBy,
      frame: spec.frame ?? base.frame,
    };
  };
  return over.kind === "window-name" ? named(over.name.name) : whole(over);
}

/**
 * By how much the time that rows are ordered by may be above that of the row itself, at most, in the rows that are looked at, in
 * microseconds; undefined when nothing holds them back. Rows that come before by position count as before: only a tie is neither.
 */
function reachOf(
  a: Analysis,
  node: FunctionCall,
  name: string,
  frame: WindowFrame | undefined,
  item: OrderItem,
  time: Time,
  isUnique: boolean,
  env: Env,
): number | undefined {
  if (overAll.has(name)) return undefined;
  const isDown = item.direction === "desc";
  const before = time.grain === 1 ? -1 : isUnique ? -time.grain : 0;
  if (numbering.has(name)) return isDown ? undefined : before;
  if (name === "LAG") return isDown ? undefined : lagOf(a, node, env) >= 1 ? before : 0;
  if (name === "LEAD") return isDown ? (lagOf(a, node, env) >= 1 ? before : 0) : undefined;
  if (!frame) return isDown ? undefined : 0;
  const edge = isDown ? frame.start : (frame.end ?? ({ bound: "current-row" } as const));
  if (edge.bound === "current-row") return 0;
  if (edge.bound !== (isDown ? "following" : "preceding")) return undefined;
  const n = offsetOf(a, edge as FrameBound, env);
  if (n === undefined) return undefined;
  if (frame.unit === "rows") return n >= 1 ? before : 0;
  return -n * time.scale;
}

function offsetOf(a: Analysis, edge: FrameBound, env: Env): number | undefined {
  const { literal } = resolveVal(a, edge.offset!, env);
  return typeof literal === "number" ? literal : undefined;
}

function lagOf(a: Analysis, node: FunctionCall, env: Env): number {
  const given = node.arguments[1] && argumentOf(a, node, node.arguments[1]);
  if (!given) return 1;
  const { literal } = resolveVal(a, given, env);
  return typeof literal === "number" ? literal : 0;
}
