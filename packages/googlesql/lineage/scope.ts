import type { Identifier, NodeBase, PathExpression, WindowSpec } from "../ast.ts";
import type { UserFunction } from "../catalog.ts";
import { GoogleSqlAnalysisError, type Source, UnsupportedGoogleSql } from "../errors.ts";
import { none, type Provenance, transformed } from "./provenance.ts";
import { also, keyOf, type Shape, total, type Value } from "./value.ts";

/** A table whose lineage begins or goes on here. */
export interface LineageTable {
  /** What the sources are called by. */
  readonly id: string;
  readonly columns: readonly { readonly name: string; readonly shape: Shape }[];
  readonly isValueTable?: boolean | undefined;
}

/** What lineage may ask about the world. Paths are as written, split at dots; lookups ignore case. */
export interface LineageCatalog {
  table(path: readonly string[]): LineageTable | undefined;
  function?(path: readonly string[]): UserFunction | undefined;
}

/** A column that FROM offers. Two names of the same object are no ambiguity. */
export interface Column {
  readonly name: string | undefined;
  readonly value: Value;
}

export interface Range {
  readonly name: string;
  readonly columns: readonly Column[];
  /** Pseudo columns: `alias.column` sees them too. */
  readonly hidden?: readonly Column[] | undefined;
  /** Rows are values: what the bare alias means. */
  readonly value: Column | undefined;
}

/** A resolved FROM clause, or a part of one. */
export interface From {
  readonly star: readonly Column[];
  readonly names: readonly Column[];
  readonly ranges: readonly Range[];
  /** What decides about its rows. */
  readonly rows: Provenance;
}

export const nothing: From = { star: [], names: [], ranges: [], rows: none };

/** A resolved query. */
export interface Relation {
  readonly columns: readonly Column[];
  readonly isValueTable: boolean;
  readonly rows: Provenance;
}

/** What one SELECT makes visible, innermost first through `parent`. */
export interface Scope {
  readonly parent: Scope | undefined;
  readonly from: From;
  /** Before columns: lambda parameters, variables, arguments of SQL functions, aliases of a SELECT list. */
  readonly locals: ReadonlyMap<string, readonly Value[]>;
}

export const scopeOf = (from: From, parent: Scope | undefined): Scope => ({
  parent,
  from,
  locals: new Map(),
});

export function localScope(locals: Iterable<readonly [string, Value]>, parent: Scope | undefined): Scope {
  const all = new Map<string, Value[]>();
  for (const [name, value] of locals) {
    const key = name.toLowerCase();
    all.set(key, [...(all.get(key) ?? []), value]);
  }
  return { parent, from: nothing, locals: all };
}

export type CommonTables = ReadonlyMap<string, Relation>;

/** What stands around an expression or a query. */
export interface Context {
  readonly scope: Scope | undefined;
  readonly tables: CommonTables;
  /** The rows that aggregate functions go over. */
  readonly rows: Provenance;
  readonly windows: ReadonlyMap<string, WindowSpec>;
}

/** One analysis: where its text came from, what there is, and how to refuse. */
export class Analysis {
  source: Source;
  readonly catalog: LineageCatalog;
  readonly callStack: string[] = [];
  /** Columns that were named, when somebody wants to know (PIVOT groups by the others). */
  touched: Set<Column> | undefined;

  constructor(source: Source, catalog: LineageCatalog) {
    this.source = source;
    this.catalog = catalog;
  }

  fail(node: NodeBase, message: string): never {
    throw new GoogleSqlAnalysisError(message, this.source, node.span);
  }

  /** For what may be right and lineage does not follow. */
  refuse(node: NodeBase, what: string, reason = "its lineage is not known"): never {
    throw new UnsupportedGoogleSql(what, reason, { source: this.source, span: node.span });
  }
}

const same = (name: string | undefined, key: string): boolean => name?.toLowerCase() === key;

function only(a: Analysis, at: Identifier, found: readonly Column[]): Column | undefined {
  const [first] = found;
  if (first && found.some((column) => column.value !== first.value)) a.fail(at, `Column name ${at.name} is ambiguous`);
  if (first) a.touched?.add(first);
  return first;
}

/** The row of a table as a value. */
export const rowValue = (range: Range): Value =>
  range.value?.value ?? { own: none, fields: range.columns.map(({ name, value }) => ({ name, value })) };

