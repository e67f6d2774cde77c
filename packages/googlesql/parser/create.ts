import type {
  CreateConstant,
  CreateProcedure,
  CreateSchema,
  CreateTable,
  CreateTableFrom,
  CreateView,
  Expression,
  Statement,
  ViewColumn,
} from "../ast.ts";
import { parseTableElements } from "./columns.ts";
import { parseCreateFunction, parseCreateTableFunction, parseParameters } from "./create-function.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseSystemTime } from "./from.ts";
import { parseString } from "./literals.ts";
import { type CreateHead, parseCreatedName, parseObjectName } from "./names.ts";
import { parseQuery } from "./query.ts";
import { parseStatements } from "./statement.ts";
import { parseOptionsIfAny } from "./types.ts";

export function parseCreate(p: Cursor): Statement {
  const start = p.start;
  p.expect("CREATE");
  const orReplace = p.accept("OR", "REPLACE");
  const modifier = p.start;
  const temporary = p.accept("TEMP") || p.accept("TEMPORARY");
  const head: CreateHead = { start, orReplace, temporary };
  if (p.at("TABLE", "FUNCTION")) return parseCreateTableFunction(p, head);
  if (p.at("TABLE")) return parseCreateTable(p, head, "table");
  if (p.at("FUNCTION") || p.at("AGGREGATE", "FUNCTION")) return parseCreateFunction(p, head);
  if (p.at("PROCEDURE")) return parseCreateProcedure(p, head);
  if (p.at("CONSTANT")) return parseCreateConstant(p, head);
  if (temporary) p.refuse(`CREATE TEMP ${p.token.word}`, modifier);
  if (p.at("EXTERNAL", "TABLE")) return parseCreateTable(p, head, "external");
  if (p.at("SNAPSHOT", "TABLE")) return parseCreateTable(p, head, "snapshot");
  if (p.at("VIEW") || p.at("MATERIALIZED", "VIEW")) return parseCreateView(p, head);
  if (p.at("SCHEMA")) return parseCreateSchema(p, head);
  return p.refuse(`CREATE ${p.text.slice(p.start, p.token.end).toUpperCase()}`);
}

/** CREATE CONSTANT name = expression */
function parseCreateConstant(p: Cursor, head: CreateHead): CreateConstant {
  const { start, orReplace, temporary } = head;
  p.expect("CONSTANT");
  const { ifNotExists, name } = parseCreatedName(p, head);
  p.expect("=");
  const value = parseExpression(p);
  return {
    kind: "create-constant",
    orReplace,
    temporary,
    ifNotExists,
    name,
    options: undefined,
    value,
    span: p.spanFrom(start),
  };
}

function parseCreateTable(p: Cursor, head: CreateHead, type: CreateTable["type"]): CreateTable {
  if (type !== "table") p.advance();
  p.expect("TABLE");
  if (p.at("FUNCTION") && type !== "table") p.refuse(`CREATE ${type.toUpperCase()} TABLE FUNCTION`);
  const { start, orReplace, temporary } = head;
  const { ifNotExists, name } = parseCreatedName(p, head);
  const elements = p.at("(") ? parseTableElements(p) : undefined;
  if (elements?.columns.length === 0) p.fail("A table must have at least one column");
  const from = p.atAny("LIKE", "COPY", "CLONE") ? parseCreateTableFrom(p) : undefined;
  if (from && elements) p.fail(`A list of columns and ${from.how.toUpperCase()} may not be combined`, from.span.start);
  const defaultCollation = parseDefaultCollation(p);
  const partitionBy = parsePartitionBy(p);
  const clusterBy = parseClusterBy(p);
  if (p.at("WITH")) p.refuse(`WITH ${p.peek(1).word} in CREATE TABLE`);
  const options = parseOptionsIfAny(p);
  const query = p.accept("AS") ? parseQuery(p) : undefined;
  const untyped = elements?.columns.find((column) => column.type === undefined);
  if (untyped && query === undefined) p.fail(`Column ${untyped.name.name} has no type`, untyped.span.start);
  if (type === "snapshot" && from?.how !== "clone") p.failExpected("keyword CLONE");
  if (type === "snapshot" && orReplace) p.fail("CREATE SNAPSHOT TABLE has no OR REPLACE", start);
  if (type === "snapshot" && (partitionBy || clusterBy.length > 0))
    p.fail("CREATE SNAPSHOT TABLE has no PARTITION BY or CLUSTER BY", start);
  if (type !== "table" && query) p.fail(`CREATE ${type.toUpperCase()} TABLE has no query`, query.span.start);
  if (type === "external" && !options) p.failExpected("keyword OPTIONS");
  if (type === "external" && (partitionBy || clusterBy.length > 0)) {
    p.fail("CREATE EXTERNAL TABLE has no PARTITION BY or CLUSTER BY", start);
  }
  if (!elements && !from && !query && type === "table") p.failExpected("a list of columns, LIKE, COPY, CLONE or AS");
  if (from && from.how !== "like" && query) p.fail(`${from.how.toUpperCase()} and AS may not be combined`);
  return {
    kind: "create-table",
    type,
    orReplace,
    temporary,
    ifNotExists,
    name,
    columns: elements?.columns,
    constraints: elements?.constraints ?? [],
    from,
    defaultCollation,
    partitionBy,
    clusterBy,
    options,
    query,
    span: p.spanFrom(start),
  };
}

