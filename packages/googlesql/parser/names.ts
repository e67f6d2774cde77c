import type { Hint, HintEntry, Identifier, ObjectName } from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";

/** a.b.c: after the first dot every word is a name. */
export function parsePath(p: Cursor, what = "a name"): Identifier[] {
  const parts = [p.identifier(what)];
  while (p.accept(".")) parts.push(p.anyWord());
  return parts;
}

/** The name of a table or another object. An unquoted first part may have dashes: `my-project.ds.t`. */
export function parseObjectName(p: Cursor, what = "a name"): ObjectName {
  const start = p.start;
  if (p.at("/")) p.refuse("A table name with slashes");
  const parts = [p.identifier(what)];
  if (!parts[0]!.quoted && p.at("-")) parseDashes(p, parts);
  while (p.accept(".")) parts.push(p.anyWord());
  return { kind: "object-name", parts, span: p.spanFrom(start) };
}

/** Joins the dashed rest of a first part to it. There is no white space in it, and it is not quoted. */
function parseDashes(p: Cursor, parts: Identifier[]): void {
  const first = parts.pop()!;
  const { start } = first.span;
  let { end } = first.span;
  while (p.at("-")) {
    const dash = p.token;
    const next = p.peek(1);
    const adjacent = dash.start === end && next.start === dash.end;
    if (!adjacent || !(next.kind === "word" || next.kind === "integer" || next.kind === "float")) p.failUnexpected();
    if (next.kind === "word" && next.reserved) p.failUnexpected(next);
    const written = p.text.slice(next.start, next.end);
    p.advance();
    p.advance();
    end = next.end;
    if (next.kind === "word") continue;
    const glued = p.token.kind === "word" && p.token.start === end;
    if (next.kind === "float") {
      // `a-1.b`: the lexer took the dot for a decimal point.
      if (!/^[0-9]+\.$/.test(written) || !glued) p.failUnexpected(next);
      const name = p.text.slice(start, end - 1);
      parts.push({ kind: "identifier", name, quoted: false, span: { start, end: end - 1 } }, p.anyWord());
      return;
    }
    if (glued) p.failUnexpected();
  }
  parts.push({ kind: "identifier", name: p.text.slice(start, end), quoted: false, span: { start, end } });
}

/** `@5`, `@{name = value}` or both, if next. */
export function parseHint(p: Cursor): Hint | undefined {
  if (!p.at("@")) return undefined;
  const next = p.peek(1);
  if (next.kind !== "integer" && next.word !== "{") return undefined;
  const start = p.start;
  let shards: bigint | undefined;
  let entries: HintEntry[] = [];
  p.advance();
  if (next.kind === "integer") {
    p.advance();
    if (p.token.kind === "word" && p.start === next.end) p.failUnexpected();
    shards = BigInt(p.text.slice(next.start, next.end));
    if (p.at("@", "{")) p.advance();
  }
  if (p.accept("{")) {
    entries = p.list(parseHintEntry);
    p.expect("}");
  }
  if (shards !== undefined) p.ownHints.push({ name: "num_shards", start });
  for (const { name, span } of entries) {
    if (name.length === 1) p.ownHints.push({ name: name[0]!.name, start: span.start });
  }
  return { kind: "hint", shards, entries, span: p.spanFrom(start) };
}

function parseHintEntry(p: Cursor): HintEntry {
  const start = p.start;
  const name = parsePath(p, "the name of a hint");
  if (name.length > 2) p.fail("The name of a hint has at most two parts", start);
  p.expect("=");
  const value = parseExpression(p);
  return { kind: "hint-entry", name, value, span: p.spanFrom(start) };
}

/** `[AS] name` */
export function parseAlias(p: Cursor): Identifier | undefined {
  if (p.accept("AS")) return p.identifier("an alias");
  return p.atIdentifier() ? p.identifier() : undefined;
}

/** What is known of a CREATE before the kind of object is. */
export interface CreateHead {
  readonly start: number;
  readonly orReplace: boolean;
  readonly temporary: boolean;
}

/** [IF NOT EXISTS] name */
export function parseCreatedName(p: Cursor, head: CreateHead): { ifNotExists: boolean; name: ObjectName } {
  const at = p.start;
  const ifNotExists = p.accept("IF", "NOT", "EXISTS");
  if (ifNotExists && head.orReplace) p.fail("CREATE cannot specify both OR REPLACE and IF NOT EXISTS", at);
  return { ifNotExists, name: parseObjectName(p) };
}
