import type { Json, PathStep } from "./json-tree.ts";

class SyntaxProblem extends Error {}

const short: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };
const numbers = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Reads a text as JSON_VALUE, JSON_QUERY and their like do of a STRING, which is more than JSON: strings in either quote with any character
 * in them and escapes of C, a comma too many, a value that is left out. What stands behind the value looked for is never read.
 * https://github.com/google/googlesql/blob/master/googlesql/common/json_parser.cc
 */
class LenientScanner {
  at = 0;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  private fail(): never {
    throw new SyntaxProblem(`syntax error at offset ${this.at}`);
  }

  /** The next character that is no space; "" at the end. */
  private peek(): string {
    while (/[ \t\n\v\f\r]/.test(this.text[this.at] ?? "x")) this.at++;
    return this.text[this.at] ?? "";
  }

  private take(c: string): boolean {
    if (this.peek() !== c) return false;
    this.at++;
    return true;
  }

  private string(): string {
    const open = this.peek();
    if (open !== '"' && open !== "'") return this.fail();
    let read = "";
    for (this.at++; this.text[this.at] !== open; ) {
      const next = this.text.slice(this.at).search(/["'\\]/);
      if (next < 0) return this.fail();
      read += this.text.slice(this.at, this.at + next);
      this.at += next;
      if (this.text[this.at] === "\\") read += this.escaped();
      else if (this.text[this.at] !== open) read += this.text[this.at++];
    }
    this.at++;
    return read;
  }

  private escaped(): string {
    const found = /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-7]{1,3})|([^ux]))/suy;
    found.lastIndex = this.at;
    const [all, unicode, latin, octal, other = ""] = found.exec(this.text) ?? this.fail();
    this.at += all.length;
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    if (unicode === undefined && latin === undefined) return short[other] ?? other;
    const code = Number.parseInt(unicode ?? latin ?? "", 16);
    // Each half of a surrogate pair stands alone, and is no character.
    return code >= 0xd800 && code <= 0xdfff ? "\ufffd" : String.fromCodePoint(code);
  }

  private value(): Json {
    const c = this.peek();
    if (c === "{") {
      const members: [string, Json][] = [];
      this.members((key) => void members.push([key, this.value()]));
      return { kind: "object", members };
    }
    if (c === "[") {
      const items: Json[] = [];
      this.items(() => void items.push(this.value()));
      return { kind: "array", items };
    }
    if (c === '"' || c === "'") return { kind: "string", value: this.string() };
    // A value that is left out before a comma or the end of a list.
    if (c === "," || c === "]") return { kind: "null" };
    for (const [word, json] of words) {
      if (!this.text.startsWith(word, this.at)) continue;
      this.at += word.length;
      return json;
    }
    numbers.lastIndex = this.at;
    const number = numbers.exec(this.text)?.[0] ?? this.fail();
    this.at += number.length;
    // "1." and "1e" are no numbers; what else follows is looked at by who reads on.
    const rest = this.text[this.at] ?? "";
    if ((rest === "." && !/[.eE]/.test(number)) || (/[eE]/.test(rest) && !/[eE]/.test(number))) this.fail();
    return { kind: "number", text: number };
  }

  /** `{`, then `each` for every key, whose value it has to read; it ends the reading by giving something. */
  private members<T>(each: (key: string) => T | undefined): T | undefined {
    this.at++;
    if (this.take("}")) return undefined;
    for (;;) {
      const key = this.string();
      if (!this.take(":")) this.fail();
      const found = each(key);
      if (found !== undefined) return found;
      if (this.take("}")) return undefined;
      if (!this.take(",")) this.fail();
      if (this.take("}")) return undefined;
    }
  }

  private items<T>(each: (index: number) => T | undefined): T | undefined {
    this.at++;
    if (this.take("]")) return undefined;
    for (let index = 0; ; index++) {
      const found = each(index);
      if (found !== undefined) return found;
      if (this.take("]")) return undefined;
      if (!this.take(",")) this.fail();
      if (this.take("]")) return undefined;
    }
  }

  /** Moves to the value at the path and reads that alone. */
  find(path: readonly PathStep[]): Json | undefined {
    const [step, ...rest] = path;
    if (step === undefined) return this.value();
    const skip = (): undefined => void this.value();
    const c = this.peek();
    if (c === "{") return this.members((key) => (key === String(step) ? this.find(rest) : skip()));
    if (c === "[") {
      const wanted = typeof step === "number" ? step : /^\d+$/.test(step) ? Number(step) : -1;
      return this.items((index) => (index === wanted ? this.find(rest) : skip()));
    }
    return skip();
  }
}

const words: readonly (readonly [string, Json])[] = [
  ["true", { kind: "bool", value: true }],
  ["false", { kind: "bool", value: false }],
  ["null", { kind: "null" }],
];

/** The value at a path of a text that may be no JSON at all; undefined when there is none (before the text goes wrong). */
export function findJson(text: string, path: readonly PathStep[]): Json | undefined {
  try {
    return new LenientScanner(text).find(path);
  } catch (problem) {
    if (problem instanceof SyntaxProblem) return undefined;
    throw problem;
  }
}
