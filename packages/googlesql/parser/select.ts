import type {
  Expression,
  Identifier,
  NamedWindow,
  PrivacyClause,
  Select,
  SelectDotStar,
  SelectItem,
  SelectStar,
  StarReplacement,
  WindowSpec,
} from "../ast.ts";
import { parseWindowSpec } from "./call.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseFrom } from "./from.ts";
import { parseGroupBy } from "./group-by.ts";
import { parseAlias, parseHint } from "./names.ts";
import { parseOptionsIfAny } from "./types.ts";

/** SELECT up to and without ORDER BY. */
export function parseSelect(p: Cursor): Select {
  const start = p.start;
  const head = parseSelectHead(p);
  const from = p.at("FROM") ? parseFrom(p) : undefined;
  const where = p.accept("WHERE") ? parseExpression(p) : undefined;
  const groupBy = p.at("GROUP") ? parseGroupBy(p) : undefined;
  const having = p.accept("HAVING") ? parseExpression(p) : undefined;
  const qualify = p.accept("QUALIFY") ? parseExpression(p) : undefined;
  const windows = p.at("WINDOW") ? parseWindows(p) : [];
  return { kind: "select", ...head, from, where, groupBy, having, qualify, windows, span: p.spanFrom(start) };
}

/** SELECT and its list, which pipe syntax has too. */
export function parseSelectHead(p: Cursor): Pick<Select, "privacy" | "distinct" | "as" | "items" | "hint"> {
  p.expect("SELECT");
  const hint = parseHint(p);
  const privacy = parsePrivacy(p);
  const distinct = p.accept("DISTINCT");
  if (!distinct) p.accept("ALL");
  const as = parseSelectAs(p);
  if (p.at("FROM")) p.fail("SELECT list must not be empty");
  return { privacy, distinct, as, items: parseSelectItems(p, true), hint };
}

function parsePrivacy(p: Cursor): PrivacyClause | undefined {
  const start = p.start;
  if (!p.at("WITH") || p.peek(1).word === "(") return undefined;
  if (p.peek(1).word !== "DIFFERENTIAL_PRIVACY") p.refuse(`SELECT WITH ${p.peek(1).word}`);
  p.advance();
  p.advance();
  return { kind: "privacy-clause", options: parseOptionsIfAny(p), span: p.spanFrom(start) };
}

function parseSelectAs(p: Cursor): Select["as"] {
  if (!p.accept("AS")) return undefined;
  if (p.accept("STRUCT")) return "struct";
  if (p.accept("VALUE")) return "value";
  return p.refuse("SELECT AS a type (a protocol buffer)");
}

/** Items between commas; one comma may trail. A bare `*` is an item only where `stars` says so. */
export function parseSelectItems(p: Cursor, stars: boolean): SelectItem[] {
  const items = [parseSelectItem(p, stars)];
  while (p.accept(",")) {
    if (atEndOfSelectList(p)) break;
    items.push(parseSelectItem(p, stars));
  }
  return items;
}

const afterSelectList = new Set(
  `FROM WHERE GROUP HAVING QUALIFY WINDOW ORDER LIMIT UNION INTERSECT EXCEPT FULL LEFT INNER ) ; |>`.split(" "),
);

function atEndOfSelectList(p: Cursor): boolean {
  if (p.token.kind === "end") return true;
  // LEFT(...) is a call, LEFT UNION is not.
  return afterSelectList.has(p.token.word) && !(p.token.word === "LEFT" && p.peek(1).word === "(");
}

function parseSelectItem(p: Cursor, stars: boolean): SelectItem {
  const start = p.start;
  if (p.at("*") && stars) {
    p.advance();
    return parseStarModifiers(p, { kind: "select-star" }, start);
  }
  const first = p.index;
  const expression = parseExpression(p);
  if (p.at(".", "*")) {
    const parenthesized = p.tokens[first]!.match === p.index - 1;
    if (operators.has(expression.kind) && !parenthesized) p.failUnexpected();
    p.expect(".", "*");
    return parseStarModifiers(p, { kind: "select-dot-star", object: expression }, start);
  }
  const alias = parseAlias(p);
  return { kind: "select-expression", expression, alias, span: p.spanFrom(start) };
}

/** Expressions that must be in parentheses before `.*`. */
const operators: ReadonlySet<Expression["kind"]> = new Set([
  "unary",
  "binary",
  "logical",
  "is-test",
  "is-distinct-from",
  "in",
  "between",
  "like",
  "quantified-like",
] as const);

type StarHead = { readonly kind: "select-star" } | { readonly kind: "select-dot-star"; readonly object: Expression };

function parseStarModifiers(p: Cursor, head: StarHead, start: number): SelectStar | SelectDotStar {
  let except: Identifier[] = [];
  let replace: StarReplacement[] = [];
  if (p.at("EXCEPT", "(")) {
    p.advance();
    except = p.parenthesizedList(() => p.identifier("the name of a column"));
  }
  if (p.at("REPLACE", "(")) {
    p.advance();
    replace = p.parenthesizedList(parseReplacement);
  }
  return { ...head, except, replace, span: p.spanFrom(start) };
}

function parseReplacement(p: Cursor): StarReplacement {
  const start = p.start;
  const expression = parseExpression(p);
  p.expect("AS");
  const name = p.identifier("the name of a column");
  return { kind: "star-replacement", expression, name, span: p.spanFrom(start) };
}

/** WINDOW w AS (...), v AS w */
export function parseWindows(p: Cursor, trailingComma = false): NamedWindow[] {
  p.expect("WINDOW");
  const windows = [parseNamedWindow(p)];
  while (p.accept(",")) {
    if (trailingComma && !p.atIdentifier()) break;
    windows.push(parseNamedWindow(p));
  }
  return windows;
}

function parseNamedWindow(p: Cursor): NamedWindow {
  const start = p.start;
  const name = p.identifier("the name of a window");
  p.expect("AS");
  const spec = p.at("(") ? parseWindowSpec(p) : parseWindowAlias(p);
  return { kind: "named-window", name, spec, span: p.spanFrom(start) };
}

function parseWindowAlias(p: Cursor): WindowSpec {
  const start = p.start;
  const base = p.identifier("the name of a window or its definition in parentheses");
  const nothing = { partitionBy: [], orderBy: [], frame: undefined };
  return { kind: "window-spec", base, ...nothing, span: p.spanFrom(start) };
}
