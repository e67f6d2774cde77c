import type {
  ColumnDefinition,
  CreateTable,
  CreateTableFrom,
  CreateView,
  NodeBase,
  ObjectName,
  Query,
} from "../ast.ts";
import { arrivalColumn, type CatalogTable, propertiesText, type TableProperties } from "../catalog.ts";
import { quoteName, stringText } from "../emit/text.ts";
import { pathOf } from "../path-of.ts";
import { duckdbType, type GoogleSqlType, holdsCollated, typeName } from "../types.ts";
import { checkFieldName, storedArrival } from "./arrival.ts";
import { coerceOrFail } from "./coerce.ts";
import { collatedType } from "./column-collation.ts";
import { type Analysis, withoutColumns } from "./context.ts";
import { resolve } from "./expressions.ts";
import { readOptions, requiresPartitionFilter } from "./options.ts";
import { checkClustering, type Partitioning, partitioningOf } from "./partitioning.ts";
import { resolveQuery } from "./query.ts";
import type { OutColumn } from "./relation.ts";
import { declaredText, heldAs } from "./type-limits.ts";
import { withCollation } from "./type-names.ts";

/** The DuckDB name of an object that is to be made: `"dataset"."table"`; the project is not part of it. */
export function targetName(path: readonly string[], temporary: boolean): string {
  const name = quoteName(path.at(-1)!);
  if (temporary) return `temp.${name}`;
  return path.length > 1 ? `${quoteName(path.at(-2)!)}.${name}` : `main.${name}`;
}

/** Types that DuckDB's own do not tell apart are written into the column's comment. */
export function typeComment(type: GoogleSqlType): string | undefined {
  const needs = (t: GoogleSqlType): boolean => {
    if (t.kind === "ARRAY") return needs(t.element);
    return t.kind === "STRUCT" || t.kind === "RANGE" || t.kind === "BIGNUMERIC" || t.kind === "JSON";
  };
  return needs(type) ? `googlesql:${typeName(type)}` : undefined;
}

export interface NewColumn {
  readonly name: string;
  readonly type: GoogleSqlType;
  /** With its limits, where it has any. */
  readonly declared?: string | undefined;
  readonly notNull: boolean;
  /** DuckDB SQL. */
  readonly defaultSql: string | undefined;
}

/** DuckDB statements that do what CREATE TABLE says. */
export function createTable(a: Analysis, node: CreateTable): readonly string[] {
  if (node.type === "external") a.refuse(node, "CREATE_EXTERNAL_TABLE");
  const standing = node.ifNotExists ? undefined : a.catalog.table(pathOf(node.name));
  if (standing?.properties?.madeAs === "snapshot" && !node.temporary) notAllowed(a, node.name, "SNAPSHOT");
  if (node.from) return createFrom(a, node, node.from);
  return newTable(a, node).texts;
}

/** A default that would have to be remembered for columns that come later is not made at all. */
export function refuseCollation(a: Analysis, node: NodeBase, collation: string | undefined): void {
  if (collation) a.refuse(node, "collation", `DEFAULT COLLATE '${collation}'`);
}

/** DuckDB SQL that makes a table or view, and the columns that it then has. */
export interface Made {
  readonly texts: readonly string[];
  readonly columns: readonly {
    readonly name: string;
    readonly type: GoogleSqlType;
    readonly declared?: string | undefined;
  }[];
  readonly properties: TableProperties | undefined;
}

