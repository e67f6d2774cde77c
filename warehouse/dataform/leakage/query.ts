import {
  columnsByName,
  type Expression,
  type GroupBy,
  groupingKeys,
  hasAggregate,
  impliedName,
  inOrder,
  type NodeBase,
  type Query,
  type QueryBody,
  refersTo,
  type Select,
  type SelectItem,
  type SetMatching,
  type SetOperation,
} from "../../../packages/googlesql/index.ts";
import { resolveVal } from "./expression.ts";
import { resolveFrom } from "./from.ts";
import { asOf, type Instant } from "./instants.ts";
import { type Facts, needsOf, ofOtherRows, outlasting, together, type Val, val } from "./knowledge.ts";
import { applied } from "./logic.ts";
import { piped } from "./pipes.ts";
import {
  type Analysis,
  type Column,
  type Env,
  type From,
  fromRelation,
  instantiated,
  instantsOf,
  nothing,
  type Relation,
  type Scope,
  sealed,
} from "./relation.ts";
import { union } from "./union.ts";

export type Tables = ReadonlyMap<string, Relation>;

/** What a query gives and when that is known. `outer`: the instants of the row of the query around it. */
export function resolveQuery(
  a: Analysis,
  query: Query,
  scope: Scope | undefined,
  outerTables: Tables,
  around: Facts,
  outer: ReadonlySet<Instant>,
): Relation {
  const start = envOf(scope, outerTables, around, outer);
  const tables = query.with ? withTables(a, query.with, start) : outerTables;
  const env: Env = { ...start, tables };
  if (query.pipes.length > 0 && query.body.kind === "from-query" && !query.limit)
    return piped(a, query.pipes, resolveFrom(a, query.body.from, env, undefined), env);
  const relation = resolveBody(a, query.body, scope, tables, around, outer);
  const cut = query.limit ? limited(relation) : relation;
  return query.pipes.length > 0 ? piped(a, query.pipes, fromRelation(cut, undefined), env) : cut;
}

/** The tables that a WITH clause adds to those in reach. */
export function withTables(a: Analysis, node: NonNullable<Query["with"]>, env: Env): Tables {
  let { tables } = env;
  for (const entry of node.recursive ? inOrder(node.entries) : node.entries) {
    if (node.recursive && refersTo(entry.query, entry.name.name)) a.refuse(entry, "recursive_query");
    const made = resolveQuery(a, entry.query, env.scope, tables, env.facts, env.outer);
    tables = new Map([...tables, [entry.name.name.toLowerCase(), made]]);
  }
  return tables;
}

/** The first rows of something: which are among them is said by all. */
export function limited<Some extends Relation | From>(some: Some): Some {
  const told = ofOtherRows(some.rows);
  const column = (one: Column): Column => ({ ...one, val: { ...one.val, needs: together(one.val.needs, told) } });
  if ("columns" in some) return { ...some, columns: some.columns.map(column) };
  const made = new Map(some.star.map((one) => [one.val, column(one).val]));
  return {
    ...some,
    star: some.star.map((one) => ({ ...one, val: made.get(one.val)! })),
    ranges: some.ranges.map((range) => ({
      ...range,
      columns: range.columns.map((one) => ({ ...one, val: made.get(one.val) ?? column(one).val })),
    })),
  };
}

function resolveBody(
  a: Analysis,
  body: QueryBody,
  scope: Scope | undefined,
  tables: Tables,
  around: Facts,
  outer: ReadonlySet<Instant>,
): Relation {
  switch (body.kind) {
    case "select":
      return resolveSelect(a, body, scope, tables, around, outer);
    case "query":
      return resolveQuery(a, body, scope, tables, around, outer);
    case "set-operation":
      return setOperation(a, body, scope, tables, around, outer);
    case "from-query": {
      const from = resolveFrom(a, body.from, envOf(scope, tables, around, outer), undefined);
      return sealed(from.star, around.with(from.orders), from.rows, from.exists, from.unique, outer);
    }
  }
}

const envOf = (scope: Scope | undefined, tables: Tables, facts: Facts, outer: ReadonlySet<Instant>): Env => ({
  scope,
  facts,
  tables,
  windows: new Map(),
  rows: [],
  windowRows: [],
  unique: [],
  group: outer,
  outer,
  isPerMail: false,
  keys: [],
  known: new Map(),
});

export interface Item {
  readonly name: string | undefined;
  readonly node: Expression | undefined;
  readonly span: Column["span"];
  readonly val: (env: Env) => Val;
}

function resolveSelect(
  a: Analysis,
  node: Select,
  scope: Scope | undefined,
  tables: Tables,
  around: Facts,
  outer: ReadonlySet<Instant>,
): Relation {
  const from = node.from ? resolveFrom(a, node.from, envOf(scope, tables, around, outer), undefined) : nothing;
  return selectFrom(a, node, from, listed(a, node.items, from), undefined, envOf(scope, tables, around, outer));
}

