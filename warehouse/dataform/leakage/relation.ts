import {
  GoogleSqlAnalysisError,
  type Identifier,
  type NodeBase,
  type PathExpression,
  type Source,
  type Span,
  UnsupportedGoogleSql,
  type UserFunction,
  type WindowSpec,
} from "../../../packages/googlesql/index.ts";

import { asOf, type Instant, newId, newInstant, type Order, order } from "./instants.ts";
import { type Bound, type Facts, type Need, needsOf, outlasting, together, type Val, val } from "./knowledge.ts";

export interface Column {
  readonly name: string | undefined;
  readonly val: Val;
  /** Where the query says it. */
  readonly span?: Span | undefined;
}

/** What a query gives: its columns, and what must be known before its rows are. */
export interface Relation {
  readonly columns: readonly Column[];
  /** What decides how many rows there are. */
  readonly rows: readonly Need[];
  /** What decides whether a row is there at all. */
  readonly exists: readonly Need[];
  readonly orders: readonly Order[];
  /** Sets of columns (by id) that no two rows have alike. */
  readonly unique: readonly (readonly number[])[];
  /** Instants of a query around it: they are the same for every row, and keep their names. */
  readonly outer: ReadonlySet<Instant>;
}

export interface Range {
  readonly name: string;
  readonly columns: readonly Column[];
  /** For an array: what the bare alias means. */
  readonly val: Val | undefined;
}

export interface From {
  readonly star: readonly Column[];
  readonly ranges: readonly Range[];
  readonly rows: readonly Need[];
  readonly exists: readonly Need[];
  readonly orders: readonly Order[];
  readonly unique: readonly (readonly number[])[];
}

export const nothing: From = { star: [], ranges: [], rows: [], exists: [], orders: [], unique: [[]] };

export interface Scope {
  readonly parent: Scope | undefined;
  readonly from: From;
  readonly locals: ReadonlyMap<string, Val>;
}

export interface Env {
  readonly scope: Scope | undefined;
  readonly facts: Facts;
  readonly tables: ReadonlyMap<string, Relation>;
  readonly windows: ReadonlyMap<string, WindowSpec>;
  /** What decides about the rows that an aggregate goes over. */
  readonly rows: readonly Need[];
  /** The same for window functions, which come after grouping. */
  readonly windowRows: readonly Need[];
  readonly unique: readonly (readonly number[])[];
  /** Instants that outlast an aggregate: those of the group, and of the query around. */
  readonly group: ReadonlySet<Instant>;
  /** Instants of the query around. */
  readonly outer: ReadonlySet<Instant>;
  /** Whether a group is of one mail. */
  readonly isPerMail: boolean;
  /** What the keys of the group need. */
  readonly keys: readonly Need[];
  /** Expressions that were resolved already, by their text. */
  readonly known: ReadonlyMap<string, Val>;
}

export interface Catalog {
  table(path: readonly string[]): Relation | undefined;
  function(path: readonly string[]): UserFunction | undefined;
}

export class Analysis {
  readonly source: Source;
  readonly catalog: Catalog;
  /** The as-of instant as the project was compiled for. */
  readonly asOfText: string;

  constructor(source: Source, catalog: Catalog, asOfText: string) {
    this.source = source;
    this.catalog = catalog;
    this.asOfText = asOfText;
  }

  fail(node: NodeBase, message: string): never {
    throw new GoogleSqlAnalysisError(message, this.source, node.span);
  }

  refuse(node: NodeBase, what: string): never {
    throw new UnsupportedGoogleSql(what, "what it knows when is not followed", {
      source: this.source,
      span: node.span,
    });
  }

  textOf(node: NodeBase): string {
    return this.source.text.slice(node.span.start, node.span.end).toLowerCase().replace(/\s+/g, " ");
  }
}

/** Gives the instants and the values of a relation new names, so that it can stand in a query more than once. */
export function instantiated(relation: Relation): Relation {
  const instants = new Map<Instant, Instant>([[asOf, asOf], ...[...relation.outer].map((one) => [one, one] as const)]);
  const ids = new Map<number, number>();
  const vals = new Map<Val, Val>();
  const at = (one: Instant): Instant => named(instants, one, newInstant);
  const id = (one: number): number => named(ids, one, newId);
  const bound = (one: Bound): Bound => ({ ...one, at: at(one.at) });
  const need = (one: Need): Need => ({
    ...one,
    bounds: one.bounds.map(bound),
    since: one.since?.map(bound),
    tags: one.tags.map((tag) => ({ ...tag, id: id(tag.id) })),
    early: one.early && { ...one.early, id: id(one.early.id), bound: bound(one.early.bound) },
  });
  const value = (one: Val): Val => {
    const made = vals.get(one);
    if (made) return made;
    const { when, distance: _, no: __, ...kept } = one;
    const fresh: Val = {
      ...kept,
      id: id(one.id),
      needs: one.needs.map(need),
      time: one.time && {
        ...one.time,
        at: at(one.time.at),
        self: one.time.self === undefined ? undefined : at(one.time.self),
      },
      mail: one.mail === undefined ? undefined : at(one.mail),
      when: when && {
        otherwise: when.otherwise,
        needs: when.needs.map(need),
        facts: when.facts.map((fact) => {
          if (fact.kind === "order") return { ...fact, a: at(fact.a), b: at(fact.b) };
          if (fact.kind === "same") return { ...fact, a: id(fact.a), b: id(fact.b) };
          return { ...fact, id: id(fact.id) };
        }),
      },
      fields: one.fields?.map((field) => ({ name: field.name, val: value(field.val) })),
      element: one.element && value(one.element),
    };
    vals.set(one, fresh);
    return fresh;
  };
  return {
    columns: relation.columns.map((column) => ({ ...column, val: value(column.val) })),
    rows: relation.rows.map(need),
    exists: relation.exists.map(need),
    orders: relation.orders.map((one) => order(at(one.a), at(one.b), one.most)),
    unique: relation.unique.map((key) => key.map(id)),
    outer: relation.outer,
  };
}

