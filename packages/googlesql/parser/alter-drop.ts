import type { Alter, AlterAction, ColumnChange, Drop, SetOptions } from "../ast.ts";
import { parseColumnDefinition, parseConstraint } from "./columns.ts";
import { parseDefaultCollation } from "./create.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseObjectName } from "./names.ts";
import { parseOptions, parseType } from "./types.ts";

/** DROP object [IF EXISTS] name */
export function parseDrop(p: Cursor): Drop {
  const start = p.start;
  p.expect("DROP");
  const object = parseDroppedObject(p);
  const ifExists = p.accept("IF", "EXISTS");
  const name = parseObjectName(p);
  const behaviour =
    object !== "schema" ? undefined : p.accept("CASCADE") ? "cascade" : p.accept("RESTRICT") ? "restrict" : undefined;
  return { kind: "drop", object, ifExists, name, behaviour, span: p.spanFrom(start) };
}

function parseDroppedObject(p: Cursor): Drop["object"] {
  if (p.accept("TABLE", "FUNCTION")) return "table-function";
  if (p.accept("TABLE")) return "table";
  if (p.accept("EXTERNAL", "TABLE")) return "external-table";
  if (p.accept("SNAPSHOT", "TABLE")) return "snapshot-table";
  if (p.accept("VIEW")) return "view";
  if (p.accept("MATERIALIZED", "VIEW")) return "materialized-view";
  if (p.accept("FUNCTION")) return "function";
  if (p.accept("PROCEDURE")) return "procedure";
  if (p.accept("SCHEMA")) return "schema";
  return p.refuse(`DROP ${p.text.slice(p.start, p.token.end).toUpperCase()}`);
}

/** ALTER object [IF EXISTS] name action, ... */
export function parseAlter(p: Cursor): Alter {
  const start = p.start;
  p.expect("ALTER");
  const object = parseAlteredObject(p);
  const ifExists = p.accept("IF", "EXISTS");
  const name = parseObjectName(p);
  const actions = p.list(parseAction);
  const wrong = actions.find((action) => object !== "table" && !forAll.has(action.kind) && !forViews(object, action));
  if (wrong) p.refuse(`This action on a ${object.replace("-", " ")}`, wrong.span.start);
  return { kind: "alter", object, ifExists, name, actions, span: p.spanFrom(start) };
}

const forAll: ReadonlySet<AlterAction["kind"]> = new Set(["set-options"] as const);

function forViews(object: Alter["object"], action: AlterAction): boolean {
  if (object === "schema") return action.kind === "set-default-collation";
  return object === "view" && action.kind === "alter-column" && action.change.kind === "set-options";
}

function parseAlteredObject(p: Cursor): Alter["object"] {
  if (p.accept("TABLE")) return "table";
  if (p.accept("VIEW")) return "view";
  if (p.accept("MATERIALIZED", "VIEW")) return "materialized-view";
  if (p.accept("SCHEMA")) return "schema";
  return p.refuse(`ALTER ${p.text.slice(p.start, p.token.end).toUpperCase()}`);
}

function parseAction(p: Cursor): AlterAction {
  const start = p.start;
  if (p.at("SET", "OPTIONS")) return parseSetOptions(p);
  if (p.at("SET", "DEFAULT", "COLLATE")) {
    p.advance();
    const collation = parseDefaultCollation(p) ?? p.failUnexpected();
    return { kind: "set-default-collation", collation, span: p.spanFrom(start) };
  }
  if (p.accept("ADD", "COLUMN")) {
    const ifNotExists = p.accept("IF", "NOT", "EXISTS");
    const column = parseColumnDefinition(p);
    if (column.type === undefined) p.fail(`Column ${column.name.name} has no type`, column.span.start);
    if (p.atAny("PRECEDING", "FOLLOWING") || p.at("FILL", "USING")) p.refuse(`ADD COLUMN ... ${p.token.word}`);
    return { kind: "add-column", ifNotExists, column, span: p.spanFrom(start) };
  }
  if (p.accept("DROP", "COLUMN")) {
    const ifExists = p.accept("IF", "EXISTS");
    return { kind: "drop-column", ifExists, column: columnName(p), span: p.spanFrom(start) };
  }
  if (p.accept("RENAME", "COLUMN")) {
    const ifExists = p.accept("IF", "EXISTS");
    const from = columnName(p);
    p.expect("TO");
    return { kind: "rename-column", ifExists, from, to: columnName(p), span: p.spanFrom(start) };
  }
  if (p.accept("RENAME", "TO")) {
    return { kind: "rename-to", name: parseObjectName(p), span: p.spanFrom(start) };
  }
  if (p.accept("ALTER", "COLUMN")) {
    const ifExists = p.accept("IF", "EXISTS");
    const column = columnName(p);
    return { kind: "alter-column", ifExists, column, change: parseColumnChange(p), span: p.spanFrom(start) };
  }
  if (p.accept("DROP", "PRIMARY", "KEY")) {
    return { kind: "drop-primary-key", ifExists: p.accept("IF", "EXISTS"), span: p.spanFrom(start) };
  }
  if (p.accept("DROP", "CONSTRAINT")) {
    const ifExists = p.accept("IF", "EXISTS");
    const name = p.identifier("the name of a constraint");
    return { kind: "drop-constraint", ifExists, name, span: p.spanFrom(start) };
  }
  if (p.at("ADD")) return parseAddConstraint(p);
  return p.failExpected("an action of ALTER that BigQuery has");
}

/** ADD PRIMARY KEY ..., ADD CONSTRAINT [IF NOT EXISTS] name FOREIGN KEY ... */
function parseAddConstraint(p: Cursor): AlterAction {
  const start = p.start;
  p.expect("ADD");
  if (!p.at("CONSTRAINT", "IF", "NOT")) {
    if (!p.at("CONSTRAINT") && !p.at("PRIMARY", "KEY") && !p.at("FOREIGN", "KEY")) p.failExpected("COLUMN or a key");
    const constraint = parseConstraint(p);
    return { kind: "add-constraint", ifNotExists: false, constraint, span: p.spanFrom(start) };
  }
  const constraintStart = p.start;
  p.expect("CONSTRAINT", "IF", "NOT", "EXISTS");
  const name = p.identifier("the name of a constraint");
  const constraint = { ...parseConstraint(p), name, span: p.spanFrom(constraintStart) };
  return { kind: "add-constraint", ifNotExists: true, constraint, span: p.spanFrom(start) };
}

function parseSetOptions(p: Cursor): SetOptions {
  const start = p.start;
  p.expect("SET");
  const options = parseOptions(p);
  return { kind: "set-options", options, span: p.spanFrom(start) };
}

function parseColumnChange(p: Cursor): ColumnChange {
  const start = p.start;
  if (p.at("SET", "OPTIONS")) return parseSetOptions(p);
  if (p.accept("SET", "DATA", "TYPE")) {
    return { kind: "set-data-type", type: parseType(p, "columns"), span: p.spanFrom(start) };
  }
  if (p.accept("SET", "DEFAULT")) return { kind: "set-default", value: parseExpression(p), span: p.spanFrom(start) };
  if (p.accept("DROP", "DEFAULT")) return { kind: "drop-default", span: p.spanFrom(start) };
  if (p.accept("DROP", "NOT", "NULL")) return { kind: "drop-not-null", span: p.spanFrom(start) };
  return p.failExpected("SET OPTIONS, SET DATA TYPE, SET DEFAULT, DROP DEFAULT or DROP NOT NULL");
}

const columnName = (p: Cursor) => p.identifier("the name of a column");