/** A SELECT over what its FROM gave. `given`: columns that it groups by, whatever it says itself. */
export function selectFrom(
  a: Analysis,
  node: Select,
  from: From,
  items: readonly Item[],
  given: readonly Column[] | undefined,
  start: Env,
): Relation {
  const { scope, facts: around, outer } = start;
  const inside: Scope = { parent: scope, from, locals: new Map() };
  const windows = new Map(node.windows.map((one) => [one.name.name.toLowerCase(), one.spec]));
  let env: Env = { ...start, scope: inside, windows, facts: around.with(from.orders), unique: from.unique };
  const where = node.where && resolveVal(a, node.where, env);
  const facts = env.facts.with(where?.when?.facts ?? []);
  const filter = where?.when?.needs ?? where?.needs ?? [];
  const rows = facts.apply(together(from.rows, filter));
  let exists = facts.apply(together(from.exists, filter));
  const fixed = new Set([...facts.values].flatMap(([id, values]) => (values.size === 1 ? [id] : [])));
  let unique: readonly (readonly number[])[] = from.unique.map((key) => key.filter((id) => !fixed.has(id)));
  env = { ...env, facts, rows, windowRows: rows, unique };
  const isGrouped =
    given !== undefined || node.groupBy !== undefined || hasAggregate([node.items, node.having], a.catalog);
  if (isGrouped) {
    const keys = given?.map((one) => ({ text: "", val: one.val })) ?? keysOf(a, node.groupBy, items, env);
    const group = new Set<Instant>([asOf, ...outer, ...keys.flatMap(({ val: key }) => instantsOf(key))]);
    const withKeys = facts.with(keys.flatMap(({ val: key }) => key.defs ?? []));
    const said = together(...keys.map(({ val: key }) => withKeys.apply(needsOf(key))));
    // A day that anything happened on has its rows: that it has says next to nothing.
    const isOfDay = keys.some(({ val: key }) => key.time !== undefined && key.time.grain > 1);
    // Of one mail there is one group, whatever else it is grouped by: the rest says nothing of which rows are in it.
    const isPerMail = keys.some(({ val: key }) => key.domain === "mail");
    const keyNeeds = isPerMail ? [] : outlasting(said, group);
    const groupNeeds = outlasting(together(withKeys.apply(exists), said), group).map((need) => ({
      ...need,
      isSoft: need.isSoft || isOfDay,
    }));
    exists = node.groupBy || (given && given.length > 0) ? groupNeeds : [];
    unique = [keys.map(({ val: key }) => key.id)];
    env = {
      ...env,
      facts: withKeys,
      group,
      isPerMail,
      keys: keyNeeds,
      windowRows: groupNeeds,
      unique,
      known: new Map(keys.map((key) => [key.text, { ...key.val, needs: [] }])),
    };
  }
  const aliases = new Map<string, Val>();
  let columns = items.map((item): Column => {
    const made = item.val(env);
    if (item.name !== undefined && item.node?.kind !== "path") aliases.set(item.name.toLowerCase(), made);
    return { name: item.name, val: made, span: item.span };
  });
  env = { ...env, facts: env.facts.with(columns.flatMap((column) => column.val.defs ?? [])) };
  columns = columns.map((column) => ({ ...column, val: { ...applied(column.val, env), defs: undefined } }));
  const after: Env = { ...env, scope: { parent: inside, from: nothing, locals: aliases } };
  for (const test of [node.having, node.qualify]) {
    if (!test) continue;
    const passed = resolveVal(a, test, test === node.qualify ? after : { ...after, scope: inside, known: after.known });
    const needs = env.facts.apply(passed.when?.needs ?? passed.needs);
    env = { ...env, facts: env.facts.with(passed.when?.facts ?? []) };
    exists = together(exists, needs);
    if (test !== node.qualify) continue;
    // Which of the rows it is decides about all that it says.
    columns = columns.map((column) => ({
      ...column,
      val: { ...column.val, needs: together(column.val.needs, ofOtherRows(needs)) },
    }));
    unique = [...unique, ...onePer(a, test, after)];
  }
  if (node.distinct) unique = [...unique, columns.map((column) => column.val.id)];
  const outRows = isGrouped ? exists : together(env.rows, exists);
  const result = sealed(columns, env.facts, outRows, exists, unique, outer);
  if (node.as !== "struct") return result;
  const fields = result.columns.map((column) => ({ name: column.name ?? "", val: column.val }));
  return { ...result, columns: [{ name: undefined, val: val([], { fields }) }] };
}

/** `qualify row_number() over (partition by ...) = 1`: one row for each. */
function onePer(a: Analysis, test: Expression, env: Env): readonly (readonly number[])[] {
  if (test.kind !== "binary" || test.operator !== "=" || test.left.kind !== "function-call") return [];
  const { left: call } = test;
  if (call.name[0]!.name.toUpperCase() !== "ROW_NUMBER" || call.over?.kind !== "window-spec") return [];
  return [call.over.partitionBy.map((one) => resolveVal(a, one, env).id)];
}

