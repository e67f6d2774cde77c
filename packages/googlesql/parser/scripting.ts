import type {
  Block,
  Declare,
  ExecuteImmediate,
  Identifier,
  If,
  IfBranch,
  ScriptStatement,
  SetVariable,
  Statement,
  UsingArgument,
} from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression, parseOperand } from "./expression.ts";
import { parseNamedParameter, parseString, parseSystemVariable } from "./literals.ts";
import { parseObjectName } from "./names.ts";
import { parseSubquery } from "./primary.ts";
import { type ListEnd, parseStatements } from "./statement.ts";
import { parseType } from "./types.ts";

/** A statement of the procedural language, if one is next. */
export function parseScriptStatement(p: Cursor): ScriptStatement | undefined {
  const start = p.start;
  const { word } = p.token;
  if (p.atIdentifier() && p.peek(1).word === ":") return parseLabelled(p);
  switch (word) {
    case "DECLARE":
      return parseDeclare(p);
    case "SET":
      return parseSet(p);
    case "IF":
      return parseIf(p);
    case "CASE":
      return parseCaseStatement(p);
    case "BEGIN":
      if (p.at("BEGIN", "TRANSACTION") || p.at("BEGIN", ";") || p.peek(1).kind === "end") return parseTransaction(p);
      return parseBlock(p, undefined, start);
    case "COMMIT":
    case "ROLLBACK":
      return parseTransaction(p);
    case "LOOP":
    case "WHILE":
    case "REPEAT":
    case "FOR":
      return parseLoop(p, undefined, start);
    case "BREAK":
    case "LEAVE":
    case "CONTINUE":
    case "ITERATE": {
      p.advance();
      const label = p.atIdentifier() ? p.identifier() : undefined;
      const kind = word === "BREAK" || word === "LEAVE" ? "break" : "continue";
      return { kind, label, span: p.spanFrom(start) };
    }
    case "RAISE": {
      p.advance();
      const using = p.accept("USING", "MESSAGE");
      if (using) p.expect("=");
      const message = using ? parseExpression(p) : undefined;
      return { kind: "raise", message, span: p.spanFrom(start) };
    }
    case "CALL": {
      p.advance();
      const procedure = parseObjectName(p, "the name of a procedure");
      p.expect("(");
      const args = p.at(")") ? [] : p.list(parseExpression);
      p.expect(")");
      return { kind: "call", procedure, arguments: args, span: p.spanFrom(start) };
    }
    case "RETURN":
      p.advance();
      return { kind: "return", span: p.spanFrom(start) };
    case "EXECUTE":
      return parseExecuteImmediate(p);
    case "ASSERT": {
      p.advance();
      const condition = parseExpression(p);
      const description = p.accept("AS") ? parseString(p).value : undefined;
      return { kind: "assert", condition, description, span: p.spanFrom(start) };
    }
    default:
      return undefined;
  }
}

function parseDeclare(p: Cursor): Declare {
  const start = p.start;
  p.expect("DECLARE");
  const names = p.list(() => p.identifier("the name of a variable"));
  const type = p.at("DEFAULT") ? undefined : parseType(p);
  const value = p.accept("DEFAULT") ? parseExpression(p) : undefined;
  return { kind: "declare", names, type, default: value, span: p.spanFrom(start) };
}

/** SET x = ..., SET (a, b) = ..., SET @@x = ... */
function parseSet(p: Cursor): SetVariable {
  const start = p.start;
  p.expect("SET");
  const tuple = p.at("(");
  const targets = tuple ? p.parenthesizedList(parseTarget) : [parseTarget(p)];
  p.expect("=");
  const value = parseExpression(p);
  return { kind: "set-variable", targets, tuple, value, span: p.spanFrom(start) };
}

function parseTarget(p: Cursor): SetVariable["targets"][number] {
  if (p.at("@@")) return parseSystemVariable(p);
  if (p.at("@")) return parseNamedParameter(p);
  if (p.at("TRANSACTION")) p.refuse("SET TRANSACTION");
  return p.identifier("the name of a variable");
}

const atBranchEnd: ListEnd = (p) => p.atAny("END", "ELSE", "ELSEIF", "WHEN");
const atListEnd: ListEnd = (p) => p.at("END");

function parseIf(p: Cursor): If {
  const start = p.start;
  const branches: IfBranch[] = [];
  do {
    const branchStart = p.start;
    p.advance();
    const condition = parseExpression(p);
    p.expect("THEN");
    const statements = parseStatements(p, atBranchEnd, false);
    branches.push({ kind: "if-branch", condition, statements, span: p.spanFrom(branchStart) });
  } while (p.at("ELSEIF"));
  const otherwise = p.accept("ELSE") ? parseStatements(p, atListEnd, false) : undefined;
  p.expect("END", "IF");
  return { kind: "if", branches, otherwise, span: p.spanFrom(start) };
}

