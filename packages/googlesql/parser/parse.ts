import type { Expression, Query, Script, Statement, TypeName } from "../ast.ts";
import { Cursor } from "./cursor.ts";
import { parseExpression as expression } from "./expression.ts";
import { parseQuery as query } from "./query.ts";
import { parseScriptBody, parseStatement as statement } from "./statement.ts";
import { parseType as typeName } from "./types.ts";

export interface ParseOptions {
  /** Where the text came from, for error messages. */
  readonly file?: string | undefined;
}

/**
 * Statements between semicolons: a script, or a single statement or query. All of them throw GoogleSqlSyntaxError, or UnsupportedGoogleSql
 * for syntax that GoogleSQL has and this engine does not read.
 */
export function parseScript(sql: string, options: ParseOptions = {}): Script {
  const { statements, ownHints } = whole(sql, options, (p) => ({
    statements: parseScriptBody(p),
    ownHints: p.ownHints,
  }));
  return { kind: "script", file: options.file, text: sql, statements, ownHints, span: { start: 0, end: sql.length } };
}

/** One statement, with or without a semicolon after it. */
export function parseStatement(sql: string, options: ParseOptions = {}): Statement {
  return whole(sql, options, (p) => {
    const result = statement(p);
    p.accept(";");
    return result;
  });
}

/** One expression and nothing else. */
export function parseExpression(sql: string, options: ParseOptions = {}): Expression {
  return whole(sql, options, expression);
}

/** One query, with or without a semicolon after it. */
export function parseQuery(sql: string, options: ParseOptions = {}): Query {
  return whole(sql, options, (p) => {
    const result = query(p);
    p.accept(";");
    return result;
  });
}

/** A type as columns are declared, `STRUCT<a STRING(3)>`. */
export function parseTypeName(sql: string): TypeName {
  return whole(sql, {}, (p) => typeName(p, "columns"));
}

function whole<T>(sql: string, options: ParseOptions, parse: (p: Cursor) => T): T {
  const p = new Cursor(sql, options.file);
  const result = parse(p);
  if (p.token.kind !== "end") p.failExpected("end of text");
  return result;
}