function named(names: Map<number, number>, one: number, make: () => number): number {
  const known = names.get(one);
  if (known !== undefined) return known;
  const made = make();
  names.set(one, made);
  return made;
}

/** The instants that a value hands on. */
export const instantsOf = (one: Val): readonly Instant[] => [
  ...(one.time ? [one.time.at] : []),
  ...(one.time?.self !== undefined ? [one.time.self] : []),
  ...(one.mail !== undefined ? [one.mail] : []),
  ...(one.fields ?? []).flatMap((field) => instantsOf(field.val)),
];

/** A relation with only what its columns hand on: of all else that its rows were found by, what it says of these. */
export function sealed(
  columns: readonly Column[],
  facts: Facts,
  rows: readonly Need[],
  exists: readonly Need[],
  unique: readonly (readonly number[])[],
  outer: ReadonlySet<Instant>,
): Relation {
  const survivors = new Set([asOf, ...outer, ...columns.flatMap((column) => instantsOf(column.val))]);
  const clean = (needs: readonly Need[]): readonly Need[] =>
    together(
      outlasting(facts.apply(needs), survivors).map((need) =>
        need.early && !survivors.has(need.early.bound.at) ? { ...need, early: undefined } : need,
      ),
    );
  const cleaned = (one: Val): Val => ({
    ...one,
    needs: clean(one.needs),
    when: one.when && {
      ...one.when,
      needs: clean(one.when.needs),
      facts: one.when.facts.filter((f) => f.kind !== "order" || (survivors.has(f.a) && survivors.has(f.b))),
    },
    distance: undefined,
    no: undefined,
    fields: one.fields?.map((field) => ({ name: field.name, val: cleaned(field.val) })),
    element: one.element && cleaned(one.element),
  });
  const ids = new Set(columns.map((column) => column.val.id));
  return {
    columns: columns.map((column) => ({ ...column, val: cleaned(column.val) })),
    rows: clean(rows),
    exists: clean(exists),
    orders: facts.zone.among(survivors),
    unique: unique.filter((key) => key.every((id) => ids.has(id))),
    outer,
  };
}

export const fromRelation = (relation: Relation, alias: string | undefined): From => ({
  star: relation.columns,
  ranges: alias === undefined ? [] : [{ name: alias, columns: relation.columns, val: undefined }],
  rows: relation.rows,
  exists: relation.exists,
  orders: relation.orders,
  unique: relation.unique,
});

const same = (name: string | undefined, key: string): boolean => name?.toLowerCase() === key;

/** A dotted path: the innermost scope that knows its first part decides; what is left are fields. */
export function lookUp(a: Analysis, node: PathExpression, from: Scope | undefined): Val {
  const [first, second] = node.parts as readonly [Identifier, Identifier | undefined];
  const key = first.name.toLowerCase();
  for (let scope = from; scope; scope = scope.parent) {
    const local = scope.locals.get(key);
    if (local) return fieldsOf(local, node.parts.slice(1));
    const range = scope.from.ranges.find((one) => same(one.name, key));
    if (range) {
      const column =
        second && (range.columns.find((one) => same(one.name, second.name.toLowerCase())) ?? opaque(range.columns));
      if (column) return fieldsOf(column.val, node.parts.slice(2));
      if (range.val) return fieldsOf(range.val, node.parts.slice(1));
      if (second) return a.fail(second, `Name ${second.name} not found inside ${first.name}`);
      return rowOf(range);
    }
    const column = scope.from.star.find((one) => same(one.name, key)) ?? opaque(scope.from.star);
    if (column) return fieldsOf(column.val, node.parts.slice(1));
  }
  return a.fail(node, `Unrecognized name: ${node.parts.map((part) => part.name).join(".")}`);
}

/** The column of a table whose columns are not known: any name may be one. */
const opaque = (columns: readonly Column[]): Column | undefined => columns.find((one) => one.name === "*");

const rowOf = (range: Range): Val =>
  val([], { fields: range.columns.map((column) => ({ name: column.name ?? "", val: column.val })) });

export function fieldsOf(value: Val, parts: readonly Identifier[]): Val {
  return parts.reduce((one, part): Val => {
    const field = one.fields?.find(({ name }) => same(name, part.name.toLowerCase()));
    if (field)
      return one.needs.length === 0 ? field.val : { ...field.val, needs: together(one.needs, field.val.needs) };
    return val(needsOf(one), one.element ? { element: fieldsOf(one.element, [part]) } : {});
  }, value);
}

/** Whether a name is an alias or a column in reach. */
export function reaches(name: string, from: Scope | undefined): boolean {
  const key = name.toLowerCase();
  for (let scope = from; scope; scope = scope.parent) {
    if (scope.locals.has(key) || scope.from.ranges.some((one) => same(one.name, key))) return true;
    if (scope.from.star.some((one) => same(one.name, key))) return true;
  }
  return false;
}
