import type { Statement } from "../ast.ts";
import { parseAlter, parseDrop } from "./alter-drop.ts";
import { parseCreate } from "./create.ts";
import type { Cursor } from "./cursor.ts";
import { parseDelete, parseExportData, parseInsert, parseMerge, parseTruncate, parseUpdate } from "./dml.ts";
import { parseHint } from "./names.ts";
import { atQuery, parseQuery } from "./query.ts";
import { parseScriptStatement } from "./scripting.ts";

/** One statement, without the semicolon after it. */
export function parseStatement(p: Cursor): Statement {
  return p.nested(() => {
    const start = p.start;
    parseHint(p);
    if (atQuery(p)) {
      const query = parseQuery(p);
      return { kind: "query-statement", query, span: p.spanFrom(start) };
    }
    switch (p.token.word) {
      case "INSERT":
        return parseInsert(p);
      case "UPDATE":
        return parseUpdate(p);
      case "DELETE":
        return parseDelete(p);
      case "MERGE":
        return parseMerge(p);
      case "TRUNCATE":
        return parseTruncate(p);
      case "CREATE":
        return parseCreate(p);
      case "DROP":
        return parseDrop(p);
      case "ALTER":
        return parseAlter(p);
      case "EXPORT":
        return parseExportData(p);
    }
    const statement = parseScriptStatement(p);
    if (statement !== undefined) return statement;
    if (unsupportedStatements.has(p.token.word)) p.refuse(`The statement ${p.token.word}`);
    return p.failExpected("a statement");
  });
}

const unsupportedStatements = new Set(
  `GRAPH EXPLAIN DESCRIBE DESC SHOW ANALYZE GRANT REVOKE RENAME IMPORT MODULE START RUN LOAD UNDROP DEFINE CLONE TABLE
  ABORT BATCH`.split(/\s+/),
);

/** What one list of statements ends at. */
export type ListEnd = (p: Cursor) => boolean;

/** Statements, each with its semicolon, up to what ends the list. Declarations may only open a block or a script. */
export function parseStatements(p: Cursor, atEnd: ListEnd, declarations: boolean): Statement[] {
  const statements: Statement[] = [];
  let declarationsOver = !declarations;
  while (!atEnd(p)) {
    if (!p.at("DECLARE")) declarationsOver = true;
    else if (declarationsOver) p.fail("Variable declarations are allowed only at the start of a block or script");
    statements.push(parseStatement(p));
    p.expect(";");
  }
  return statements;
}

/** A whole script: statements between semicolons; the last needs none. Empty statements are none. */
export function parseScriptBody(p: Cursor): Statement[] {
  const statements: Statement[] = [];
  while (p.accept(";"));
  let declarationsOver = false;
  while (!p.atEnd()) {
    if (!p.at("DECLARE")) declarationsOver = true;
    else if (declarationsOver) p.fail("Variable declarations are allowed only at the start of a block or script");
    statements.push(parseStatement(p));
    if (!p.atEnd()) {
      if (!p.at(";")) p.failExpected("end of the statement");
      while (p.accept(";"));
    }
  }
  return statements;
}
