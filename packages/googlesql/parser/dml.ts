import type {
  Assignment,
  DefaultValue,
  Delete,
  ExportData,
  Expression,
  Identifier,
  Insert,
  Merge,
  MergeClause,
  Truncate,
  Update,
} from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { atParenthesizedQuery, parseExpression } from "./expression.ts";
import { parseFrom, parseTable } from "./from.ts";
import { parseAlias, parseObjectName } from "./names.ts";
import { parseQuery } from "./query.ts";
import { parseOptions } from "./types.ts";

/** INSERT [INTO] table [(columns)] VALUES (...), ... | query */
export function parseInsert(p: Cursor): Insert {
  const start = p.start;
  p.expect("INSERT");
  if (p.atAny("OR", "IGNORE", "REPLACE", "UPDATE")) p.refuse(`INSERT ${p.token.word}`);
  p.accept("INTO");
  const table = parseObjectName(p, "the name of a table");
  const columns = p.at("(") && !atParenthesizedQuery(p) ? p.parenthesizedList(columnName) : undefined;
  const sourceStart = p.start;
  let source: Insert["source"];
  if (p.accept("VALUES")) {
    const rows = p.list((q) => q.parenthesizedList(parseValue));
    source = { kind: "insert-values", rows, span: p.spanFrom(sourceStart) };
  } else {
    const query = parseQuery(p);
    source = { kind: "insert-query", query, span: p.spanFrom(sourceStart) };
  }
  if (p.at("ON", "CONFLICT")) p.refuse("ON CONFLICT");
  refuseReturning(p);
  return { kind: "insert", table, columns, source, span: p.spanFrom(start) };
}

const columnName = (p: Cursor): Identifier => p.identifier("the name of a column");

function parseValue(p: Cursor): Expression | DefaultValue {
  const { start, end } = p.token;
  if (p.accept("DEFAULT")) return { kind: "default-value", span: { start, end } };
  return parseExpression(p);
}

function refuseReturning(p: Cursor): void {
  if (p.at("ASSERT_ROWS_MODIFIED")) p.refuse("ASSERT_ROWS_MODIFIED");
  if (p.at("THEN", "RETURN")) p.refuse("THEN RETURN");
}

/** UPDATE table [alias] SET ... [FROM ...] WHERE ... */
export function parseUpdate(p: Cursor): Update {
  const start = p.start;
  p.expect("UPDATE");
  const table = parseObjectName(p, "the name of a table");
  const alias = parseAlias(p);
  p.expect("SET");
  const assignments = p.list(parseAssignment);
  const from = p.at("FROM") ? parseFrom(p) : undefined;
  const where = parseRequiredWhere(p, "UPDATE");
  return { kind: "update", table, alias, assignments, from, where, span: p.spanFrom(start) };
}

function parseAssignment(p: Cursor): Assignment {
  const start = p.start;
  if (p.at("(")) p.refuse("Nested DML");
  const target = [columnName(p)];
  while (p.accept(".")) {
    if (p.at("(")) p.refuse("A protocol buffer extension");
    target.push(p.anyWord());
  }
  if (p.at("[")) p.refuse("Assigning to an element of an array");
  p.expect("=");
  const value = parseValue(p);
  return { kind: "assignment", target, value, span: p.spanFrom(start) };
}

function parseRequiredWhere(p: Cursor, statement: string): Expression {
  if (!p.at("WHERE")) p.failExpected(`keyword WHERE (${statement} must have one; write WHERE true for all rows)`);
  p.advance();
  const where = parseExpression(p);
  refuseReturning(p);
  return where;
}

/** DELETE [FROM] table [alias] WHERE ... */
export function parseDelete(p: Cursor): Delete {
  const start = p.start;
  p.expect("DELETE");
  p.accept("FROM");
  const table = parseObjectName(p, "the name of a table");
  const alias = parseAlias(p);
  const where = parseRequiredWhere(p, "DELETE");
  return { kind: "delete", table, alias, where, span: p.spanFrom(start) };
}

/** TRUNCATE TABLE table */
export function parseTruncate(p: Cursor): Truncate {
  const start = p.start;
  p.expect("TRUNCATE", "TABLE");
  const table = parseObjectName(p, "the name of a table");
  if (p.at("WHERE")) p.refuse("WHERE in TRUNCATE TABLE");
  return { kind: "truncate", table, span: p.spanFrom(start) };
}

/** MERGE [INTO] table [alias] USING source ON condition WHEN ... */
export function parseMerge(p: Cursor): Merge {
  const start = p.start;
  p.expect("MERGE");
  p.accept("INTO");
  const table = parseObjectName(p, "the name of a table");
  const alias = parseAlias(p);
  p.expect("USING");
  const sourceStart = p.start;
  const source = parseTable(p);
  if (source.kind !== "table-reference" && source.kind !== "subquery-table") {
    p.fail("The source of MERGE is a table or a query in parentheses", sourceStart);
  }
  p.expect("ON");
  const condition = parseExpression(p);
  const clauses = [parseMergeClause(p)];
  while (p.at("WHEN")) clauses.push(parseMergeClause(p));
  refuseReturning(p);
  return { kind: "merge", table, alias, source, condition, clauses, span: p.spanFrom(start) };
}

function parseMergeClause(p: Cursor): MergeClause {
  const start = p.start;
  p.expect("WHEN");
  const not = p.accept("NOT");
  p.expect("MATCHED");
  let match: MergeClause["match"] = not ? "not-matched-by-target" : "matched";
  if (not && p.accept("BY")) {
    if (p.accept("SOURCE")) match = "not-matched-by-source";
    else p.expect("TARGET");
  }
  const condition = p.accept("AND") ? parseExpression(p) : undefined;
  p.expect("THEN");
  const action = parseMergeAction(p, match);
  return { kind: "merge-clause", match, condition, action, span: p.spanFrom(start) };
}

function parseMergeAction(p: Cursor, match: MergeClause["match"]): MergeClause["action"] {
  const start = p.start;
  const inserts = match === "not-matched-by-target";
  if (p.at("INSERT") && inserts) {
    p.advance();
    const columns = p.at("(") ? p.parenthesizedList(columnName) : undefined;
    if (p.accept("ROW")) return { kind: "merge-insert", columns, values: undefined, span: p.spanFrom(start) };
    p.expect("VALUES");
    const values = p.parenthesizedList(parseValue);
    return { kind: "merge-insert", columns, values, span: p.spanFrom(start) };
  }
  if (p.at("UPDATE") && !inserts) {
    p.advance();
    p.expect("SET");
    const assignments = p.list(parseAssignment);
    return { kind: "merge-update", assignments, span: p.spanFrom(start) };
  }
  if (p.at("DELETE") && !inserts) {
    p.advance();
    return { kind: "merge-delete", span: p.spanFrom(start) };
  }
  return p.failExpected(inserts ? "keyword INSERT" : "UPDATE or DELETE");
}

/** EXPORT DATA OPTIONS (...) AS query */
export function parseExportData(p: Cursor): ExportData {
  const start = p.start;
  p.expect("EXPORT");
  if (!p.at("DATA")) p.refuse(`EXPORT ${p.token.word}`);
  p.expect("DATA");
  if (p.at("WITH", "CONNECTION")) p.refuse("WITH CONNECTION");
  const options = parseOptions(p);
  p.expect("AS");
  const query = parseQuery(p);
  return { kind: "export-data", options, query, span: p.spanFrom(start) };
}