function parseCaseStatement(p: Cursor): ScriptStatement {
  const start = p.start;
  p.expect("CASE");
  const operand = p.at("WHEN") ? undefined : parseExpression(p);
  const branches: IfBranch[] = [];
  do {
    const branchStart = p.start;
    p.expect("WHEN");
    const condition = parseExpression(p);
    p.expect("THEN");
    const statements = parseStatements(p, atBranchEnd, false);
    branches.push({ kind: "if-branch", condition, statements, span: p.spanFrom(branchStart) });
  } while (p.at("WHEN"));
  const otherwise = p.accept("ELSE") ? parseStatements(p, atListEnd, false) : undefined;
  p.expect("END", "CASE");
  return { kind: "case-statement", operand, branches, otherwise, span: p.spanFrom(start) };
}

function parseLabelled(p: Cursor): ScriptStatement {
  const start = p.start;
  const label = p.identifier();
  p.expect(":");
  return p.at("BEGIN") ? parseBlock(p, label, start) : parseLoop(p, label, start);
}

/** The label may be said again after END. */
function endOf(p: Cursor, label: Identifier | undefined, ...words: readonly string[]): void {
  p.expect("END", ...words);
  if (label === undefined || !p.atIdentifier()) return;
  const end = p.identifier();
  if (end.name.toLowerCase() !== label.name.toLowerCase()) {
    p.fail(`Mismatched end label; expected ${label.name}, but got ${end.name}`, end.span.start);
  }
}

function parseLoop(p: Cursor, label: Identifier | undefined, start: number): ScriptStatement {
  if (p.accept("LOOP")) {
    const statements = parseStatements(p, atListEnd, false);
    endOf(p, label, "LOOP");
    return { kind: "loop", label, statements, span: p.spanFrom(start) };
  }
  if (p.accept("WHILE")) {
    const condition = parseExpression(p);
    p.expect("DO");
    const statements = parseStatements(p, atListEnd, false);
    endOf(p, label, "WHILE");
    return { kind: "while", label, condition, statements, span: p.spanFrom(start) };
  }
  if (p.accept("REPEAT")) {
    const statements = parseStatements(p, (q) => q.at("UNTIL"), false);
    p.expect("UNTIL");
    const until = parseExpression(p);
    endOf(p, label, "REPEAT");
    return { kind: "repeat", label, statements, until, span: p.spanFrom(start) };
  }
  if (!p.at("FOR")) p.failExpected("BEGIN, LOOP, WHILE, REPEAT or FOR after a label");
  p.expect("FOR");
  const variable = p.identifier("the name of a variable");
  p.expect("IN");
  const query = parseSubquery(p);
  p.expect("DO");
  const statements = parseStatements(p, atListEnd, false);
  endOf(p, label, "FOR");
  return { kind: "for-in", label, variable, query, statements, span: p.spanFrom(start) };
}

/** BEGIN ... [EXCEPTION WHEN ERROR THEN ...] END */
function parseBlock(p: Cursor, label: Identifier | undefined, start: number): Block {
  p.expect("BEGIN");
  const statements = parseStatements(p, (q) => q.at("END") || q.at("EXCEPTION", "WHEN"), true);
  let handler: Statement[] | undefined;
  if (p.accept("EXCEPTION", "WHEN")) {
    p.expect("ERROR", "THEN");
    handler = parseStatements(p, atListEnd, false);
  }
  endOf(p, label);
  return { kind: "block", label, statements, handler, span: p.spanFrom(start) };
}

function parseTransaction(p: Cursor): ScriptStatement {
  const start = p.start;
  const action = p.advance().word.toLowerCase() as "begin" | "commit" | "rollback";
  p.accept("TRANSACTION");
  return { kind: "transaction", action, span: p.spanFrom(start) };
}

/** EXECUTE IMMEDIATE sql [INTO a, b] [USING x AS y, z] */
function parseExecuteImmediate(p: Cursor): ExecuteImmediate {
  const start = p.start;
  p.expect("EXECUTE", "IMMEDIATE");
  const sql = parseOperand(p);
  const into = p.accept("INTO") ? p.list(() => p.identifier("the name of a variable")) : [];
  const using = p.accept("USING") ? p.list(parseUsing) : [];
  return { kind: "execute-immediate", sql, into, using, span: p.spanFrom(start) };
}

function parseUsing(p: Cursor): UsingArgument {
  const start = p.start;
  const value = parseExpression(p);
  const alias = p.accept("AS") ? p.identifier("the name of a parameter") : undefined;
  return { kind: "using-argument", value, alias, span: p.spanFrom(start) };
}