function parseCreateTableFrom(p: Cursor): CreateTableFrom {
  const start = p.start;
  const how = p.advance().word.toLowerCase() as CreateTableFrom["how"];
  const table = parseObjectName(p, "the name of a table");
  const systemTime = how === "clone" ? parseSystemTime(p) : undefined;
  return { kind: "create-table-from", how, table, systemTime, span: p.spanFrom(start) };
}

export function parseDefaultCollation(p: Cursor): string | undefined {
  return p.accept("DEFAULT", "COLLATE") ? parseString(p).value : undefined;
}

function parsePartitionBy(p: Cursor): Expression | undefined {
  if (!p.accept("PARTITION", "BY")) return undefined;
  const expression = parseExpression(p);
  if (p.at(",")) p.fail("PARTITION BY takes one expression");
  return expression;
}

function parseClusterBy(p: Cursor): Expression[] {
  return p.accept("CLUSTER", "BY") ? p.list(parseExpression) : [];
}

function parseCreateView(p: Cursor, head: CreateHead): CreateView {
  const materialized = p.accept("MATERIALIZED");
  p.expect("VIEW");
  const { start, orReplace, temporary } = head;
  const { ifNotExists, name } = parseCreatedName(p, head);
  const columns = p.at("(") ? p.parenthesizedList(parseViewColumn) : undefined;
  const partitionBy = materialized ? parsePartitionBy(p) : undefined;
  const clusterBy = materialized ? parseClusterBy(p) : [];
  if (p.at("SQL", "SECURITY")) p.refuse("SQL SECURITY");
  const options = parseOptionsIfAny(p);
  p.expect("AS");
  if (p.at("REPLICA", "OF")) p.refuse("AS REPLICA OF");
  const query = parseQuery(p);
  return {
    kind: "create-view",
    materialized,
    orReplace,
    temporary,
    ifNotExists,
    name,
    columns,
    partitionBy,
    clusterBy,
    options,
    query,
    span: p.spanFrom(start),
  };
}

function parseViewColumn(p: Cursor): ViewColumn {
  const start = p.start;
  const name = p.identifier("the name of a column");
  const options = parseOptionsIfAny(p);
  return { kind: "view-column", name, options, span: p.spanFrom(start) };
}

function parseCreateSchema(p: Cursor, head: CreateHead): CreateSchema {
  p.expect("SCHEMA");
  const { start, orReplace, temporary } = head;
  if (orReplace) p.refuse("CREATE OR REPLACE SCHEMA", start);
  const { ifNotExists, name } = parseCreatedName(p, head);
  const defaultCollation = parseDefaultCollation(p);
  const options = parseOptionsIfAny(p);
  return {
    kind: "create-schema",
    orReplace,
    temporary,
    ifNotExists,
    name,
    defaultCollation,
    options,
    span: p.spanFrom(start),
  };
}

function parseCreateProcedure(p: Cursor, head: CreateHead): CreateProcedure {
  p.expect("PROCEDURE");
  const { start, orReplace, temporary } = head;
  if (temporary) p.refuse("CREATE TEMP PROCEDURE", start);
  const { ifNotExists, name } = parseCreatedName(p, head);
  const parameters = parseParameters(p, "procedure");
  if (p.atAny("WITH", "EXTERNAL", "LANGUAGE")) p.refuse(`CREATE PROCEDURE ... ${p.token.word}`);
  const options = parseOptionsIfAny(p);
  p.expect("BEGIN");
  const body = parseStatements(p, (q) => q.at("END") || q.at("EXCEPTION", "WHEN"), true);
  if (p.at("EXCEPTION")) p.refuse("EXCEPTION right within a procedure (put a BEGIN ... END around it)");
  p.expect("END");
  return {
    kind: "create-procedure",
    orReplace,
    temporary,
    ifNotExists,
    name,
    parameters,
    options,
    body,
    span: p.spanFrom(start),
  };
}
