import type { ColumnDefinition, ForeignReference, Identifier, PrimaryKey, TableConstraint } from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseObjectName } from "./names.ts";
import { parseOptions, parseType } from "./types.ts";

export interface TableElements {
  readonly columns: readonly ColumnDefinition[];
  readonly constraints: readonly TableConstraint[];
}

/** The parenthesised columns and constraints of CREATE TABLE. One comma may trail. */
export function parseTableElements(p: Cursor): TableElements {
  const columns: ColumnDefinition[] = [];
  const constraints: TableConstraint[] = [];
  p.expect("(");
  while (!p.at(")")) {
    if (atConstraint(p)) constraints.push(parseConstraint(p));
    else columns.push(parseColumnDefinition(p));
    if (!p.accept(",")) break;
  }
  p.expect(")");
  return { columns, constraints };
}

function atConstraint(p: Cursor): boolean {
  const named = p.at("CONSTRAINT") && p.atIdentifier(1) && p.peek(2).kind === "word";
  return (
    p.at("PRIMARY", "KEY") || p.at("FOREIGN", "KEY") || p.at("CHECK", "(") || (named && constraintAfter(p.peek(2).word))
  );
}

const constraintAfter = (word: string) => word === "PRIMARY" || word === "FOREIGN" || word === "CHECK";

/** name type [DEFAULT x] [NOT NULL] [PRIMARY KEY | REFERENCES ...] [OPTIONS (...)], the attributes in any order. */
export function parseColumnDefinition(p: Cursor): ColumnDefinition {
  const start = p.start;
  const name = p.identifier("the name of a column");
  const typed = !p.atAny(",", ")", "NOT", "DEFAULT") && !p.at("OPTIONS", "(") && !p.at("PRIMARY", "KEY");
  if (typed && p.atAny("AS", "GENERATED")) p.refuse("A generated column");
  const type = typed ? parseType(p, "columns") : undefined;
  const seen = new Set<string>();
  const once = (what: string) => {
    if (seen.has(what)) p.fail(`${what} is given twice`);
    seen.add(what);
  };
  let column: Omit<ColumnDefinition, "span"> = {
    kind: "column-definition",
    name,
    type,
    notNull: false,
    default: undefined,
    primaryKey: undefined,
    references: undefined,
    options: undefined,
  };
  for (;;) {
    const at = p.start;
    if (p.at("NOT", "NULL")) {
      once("NOT NULL");
      p.expect("NOT", "NULL");
      column = { ...column, notNull: true };
    } else if (p.at("DEFAULT")) {
      once("DEFAULT");
      p.advance();
      column = { ...column, default: parseExpression(p) };
    } else if (p.at("PRIMARY", "KEY")) {
      once("PRIMARY KEY");
      p.expect("PRIMARY", "KEY");
      expectNotEnforced(p);
      column = { ...column, primaryKey: { kind: "primary-key", name: undefined, columns: [], span: p.spanFrom(at) } };
    } else if (p.at("REFERENCES")) {
      once("REFERENCES");
      column = { ...column, references: parseReference(p) };
    } else if (p.at("OPTIONS", "(")) {
      once("OPTIONS");
      column = { ...column, options: parseOptions(p) };
    } else {
      if (p.atAny("GENERATED", "AS", "HIDDEN", "CHECK", "UNIQUE")) p.refuse(`The column attribute ${p.token.word}`);
      return { ...column, span: p.spanFrom(start) };
    }
  }
}

/** [CONSTRAINT name] PRIMARY KEY (...) | FOREIGN KEY (...) REFERENCES ... */
export function parseConstraint(p: Cursor): TableConstraint {
  const start = p.start;
  const name = p.accept("CONSTRAINT") ? p.identifier("the name of a constraint") : undefined;
  if (p.at("CHECK")) p.refuse("A CHECK constraint");
  if (p.accept("PRIMARY", "KEY")) {
    const columns = p.parenthesizedList(columnName);
    expectNotEnforced(p);
    const key: PrimaryKey = { kind: "primary-key", name, columns, span: p.spanFrom(start) };
    return key;
  }
  p.expect("FOREIGN", "KEY");
  const columns = p.parenthesizedList(columnName);
  const references = parseReference(p);
  return { kind: "foreign-key", name, columns, references, span: p.spanFrom(start) };
}

const columnName = (p: Cursor): Identifier => p.identifier("the name of a column");

function parseReference(p: Cursor): ForeignReference {
  const start = p.start;
  p.expect("REFERENCES");
  const table = parseObjectName(p, "the name of a table");
  const columns = p.parenthesizedList(columnName);
  if (p.atAny("MATCH", "ON")) p.refuse(`${p.token.word} on a foreign key`);
  expectNotEnforced(p);
  return { kind: "foreign-reference", table, columns, span: p.spanFrom(start) };
}

function expectNotEnforced(p: Cursor): void {
  if (!p.accept("NOT", "ENFORCED")) p.failExpected("NOT ENFORCED (BigQuery enforces no keys)");
}
