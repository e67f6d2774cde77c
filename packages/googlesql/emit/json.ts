import { doubleText } from "../functions/json-tree.ts";

/** JSON as GoogleSQL prints it: no blanks, keys sorted, the first of equal keys kept, integers exact. */

type Json = { readonly number: string } | string | boolean | null | readonly Json[] | ReadonlyMap<string, Json>;

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const stringPattern = /"(?:[^"\\]|\\.)*"/y;

class Reader {
  private at = 0;
  constructor(private readonly text: string) {}

  whole(): Json {
    // A mark of encoding before the value is passed over, as in PARSE_JSON.
    if (this.text.startsWith("\ufeff")) this.at = 1;
    const value = this.value(0);
    this.blanks();
    if (this.at < this.text.length) this.fail();
    return value;
  }

  private fail(): never {
    throw new Error(`invalid JSON at offset ${this.at}`);
  }

  private blanks(): void {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at++;
  }

  private take(token: string): boolean {
    this.blanks();
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private string(): string {
    this.blanks();
    stringPattern.lastIndex = this.at;
    const match = stringPattern.exec(this.text);
    if (!match) return this.fail();
    this.at = stringPattern.lastIndex;
    return JSON.parse(match[0]) as string;
  }

  private value(depth: number): Json {
    if (depth > 500) this.fail();
    if (this.take("{")) {
      const map = new Map<string, Json>();
      if (this.take("}")) return map;
      do {
        const key = this.string();
        if (!this.take(":")) this.fail();
        const value = this.value(depth + 1);
        if (!map.has(key)) map.set(key, value);
      } while (this.take(","));
      if (!this.take("}")) this.fail();
      return map;
    }
    if (this.take("[")) {
      const list: Json[] = [];
      if (this.take("]")) return list;
      do list.push(this.value(depth + 1));
      while (this.take(","));
      if (!this.take("]")) this.fail();
      return list;
    }
    if (this.take("true")) return true;
    if (this.take("false")) return false;
    if (this.take("null")) return null;
    if (this.text[this.at] === '"') return this.string();
    numberPattern.lastIndex = this.at;
    const match = numberPattern.exec(this.text);
    if (!match) return this.fail();
    this.at = numberPattern.lastIndex;
    return { number: match[0] };
  }
}

function numberText(text: string): string {
  if (/^-?\d+$/.test(text)) {
    const value = BigInt(text);
    if (value >= -(2n ** 63n) && value < 2n ** 64n)
      return value === 0n && text.startsWith("-") ? "-0.0" : value.toString();
  }
  const value = Number(text);
  if (!Number.isFinite(value)) throw new Error(`JSON number out of range: ${text}`);
  return doubleText(value);
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

function write(value: Json): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (value instanceof Map) {
    const keys = [...(value.keys() as Iterable<string>)].sort(byBytes);
    return `{${keys.map((key) => `${JSON.stringify(key)}:${write(value.get(key) as Json)}`).join(",")}}`;
  }
  return numberText((value as { readonly number: string }).number);
}

/** Canonical text; throws a plain Error when the text is no JSON. */
export const canonicalJson = (text: string): string => write(new Reader(text).whole());