/** A table of declared columns, or of a query's. */
export function newTable(a: Analysis, node: CreateTable): Made {
  const path = pathOf(node.name);
  const target = targetName(path, node.temporary);
  const head = createHead(node, target);
  const declared = node.columns?.map((column) => declaredColumn(a, column, node.defaultCollation));
  if (node.defaultCollation && (node.query || !declared?.some((column) => column.type && holdsCollated(column.type))))
    refuseCollation(a, node, node.defaultCollation);
  checkNames(a, node, declared ?? []);
  if (!node.query) {
    if (!declared || declared.length === 0) return a.fail(node, "CREATE TABLE needs columns or a query");
    const columns = declared as readonly NewColumn[];
    const by = partitioningOf(a, node, columns);
    return made(a, node, target, [`${head} (${columnTexts(columns, by)})`], columns, by);
  }
  const relation = resolveQuery(a, node.query, { scope: undefined, tables: new Map() });
  a.failUnfiltered();
  const given = namedColumns(
    a,
    node,
    relation.columns,
    relation.isValueTable,
    node.columns?.map((column) => column.name.name),
  );
  const columns = given.map((column, i): NewColumn => {
    const wanted = declared?.[i];
    return {
      name: column.name,
      type: wanted?.type ?? column.type,
      declared: wanted?.declared,
      notNull: wanted?.notNull ?? false,
      defaultSql: wanted?.defaultSql,
    };
  });
  const t = a.fresh("t");
  const values = storedValues(a, node.query, t, given, columns);
  const list = columns.map((column, i) => `${values[i]} AS ${quoteName(column.name)}`);
  const select = `SELECT ${list.join(", ")} FROM (${relation.sql}) AS ${t}`;
  const constrained = columns.some((column) => column.notNull || column.defaultSql !== undefined);
  const by = partitioningOf(a, node, columns);
  if (!constrained) return made(a, node, target, [`${head} AS ${select}`], columns, by);
  const texts = [`${head} (${columnTexts(columns, by)})`, `INSERT INTO ${target} ${select}`];
  return made(a, node, target, texts, columns, by);
}

/** What CREATE TABLE comes to, with what is kept of the table in comments; nothing where IF NOT EXISTS finds one. */
function made(
  a: Analysis,
  node: CreateTable,
  target: string,
  texts: readonly string[],
  columns: readonly NewColumn[],
  by: Partitioning | undefined,
  inherited: TableProperties = {},
): Made {
  for (const column of node.columns ?? []) readOptions(a, "column", column.options);
  checkClustering(a, node, columns);
  const isRequired = requiresPartitionFilter(a, readOptions(a, "table", node.options), by?.partitionColumn);
  const said: TableProperties = {
    ...inherited,
    partitionColumn: by?.partitionColumn,
    arrivalUnit: by?.arrivalUnit,
    requiresPartitionFilter: isRequired ?? inherited.requiresPartitionFilter,
  };
  const properties = Object.values(said).every((value) => value === undefined) ? undefined : said;
  if (standsAlready(a, node, target)) return { texts: [], columns, properties };
  const kept = [...comments(target, columns), ...propertiesComment(target, "TABLE", properties)];
  return { texts: [...texts, ...kept], columns, properties };
}

const standsAlready = (a: Analysis, node: CreateTable | CreateView, target: string): boolean =>
  node.ifNotExists && a.catalog.table(pathOf(node.name))?.sql.toLowerCase() === target.toLowerCase();

/** Keeps what is known of a table or view in the database, where the catalogue finds it again. */
export const propertiesComment = (
  target: string,
  object: "TABLE" | "VIEW",
  properties: TableProperties | undefined,
): readonly string[] =>
  properties === undefined ? [] : [`COMMENT ON ${object} ${target} IS ${stringText(propertiesText(properties))}`];