interface Key {
  readonly text: string;
  readonly val: Val;
}

function keysOf(a: Analysis, node: GroupBy | undefined, items: readonly Item[], env: Env): readonly Key[] {
  if (node === undefined) return [];
  const ofItem = (item: Item): Key => ({ text: item.node ? a.textOf(item.node) : "", val: item.val(env) });
  if (node.all) return items.filter((item) => item.node && !hasAggregate(item.node, a.catalog)).map(ofItem);
  return groupingKeys(node.items).flatMap((key): readonly Key[] => {
    if (key.kind === "integer-literal") {
      const item = items[Number(key.value) - 1];
      return item ? [ofItem(item)] : a.fail(key, "GROUP BY is out of SELECT column number range");
    }
    if (key.kind === "path" && key.parts.length === 1) {
      const name = key.parts[0]!.name.toLowerCase();
      const item = items.find((one) => one.name?.toLowerCase() === name && one.node);
      if (item) {
        const found = ofItem(item);
        return [found, { text: a.textOf(key), val: found.val }];
      }
    }
    return [{ text: a.textOf(key), val: resolveVal(a, key, env) }];
  });
}

/** The SELECT list with stars spelled out. */
export function listed(a: Analysis, items: readonly SelectItem[], from: From): readonly Item[] {
  return items.flatMap((item): readonly Item[] => {
    if (item.kind === "select-expression")
      return [
        {
          name: item.alias?.name ?? impliedName(item.expression),
          node: item.expression,
          span: item.expression.span,
          val: (env) => resolveVal(a, item.expression, env),
        },
      ];
    const columns = item.kind === "select-star" ? from.star : starOf(a, item.object, from);
    if (columns.some((column) => column.name === "*")) a.refuse(item, "the columns of a table that is not known");
    const dropped = new Set(item.except.map((one) => one.name.toLowerCase()));
    const replaced = new Map(item.replace.map((one) => [one.name.name.toLowerCase(), one.expression]));
    return columns.flatMap((column): readonly Item[] => {
      const name = column.name?.toLowerCase() ?? "";
      if (dropped.has(name)) return [];
      const by = replaced.get(name);
      return [
        {
          name: column.name,
          node: by,
          span: by?.span ?? item.span,
          val: (env) => (by ? resolveVal(a, by, env) : column.val),
        },
      ];
    });
  });
}

function starOf(a: Analysis, object: Expression, from: From): readonly Column[] {
  if (object.kind === "path" && object.parts.length === 1) {
    const name = object.parts[0]!.name.toLowerCase();
    const range = from.ranges.find((one) => one.name.toLowerCase() === name);
    if (range && !range.val) return range.columns;
    if (range?.val?.fields) return range.val.fields;
  }
  return a.refuse(object, "the fields of this value");
}

function setOperation(
  a: Analysis,
  node: SetOperation,
  scope: Scope | undefined,
  tables: Tables,
  around: Facts,
  outer: ReadonlySet<Instant>,
): Relation {
  const given = node.inputs.map((input) => resolveBody(a, input, scope, tables, around, outer));
  return combined(a, node, given, outer);
}

/** UNION, INTERSECT or EXCEPT of what its parts give. */
export function combined(
  a: Analysis,
  node: Pick<SetOperation, "operator" | "quantifier" | "matching"> & NodeBase,
  given: readonly Relation[],
  outer: ReadonlySet<Instant>,
): Relation {
  const parts = node.matching ? laidByName(a, node, node.matching, given) : given;
  const made = union(parts, outer);
  if (node.operator === "union" && node.quantifier === "all") return made;
  const unique = [made.columns.map((column) => column.val.id)];
  if (node.operator === "union") return { ...made, unique };
  // What is in one and (not) in the other hangs on all of them.
  const all = together(...parts.flatMap((part) => [part.exists, ...part.columns.map((column) => needsOf(column.val))]));
  const [first] = parts;
  return {
    ...first!,
    exists: together(first!.exists, ofOtherRows(all)),
    rows: together(first!.rows, ofOtherRows(all)),
  };
}

/** The parts with their columns in one order, by name; what a part does not have is NULL. */
function laidByName(
  a: Analysis,
  node: NodeBase,
  matching: SetMatching,
  parts: readonly Relation[],
): readonly Relation[] {
  for (const part of parts)
    if (part.columns.some((column) => column.name === "*")) a.refuse(node, "the columns of a table that is not known");
  const columns = columnsByName(a, node, matching, parts);
  return parts.map((part, i) => ({
    ...part,
    columns: columns.map(({ name, places }): Column => {
      const place = places[i];
      return place === undefined ? { name, val: val([], { literal: null }) } : { ...part.columns[place]!, name };
    }),
  }));
}

export const fromTable = (relation: Relation, alias: string | undefined): From =>
  fromRelation(instantiated(relation), alias);