/** A dotted path: the innermost scope that knows its first part decides; what is left are fields. */
export function resolvePath(a: Analysis, node: PathExpression, scope: Scope | undefined): Value {
  const found = lookUp(a, node.parts, scope);
  if (!found) return a.fail(node, `Unrecognized name: ${node.parts.map((part) => part.name).join(".")}`);
  return node.parts.slice(found.taken).reduce((value, part) => fieldOf(a, part, value), found.value);
}

function lookUp(
  a: Analysis,
  parts: readonly Identifier[],
  from: Scope | undefined,
): { readonly value: Value; readonly taken: number } | undefined {
  const first = parts[0]!;
  const key = first.name.toLowerCase();
  for (let scope = from; scope; scope = scope.parent) {
    const locals = scope.locals.get(key);
    if (locals && locals.length > 1) return a.fail(first, `Column name ${first.name} is ambiguous`);
    if (locals) return { value: locals[0]!, taken: 1 };
    const ranges = scope.from.ranges.filter((range) => same(range.name, key));
    if (ranges.length > 1) return a.fail(first, `Table alias ${first.name} is ambiguous`);
    const range = ranges[0];
    if (range) {
      const second = parts[1];
      if (second) {
        const column = only(
          a,
          second,
          [...range.columns, ...(range.hidden ?? [])].filter((one) => same(one.name, second.name.toLowerCase())),
        );
        if (column) return { value: column.value, taken: 2 };
        if (!range.value) return a.fail(second, `Name ${second.name} not found inside ${first.name}`);
      }
      for (const column of range.columns) a.touched?.add(column);
      if (range.value) a.touched?.add(range.value);
      return { value: rowValue(range), taken: 1 };
    }
    const column = only(
      a,
      first,
      scope.from.names.filter((one) => same(one.name, key)),
    );
    if (column) return { value: column.value, taken: 1 };
  }
  return undefined;
}

/** Whether a name is an alias or a column of what is in reach. */
export function reaches(name: string, from: Scope | undefined): boolean {
  const key = name.toLowerCase();
  for (let scope = from; scope; scope = scope.parent) {
    if (scope.locals.has(key)) return true;
    if (scope.from.ranges.some((range) => same(range.name, key))) return true;
    if (scope.from.names.some((column) => same(column.name, key))) return true;
  }
  return false;
}

/**
 * `value.field`: of a STRUCT whose fields are known just that one, of JSON or a STRUCT of unknown build all of it. Of an array (in
 * UNNEST and FLATTEN) the array of the field of each element.
 */
export function fieldOf(a: Analysis, at: Identifier, value: Value): Value {
  if (value.element) {
    const inner = fieldOf(a, at, value.element);
    return inner.element ? also(inner, value.own) : { own: value.own, element: inner };
  }
  if (value.isJson) return keyOf(value, at.name);
  if (!value.fields) return { own: transformed(total(value)) };
  const found = value.fields.filter((field) => same(field.name, at.name.toLowerCase()));
  if (found.length > 1) a.fail(at, `Struct field name ${at.name} is ambiguous`);
  if (found.length === 0) return a.fail(at, `Field name ${at.name} does not exist`);
  return also(found[0]!.value, value.own);
}

/** Columns as a table of FROM under an alias. A value table's STRUCT offers its fields. */
export function tableOf(
  alias: string | undefined,
  columns: readonly Column[],
  isValueTable: boolean,
  rows: Provenance,
  extra: readonly Column[] = [],
): From {
  if (!isValueTable) {
    const all = [...columns, ...extra];
    return {
      star: all,
      names: all,
      rows,
      ranges: alias === undefined ? [] : [{ name: alias, columns: all, value: undefined }],
    };
  }
  const value = columns[0]!;
  if (value.value.fields && !value.value.isJson) {
    const fields = value.value.fields.map(
      (field): Column => ({ name: field.name, value: also(field.value, value.value.own) }),
    );
    const all = [...fields, ...extra];
    return {
      star: all,
      names: all,
      rows,
      ranges: alias === undefined ? [] : [{ name: alias, columns: fields, value }],
    };
  }
  const named: Column = { name: alias, value: value.value };
  return {
    star: [named, ...extra],
    names: extra,
    rows,
    ranges: alias === undefined ? [] : [{ name: alias, columns: [], value: named }],
  };
}
