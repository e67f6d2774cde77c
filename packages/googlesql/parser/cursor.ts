import type { HintName, Identifier, Span } from "../ast.ts";
import { GoogleSqlSyntaxError, UnsupportedGoogleSql } from "../errors.ts";
import { type Token, tokenize } from "../lexer.ts";

/** Deep enough for any text a person or a program writes, shallow enough to never exhaust the stack. */
const deepestNesting = 400;

/** The parser's place in the tokens. Every parse function takes one, consumes what it understands, and throws otherwise. */
export class Cursor {
  readonly text: string;
  readonly file: string | undefined;
  readonly tokens: readonly Token[];
  index = 0;
  token: Token;
  /** Positional parameters seen so far. */
  positionalParameters = 0;
  /** Hints for this engine seen so far: those without the name of another one in front. */
  readonly ownHints: HintName[] = [];
  #depth = 0;

  constructor(text: string, file?: string) {
    this.text = text;
    this.file = file;
    this.tokens = tokenize(text, file);
    this.token = this.tokens[0]!;
  }

  peek(ahead: number): Token {
    return this.tokens[Math.min(this.index + ahead, this.tokens.length - 1)]!;
  }

  advance(): Token {
    const token = this.token;
    if (token.kind !== "end") this.token = this.tokens[++this.index]!;
    return token;
  }

  moveTo(index: number): void {
    this.index = index;
    this.token = this.tokens[index]!;
  }

  /** Whether the next tokens are these words or symbols. */
  at(first: string, second?: string, third?: string): boolean {
    return (
      this.token.word === first &&
      (second === undefined || this.peek(1).word === second) &&
      (third === undefined || this.peek(2).word === third)
    );
  }

  atEnd(): boolean {
    return this.token.kind === "end";
  }

  atAny(...words: readonly string[]): boolean {
    return this.token.word !== "" && words.includes(this.token.word);
  }

  accept(first: string, second?: string, third?: string): boolean {
    if (!this.at(first, second, third)) return false;
    this.advance();
    if (second !== undefined) this.advance();
    if (third !== undefined) this.advance();
    return true;
  }

  expect(...words: readonly string[]): void {
    for (const word of words) {
      if (this.token.word !== word) this.failExpected(this.isWord(word) ? `keyword ${word}` : `"${word}"`);
      this.advance();
    }
  }

  /** Start of the next token. */
  get start(): number {
    return this.token.start;
  }

  /** From `start` to the end of the last token consumed. */
  spanFrom(start: number): Span {
    return { start, end: this.index === 0 ? start : this.tokens[this.index - 1]!.end };
  }

  /** Whether the next token can be a name: quoted, or a word that is not reserved. */
  atIdentifier(ahead = 0): boolean {
    const token = ahead === 0 ? this.token : this.peek(ahead);
    return token.kind === "quoted" || (token.kind === "word" && !token.reserved);
  }

  identifier(what = "an identifier"): Identifier {
    if (!this.atIdentifier()) this.failExpected(what);
    return this.anyWord();
  }

  /** A name where any word will do: after a dot, or after `@`. */
  anyWord(what = "an identifier"): Identifier {
    const token = this.token;
    if (token.kind !== "word" && token.kind !== "quoted") this.failExpected(what);
    this.advance();
    const quoted = token.kind === "quoted";
    const name = quoted ? (token.value as string) : this.text.slice(token.start, token.end);
    return { kind: "identifier", name, quoted, span: { start: token.start, end: token.end } };
  }

  /** Runs `parse` one level deeper. */
  nested<T>(parse: () => T): T {
    if (++this.#depth > deepestNesting) this.fail(`Nesting is deeper than ${deepestNesting} levels`);
    const result = parse();
    this.#depth--;
    return result;
  }

  /** One or more, between commas. */
  list<T>(parse: (cursor: Cursor) => T): T[] {
    const items = [parse(this)];
    while (this.accept(",")) items.push(parse(this));
    return items;
  }

  /** One or more, between commas, in parentheses. */
  parenthesizedList<T>(parse: (cursor: Cursor) => T): T[] {
    this.expect("(");
    const items = this.list(parse);
    this.expect(")");
    return items;
  }

  fail(message: string, offset = this.token.start): never {
    throw new GoogleSqlSyntaxError(message, { text: this.text, file: this.file }, { start: offset, end: offset });
  }

  failExpected(expected: string): never {
    this.fail(`Expected ${expected} but got ${this.describe(this.token)}`);
  }

  failUnexpected(token = this.token): never {
    this.fail(`Unexpected ${this.describe(token)}`, token.start);
  }

  /** Refuses a construct that is GoogleSQL, but not BigQuery's or not ours. */
  refuse(construct: string, offset = this.token.start): never {
    const place = { source: { text: this.text, file: this.file }, span: { start: offset, end: offset } };
    throw new UnsupportedGoogleSql(construct.replace(/\W+/g, "_"), `${construct} is not supported`, place);
  }

  private isWord(word: string): boolean {
    return /^\w/.test(word);
  }

  private describe(token: Token): string {
    const written = this.text.slice(token.start, token.end);
    const short = written.length > 40 ? `${written.slice(0, 37)}...` : written;
    switch (token.kind) {
      case "end":
        return "end of text";
      case "word":
        return token.reserved ? `keyword ${token.word}` : `identifier "${short}"`;
      case "quoted":
        return `identifier ${short}`;
      case "symbol":
        return `"${short}"`;
      default:
        return `${token.kind} literal ${short}`;
    }
  }
}
