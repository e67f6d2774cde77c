import type {
  CreateFunction,
  CreateTableFunction,
  FunctionParameter,
  TableParameterType,
  TableTypeColumn,
  TypeName,
} from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseString } from "./literals.ts";
import { type CreateHead, parseCreatedName } from "./names.ts";
import { parseQuery } from "./query.ts";
import { parseOptionsIfAny, parseType } from "./types.ts";

type Owner = "function" | "aggregate" | "table-function" | "procedure";

/** CREATE [AGGREGATE] FUNCTION name(parameters) [RETURNS type] ... AS (expression) | AS "code" */
export function parseCreateFunction(p: Cursor, head: CreateHead): CreateFunction {
  const { start, orReplace, temporary } = head;
  const aggregate = p.accept("AGGREGATE");
  p.expect("FUNCTION");
  const { ifNotExists, name } = parseCreatedName(p, head);
  const parameters = parseParameters(p, aggregate ? "aggregate" : "function");
  const returns = p.accept("RETURNS") ? parseType(p) : undefined;
  if (p.at("SQL", "SECURITY")) p.refuse("SQL SECURITY");
  const determinism = parseDeterminism(p);
  if (p.at("REMOTE")) p.refuse("A remote function");
  const language = p.accept("LANGUAGE") ? p.identifier("a language").name.toLowerCase() : undefined;
  if (p.at("WITH", "CONNECTION")) p.refuse("WITH CONNECTION");
  const optionsBefore = parseOptionsIfAny(p);
  p.expect("AS");
  const body = language === undefined ? parseSqlBody(p) : parseForeignBody(p, language);
  if (language !== undefined && returns === undefined) p.fail("A function in another language needs RETURNS", start);
  if (determinism !== undefined && language === undefined) p.fail("DETERMINISTIC needs LANGUAGE", start);
  if (optionsBefore && p.at("OPTIONS")) p.fail("OPTIONS is given twice");
  const options = optionsBefore ?? parseOptionsIfAny(p);
  return {
    kind: "create-function",
    aggregate,
    orReplace,
    temporary,
    ifNotExists,
    name,
    parameters,
    returns,
    determinism,
    options,
    body,
    span: p.spanFrom(start),
  };
}

function parseDeterminism(p: Cursor): CreateFunction["determinism"] {
  if (p.accept("DETERMINISTIC")) return "deterministic";
  if (p.accept("NOT", "DETERMINISTIC")) return "not-deterministic";
  if (p.atAny("IMMUTABLE", "STABLE", "VOLATILE")) p.refuse(p.token.word);
  return undefined;
}

function parseSqlBody(p: Cursor): CreateFunction["body"] {
  const start = p.start;
  if (!p.at("(")) p.failExpected('"("');
  p.expect("(");
  if (p.atAny("SELECT", "FROM") || (p.at("WITH") && p.peek(1).word !== "(")) {
    p.fail("The body of a function is an expression; a query must be in parentheses of its own");
  }
  const expression = parseExpression(p);
  p.expect(")");
  return { kind: "sql-function-body", expression, span: p.spanFrom(start) };
}

function parseForeignBody(p: Cursor, language: string): CreateFunction["body"] {
  const { value: code, span } = parseString(p);
  return { kind: "foreign-function-body", language, code, span };
}

/** CREATE TABLE FUNCTION name(parameters) [RETURNS TABLE<...>] AS query */
export function parseCreateTableFunction(p: Cursor, head: CreateHead): CreateTableFunction {
  p.expect("TABLE", "FUNCTION");
  const { start, orReplace, temporary } = head;
  const { ifNotExists, name } = parseCreatedName(p, head);
  const parameters = parseParameters(p, "table-function");
  const returns = p.accept("RETURNS") ? parseTableType(p) : undefined;
  const optionsBefore = parseOptionsIfAny(p);
  p.expect("AS");
  const query = parseQuery(p);
  if (optionsBefore && p.at("OPTIONS")) p.fail("OPTIONS is given twice");
  const options = optionsBefore ?? parseOptionsIfAny(p);
  return {
    kind: "create-table-function",
    orReplace,
    temporary,
    ifNotExists,
    name,
    parameters,
    returns,
    options,
    query,
    span: p.spanFrom(start),
  };
}

export function parseParameters(p: Cursor, owner: Owner): FunctionParameter[] {
  p.expect("(");
  const parameters = p.at(")") ? [] : p.list((q) => parseFunctionParameter(q, owner));
  p.expect(")");
  return parameters;
}

function parseFunctionParameter(p: Cursor, owner: Owner): FunctionParameter {
  const start = p.start;
  const mode = owner === "procedure" ? parseMode(p) : undefined;
  const name = p.identifier("the name of a parameter");
  const type = parseParameterType(p, owner);
  const default_ = p.accept("DEFAULT") ? parseExpression(p) : undefined;
  const notAggregate = owner === "aggregate" && p.accept("NOT", "AGGREGATE");
  return {
    kind: "function-parameter",
    name,
    type,
    default: default_,
    notAggregate,
    mode,
    span: p.spanFrom(start),
  };
}

/** IN, OUT or INOUT; a parameter of such a name must be quoted. */
function parseMode(p: Cursor): FunctionParameter["mode"] {
  if (p.accept("IN")) return "in";
  if (!p.atAny("OUT", "INOUT")) return undefined;
  return p.advance().word === "OUT" ? "out" : "inout";
}

function parseParameterType(p: Cursor, owner: Owner): TypeName | TableParameterType {
  const start = p.start;
  if (p.at("TABLE", "<") && owner === "table-function") return parseTableType(p);
  if (!p.accept("ANY")) return parseType(p);
  if (owner === "table-function" && p.accept("TABLE")) {
    return { kind: "table-parameter-type", columns: undefined, span: p.spanFrom(start) };
  }
  p.expect("TYPE");
  return { kind: "templated-type", span: p.spanFrom(start) };
}

function parseTableType(p: Cursor): TableParameterType {
  const start = p.start;
  p.expect("TABLE", "<");
  const columns = p.list(parseTableTypeColumn);
  p.expect(">");
  return { kind: "table-parameter-type", columns, span: p.spanFrom(start) };
}

function parseTableTypeColumn(p: Cursor): TableTypeColumn {
  const start = p.start;
  const name = p.identifier("the name of a column");
  const type = parseType(p);
  return { kind: "table-type-column", name, type, span: p.spanFrom(start) };
}