/** LIKE, COPY, CLONE: the columns of another table with all that is kept of them, and for the last two its rows. */
function createFrom(a: Analysis, node: CreateTable, from: CreateTableFrom): readonly string[] {
  if (from.systemTime) a.refuse(from.systemTime, "FOR_SYSTEM_TIME", "there is no history of tables");
  const table = existing(a, from.table);
  if (table.kind === "view" && from.how !== "like") notAllowed(a, from.table, "VIEW");
  const target = targetName(pathOf(node.name), node.temporary);
  const columns: readonly NewColumn[] = table.columns.map(({ name, type, declared, notNull, defaultSql }) => ({
    name,
    type,
    declared,
    notNull: notNull === true,
    defaultSql,
  }));
  const by = partitioningOf(a, node, columns) ?? table.properties;
  if (by?.arrivalUnit !== undefined && node.query)
    a.refuse(node, arrivalColumn, "a table of a query that is partitioned by the time of arrival");
  const isTimed = by?.arrivalUnit !== undefined && table.properties?.arrivalUnit !== undefined;
  const kept = isTimed ? [{ name: arrivalColumn, convert: undefined }, ...table.columns] : table.columns;
  const list = kept.map(({ name }) => quoteName(name)).join(", ");
  const values = kept.map(({ name, convert }) => (convert ? convert(quoteName(name)) : quoteName(name)));
  const rows = node.query
    ? queryRows(a, node, node.query, columns)
    : from.how === "like"
      ? undefined
      : `SELECT ${values.join(", ")} FROM ${table.sql}`;
  const texts = [`${createHead(node, target)} (${columnTexts(columns, by)})`];
  if (rows !== undefined) texts.push(`INSERT INTO ${target} (${list}) ${rows}`);
  const madeAs = from.how === "clone" ? (node.type === "snapshot" ? "snapshot" : "clone") : undefined;
  return made(a, node, target, texts, columns, by, { ...table.properties, unfiltered: undefined, madeAs }).texts;
}

/** The rows of the query of CREATE TABLE ... LIKE ... AS, for the columns by their places. */
function queryRows(a: Analysis, node: CreateTable, query: Query, columns: readonly NewColumn[]): string {
  const relation = resolveQuery(a, query, { scope: undefined, tables: new Map() });
  a.failUnfiltered();
  if (relation.columns.length !== columns.length)
    a.fail(node, `The query gives ${relation.columns.length} columns, but the table has ${columns.length}`);
  const t = a.fresh("t");
  const given = relation.columns.map(({ sqlName, type }) => ({ sqlName, type }));
  return `SELECT ${storedValues(a, query, t, given, columns).join(", ")} FROM (${relation.sql}) AS ${t}`;
}

/** What a query gives as the columns of a table hold it. */
function storedValues(
  a: Analysis,
  node: Query,
  t: string,
  given: readonly Pick<NamedColumn, "sqlName" | "type">[],
  columns: readonly NewColumn[],
): readonly string[] {
  return columns.map((column, i) => {
    const from = { sql: `${t}.${given[i]!.sqlName}`, type: given[i]!.type };
    const value = coerceOrFail(a, node, from, column.type, `Column ${column.name}`);
    return heldAs(a, column, `CAST(${value.sql} AS ${duckdbType(column.type)})`);
  });
}

/** A statement that BigQuery does not have for this kind of object. */
export const notAllowed = (a: Analysis, name: ObjectName, kind: "SNAPSHOT" | "VIEW"): never =>
  a.fail(name, `${pathOf(name).join(".")} is not allowed for this operation because it is currently a ${kind}`);

const createHead = (node: CreateTable, target: string): string =>
  `CREATE ${node.orReplace ? "OR REPLACE " : ""}${node.temporary ? "TEMP " : ""}TABLE ${node.ifNotExists ? "IF NOT EXISTS " : ""}${target}`;

function existing(a: Analysis, name: ObjectName): CatalogTable {
  return a.catalog.table(pathOf(name)) ?? a.fail(name, `Table not found: ${pathOf(name).join(".")}`);
}

function checkNames(a: Analysis, node: CreateTable, columns: readonly { readonly name: string }[]): void {
  const seen = new Set<string>();
  for (const column of columns) {
    const key = column.name.toLowerCase();
    checkFieldName(a, node, column.name);
    if (seen.has(key)) a.fail(node, `Duplicate column name ${column.name} in CREATE TABLE`);
    seen.add(key);
  }
}

/** A column definition with its type and default resolved. */
export function declaredColumn(
  a: Analysis,
  node: ColumnDefinition,
  /** Of the table: for strings that have no collation of their own. */
  defaultCollation?: string | undefined,
): Omit<NewColumn, "type"> & { readonly type: GoogleSqlType | undefined } {
  const written = node.type && withCollation(node.type, (own) => own ?? defaultCollation);
  const type = written && collatedType(a, written);
  const declared = written && declaredText(written);
  let defaultSql: string | undefined;
  if (node.default && type) {
    const value = resolve(a, node.default, withoutColumns("a column default"));
    const given = coerceOrFail(a, node.default, value, type, `Default of column ${node.name.name}`).sql;
    defaultSql = heldAs(a, { declared }, given);
  }
  return { name: node.name.name, type, declared, notNull: node.notNull, defaultSql };
}

