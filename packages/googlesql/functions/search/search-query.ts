/** The language of search_query: https://cloud.google.com/bigquery/docs/reference/standard-sql/search_functions#search_query_rules */
import type { TextAnalyzer } from "./text-analyzer.ts";

type Term =
  | { readonly kind: "words"; readonly tokens: readonly string[] }
  | { readonly kind: "phrase"; readonly tokens: readonly string[] }
  | { readonly kind: "exact"; readonly text: string };
type Part = Term | { readonly kind: "and" | "or"; readonly parts: readonly Part[] };

/** A query that has been read, for one analyzer. */
export type SearchQuery = (text: string) => boolean;

const refuse = (what: string): never => {
  throw new Error(`refused.SEARCH: ${what}`);
};

const reserved = new Set("[]<>(){}|!'\"*&?+/:=-\\~^");
const isSpace = (c: string | undefined): boolean => c !== undefined && /\s/.test(c);

type Token = { readonly kind: "(" | ")" | "AND" | "OR" } | { readonly kind: "term"; readonly term: Term };

class Reader {
  private at = 0;
  private readonly out: Token[] = [];
  private readonly text: string;
  private readonly analyzer: TextAnalyzer;

  constructor(text: string, analyzer: TextAnalyzer) {
    this.text = text;
    this.analyzer = analyzer;
  }

  tokens(): readonly Token[] {
    while (this.at < this.text.length) {
      const c = this.text[this.at]!;
      if (isSpace(c)) this.at++;
      else if (c === "(" || c === ")") {
        this.at++;
        this.out.push({ kind: c });
      } else if (c === '"') this.phrase();
      else if (c === "`" && this.analyzer.kind === "LOG_ANALYZER")
        this.out.push({ kind: "term", term: { kind: "exact", text: this.quoted("`") } });
      else this.word();
    }
    return this.out;
  }

  /** What stands between two marks; a backslash before the mark makes it a character, and is one itself before any other. */
  private quoted(mark: string): string {
    let text = "";
    for (this.at++; this.text[this.at] !== mark; this.at++) {
      if (this.at >= this.text.length) throw new Error(`Invalid search query: no ${mark} closes the one before`);
      if (this.text[this.at] === "\\" && this.text[this.at + 1] === mark) this.at++;
      text += this.text[this.at];
    }
    this.at++;
    if (text === "") throw new Error("Invalid search query: an empty term");
    return text;
  }

  private phrase(): void {
    const text = this.quoted('"');
    // The documentation has one example, against its own rules, in which these are operators within a phrase.
    if (/\b(?:AND|OR)\b/.test(text)) refuse("AND or OR within a phrase");
    this.out.push({ kind: "term", term: { kind: "phrase", tokens: this.analyzer.tokens(text) } });
  }

  private word(): void {
    const from = this.at;
    let text = "";
    for (; this.at < this.text.length; this.at++) {
      const c = this.text[this.at]!;
      if (isSpace(c) || c === "(" || c === ")" || c === '"') break;
      if (c === "`" && this.analyzer.kind === "LOG_ANALYZER") break;
      if (c !== "\\") {
        if (reserved.has(c)) refuse(`${c} in a search query without a backslash before it`);
        text += c;
        continue;
      }
      const next = this.text[++this.at];
      const isEscaped = next !== undefined && (reserved.has(next) || next === "`" || isSpace(next));
      text += isEscaped ? next : refuse(`a backslash in a search query before ${next ?? "its end"}`);
    }
    const raw = this.text.slice(from, this.at);
    if (raw === "AND" || raw === "OR") this.out.push({ kind: raw });
    else if (raw === "NOT" || raw === "IN" || raw === "NEAR")
      throw new Error(`Invalid search query: ${raw} is reserved, and must be enclosed in backticks`);
    else this.out.push({ kind: "term", term: { kind: "words", tokens: this.analyzer.tokens(text) } });
  }
}

/** AND binds more than what stands side by side, and that more than OR; all ANDs are one. */
class Parser {
  private at = 0;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  whole(): Part {
    const part = this.or();
    return this.at < this.tokens.length ? this.fail() : part;
  }

  private fail(): never {
    throw new Error("Invalid search query: an operator or a bracket stands where a term is wanted");
  }

  private or(): Part {
    const parts = [this.and()];
    while (this.tokens[this.at]?.kind === "OR") {
      this.at++;
      parts.push(this.and());
    }
    return parts.length === 1 ? parts[0]! : { kind: "or", parts };
  }

  private and(): Part {
    const parts = [this.one()];
    for (;;) {
      const next = this.tokens[this.at]?.kind;
      if (next === "AND") this.at++;
      else if (next !== "term" && next !== "(") break;
      parts.push(this.one());
    }
    return parts.length === 1 ? parts[0]! : { kind: "and", parts };
  }

  private one(): Part {
    const token = this.tokens[this.at++];
    if (token?.kind === "term") return token.term;
    if (token?.kind !== "(") return this.fail();
    const part = this.or();
    return this.tokens[this.at++]?.kind === ")" ? part : this.fail();
  }
}

const leaves = (part: Part): readonly Term[] => ("parts" in part ? part.parts.flatMap(leaves) : [part]);

const isEmpty = (term: Term): boolean => term.kind !== "exact" && term.tokens.length === 0;

function holds(part: Part, text: string, tokens: readonly string[], analyzer: TextAnalyzer): boolean {
  switch (part.kind) {
    case "and":
      return part.parts.every((one) => holds(one, text, tokens, analyzer));
    case "or":
      return part.parts.some((one) => holds(one, text, tokens, analyzer));
    case "words":
      return part.tokens.every((token) => tokens.includes(token));
    case "phrase":
      return tokens.some((_, i) => part.tokens.every((token, j) => tokens[i + j] === token));
    case "exact":
      return hasExactly(text, part.text, analyzer);
  }
}

/** Whether the text has the other in it as it is, between delimiters or its own ends. */
function hasExactly(text: string, wanted: string, analyzer: TextAnalyzer): boolean {
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const end = at + wanted.length;
    const isFree = at === 0 || analyzer.isDelimited(text, at, "before");
    if (isFree && (end === text.length || analyzer.isDelimited(text, end, "after"))) return true;
  }
  return false;
}

/** Reads a search query; throws when it is none, or has no token to look for. */
export function searchQuery(text: string | null, analyzer: TextAnalyzer): SearchQuery {
  if (text === null) throw new Error("The search query of SEARCH cannot be NULL");
  if (analyzer.kind === "NO_OP_ANALYZER") return (data) => data === text;
  const tokens = new Reader(text, analyzer).tokens();
  const none = "The search query of SEARCH has no token to look for";
  if (tokens.length === 0) throw new Error(none);
  const part = new Parser(tokens).whole();
  const terms = leaves(part);
  if (terms.every(isEmpty)) throw new Error(none);
  if (terms.some(isEmpty)) refuse("a search query with a term that has no token");
  return (data) => holds(part, data, analyzer.tokens(data), analyzer);
}