/** The columns of a table that is made, the time of arrival before them where it is partitioned by that. */
const columnTexts = (columns: readonly NewColumn[], by: Partitioning | undefined): string =>
  [...(by?.arrivalUnit === undefined ? [] : [storedArrival(by.arrivalUnit)]), ...columns.map(columnText)].join(", ");

export const columnText = (column: NewColumn): string =>
  `${quoteName(column.name)} ${duckdbType(column.type)}${column.notNull ? " NOT NULL" : ""}${column.defaultSql === undefined ? "" : ` DEFAULT (${column.defaultSql})`}`;

export function comments(
  target: string,
  columns: readonly Pick<NewColumn, "name" | "type" | "declared">[],
): readonly string[] {
  return columns.flatMap((column) => {
    const text = column.declared === undefined ? typeComment(column.type) : `googlesql:${column.declared}`;
    return text === undefined ? [] : [`COMMENT ON COLUMN ${target}.${quoteName(column.name)} IS ${stringText(text)}`];
  });
}

interface NamedColumn {
  readonly name: string;
  readonly sqlName: string;
  readonly type: GoogleSqlType;
}

/** The columns of a query that becomes a table: each must have a name of its own. */
function namedColumns(
  a: Analysis,
  node: CreateTable | CreateView,
  columns: readonly OutColumn[],
  isValueTable: boolean,
  names: readonly string[] | undefined,
): readonly NamedColumn[] {
  if (isValueTable) a.refuse(node, "value_table", "a stored table of values");
  if (columns.some((column) => holdsCollated(column.type)))
    a.refuse(node, "collation", "a table or view of a query whose strings are collated");
  if (names && names.length !== columns.length) {
    a.fail(node, `The column list has ${names.length} names, but the query gives ${columns.length} columns`);
  }
  const seen = new Set<string>();
  return columns.map((column, i) => {
    const name = names?.[i] ?? column.name;
    if (name === undefined || name === "") return a.fail(node, `Column ${i + 1} of the query has no name`);
    const key = name.toLowerCase();
    checkFieldName(a, node, name);
    if (seen.has(key)) a.fail(node, `Duplicate column name ${name}`);
    seen.add(key);
    return { name, sqlName: column.sqlName, type: column.type };
  });
}

/** A view holds the translated query; the helpers that it needs are installed again whenever it is read. */
export const createView = (a: Analysis, node: CreateView): readonly string[] => newView(a, node).texts;

export function newView(a: Analysis, node: CreateView): Made {
  const target = targetName(pathOf(node.name), node.temporary);
  a.isStored = true;
  const relation = resolveQuery(a, node.query, { scope: undefined, tables: new Map() });
  const columns = namedColumns(
    a,
    node,
    relation.columns,
    relation.isValueTable,
    node.columns?.map((column) => column.name.name),
  );
  const t = a.fresh("t");
  const list = columns.map((column) => `${t}.${column.sqlName} AS ${quoteName(column.name)}`).join(", ");
  const head = `CREATE ${node.orReplace ? "OR REPLACE " : ""}${node.temporary ? "TEMP " : ""}VIEW ${node.ifNotExists ? "IF NOT EXISTS " : ""}${target}`;
  readOptions(a, "view", node.options);
  for (const column of node.columns ?? []) readOptions(a, "column", column.options);
  const unfiltered = a.partitions.unfiltered(columns.map(({ name, sqlName }) => ({ name, sql: sqlName })));
  const properties = unfiltered.length === 0 ? undefined : { unfiltered };
  if (standsAlready(a, node, target)) return { texts: [], columns, properties };
  const kept = [...comments(target, columns), ...propertiesComment(target, "VIEW", properties)];
  return { texts: [`${head} AS SELECT ${list} FROM (${relation.sql}) AS ${t}`, ...kept], columns, properties };
}
