/** JSON as GoogleSQL keeps it: reading, the canonical text, JSONPath. Numbers stay text until somebody asks for a value. */
export type Json =
  | { readonly kind: "null" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "array"; readonly items: readonly Json[] }
  | { readonly kind: "object"; readonly members: readonly (readonly [string, Json])[] };

export type PathStep = string | number;

class SyntaxProblem extends Error {}

/** Half of a surrogate pair, which JavaScript's own reader takes. */
const halfPair = /\p{Surrogate}/u;

class Scanner {
  at = 0;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  fail(): never {
    throw new SyntaxProblem(`syntax error at offset ${this.at}`);
  }

  space(): void {
    while (/[ \t\n\r]/.test(this.text[this.at] ?? "x")) this.at++;
  }

  take(c: string): boolean {
    this.space();
    if (this.text[this.at] !== c) return false;
    this.at++;
    return true;
  }

  string(): string {
    this.space();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a JSON string may not hold them
    const match = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
    match.lastIndex = this.at;
    const found = match.exec(this.text);
    if (!found) return this.fail();
    this.at += found[0].length;
    const read = JSON.parse(found[0]) as string;
    return halfPair.test(read) ? this.fail() : read;
  }

  value(): Json {
    this.space();
    const c = this.text[this.at];
    if (c === "{") return this.object();
    if (c === "[") return this.array();
    if (c === '"') return { kind: "string", value: this.string() };
    const match = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
    match.lastIndex = this.at;
    const found = match.exec(this.text)?.[0];
    if (found === undefined) return this.fail();
    this.at += found.length;
    if (/\w/.test(this.text[this.at] ?? " ")) this.fail();
    if (found === "null") return { kind: "null" };
    if (found === "true" || found === "false") return { kind: "bool", value: found === "true" };
    return { kind: "number", text: found };
  }

  object(): Json {
    this.at++;
    const members: [string, Json][] = [];
    if (this.take("}")) return { kind: "object", members };
    do {
      const key = this.string();
      if (!this.take(":")) this.fail();
      members.push([key, this.value()]);
    } while (this.take(","));
    if (!this.take("}")) this.fail();
    return { kind: "object", members };
  }

  array(): Json {
    this.at++;
    const items: Json[] = [];
    if (this.take("]")) return { kind: "array", items };
    do items.push(this.value());
    while (this.take(","));
    if (!this.take("]")) this.fail();
    return { kind: "array", items };
  }
}

/** The whole text as one value, behind a mark of encoding where it has one; what stands behind a NUL is not read. Throws with a message when it is none. */
export function readJson(text: string): Json {
  const scanner = new Scanner(text);
  if (text.startsWith("\ufeff")) scanner.at = 1;
  const value = scanner.value();
  scanner.space();
  if (scanner.at !== text.length && text[scanner.at] !== "\0") scanner.fail();
  return value;
}

/** Steps of a JSONPath; `standard` quotes names with `."a b"`, the older functions with `['a b']`. */
export function parsePath(path: string, standard: boolean): PathStep[] {
  if (!path.startsWith("$")) throw new Error("JSONPath must start with '$'");
  const steps: PathStep[] = [];
  let at = 1;
  const element = standard
    ? /\.([\p{L}\p{N}\d_\-:\s]+)|\."((?:[^"\\]|\\.)*)"|\[\s*(-?\d+)\s*\]/uy
    : /\.([^.[\]*"'\\$]+)|\['((?:[^'\\]|\\.)*)'\]|\[\s*(-?\d+)\s*\]|\[\s*([\p{L}_][\p{L}\p{N}_-]*)\s*\]/uy;
  // The older functions pass over a dot at the end.
  const end = !standard && path.endsWith(".") ? path.length - 1 : path.length;
  while (at < end) {
    element.lastIndex = at;
    const match = element.exec(path);
    if (!match) {
      if (/^(?:\.\*|\[\*\]|\.\.|\[[^\]]*[:,@?])/.test(path.slice(at))) {
        throw new Error(`Unsupported operator in JSONPath: ${path.slice(at, at + 2)}`);
      }
      throw new Error(`Invalid token in JSONPath at: ${path.slice(at)}`);
    }
    const [whole, name, quoted, index, bare] = match;
    at += whole.length;
    if (index !== undefined) steps.push(Number(index));
    else steps.push(name ?? bare ?? (quoted ?? "").replace(/\\(.)/g, "$1"));
  }
  return steps;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
};

/** A string literal; `lines` also escapes U+2028 and U+2029, as TO_JSON_STRING does for plain values. */
export function quoteJson(value: string, lines = false): string {
  const escaped = value.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON escapes
    /["\\\u0000-\u001f]/g,
    (c) => escapes[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${lines ? escaped.replace(/[\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`) : escaped}"`;
}

/** A double as the JSON type prints it: `1.0`, `1e+20`, `1e-07`. */
export function doubleText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", exponentText = "0"] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const point = Number(exponentText) + 1;
  const sign = value < 0 ? "-" : "";
  if (digits.length <= point && point <= 15) return `${sign}${digits.padEnd(point, "0")}.0`;
  if (point > 0 && point <= 15) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  if (point > -4 && point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  const power = point - 1;
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  return `${sign}${digits[0]}${fraction}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** The number as the JSON type keeps it: an integer of 64 bits, else a double. */
export function canonicalNumber(text: string): string {
  if (/^-?\d+$/.test(text)) {
    const value = BigInt(text);
    if (value >= -(2n ** 63n) && value < 2n ** 64n) return value.toString();
  }
  return doubleText(Number(text));
}

/** Whether the double of this number prints a number of the same value again. */
export function roundTrips(text: string): boolean {
  const canonical = canonicalNumber(text);
  if (canonical === text || !/^-?\d/.test(canonical)) return canonical === text;
  const exact = (number: string): string => {
    const [, sign = "", whole = "", fraction = "", exponent = "0"] =
      /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
    const digits = `${whole}${fraction}`.replace(/^0+/, "");
    const trimmed = digits.replace(/0+$/, "");
    if (trimmed === "") return "0";
    return `${sign}${trimmed}e${Number(exponent) - fraction.length + digits.length - trimmed.length}`;
  };
  return exact(canonical) === exact(text);
}

const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** The members of an object with its keys in order, the first of equal ones. */
export function sortedMembers(members: readonly (readonly [string, Json])[]): readonly (readonly [string, Json])[] {
  const seen = new Map<string, Json>();
  for (const [key, value] of members) if (!seen.has(key)) seen.set(key, value);
  return [...seen].sort(([a], [b]) => compareBytes(a, b));
}

/** The text of a value: canonical (keys in order, numbers normal) for the JSON type, or as it came. */
export function printJson(value: Json, canonical: boolean): string {
  switch (value.kind) {
    case "null":
      return "null";
    case "bool":
      return String(value.value);
    case "number":
      return canonical ? canonicalNumber(value.text) : value.text;
    case "string":
      return quoteJson(value.value);
    case "array":
      return `[${value.items.map((item) => printJson(item, canonical)).join(",")}]`;
    case "object":
      return `{${(canonical ? sortedMembers(value.members) : value.members)
        .map(([key, member]) => `${quoteJson(key)}:${printJson(member, canonical)}`)
        .join(",")}}`;
  }
}

/** JSON text as GoogleSQL keeps it. Throws when the text is no JSON, or has a number that no double is near. */
export const canonicalJson = (text: string): string => printJson(refuseHuge(readJson(text)), true);

function refuseHuge(value: Json): Json {
  if (value.kind === "number" && !Number.isFinite(Number(value.text)))
    throw new Error(`JSON number out of range: ${value.text}`);
  if (value.kind === "array") value.items.forEach(refuseHuge);
  if (value.kind === "object") for (const [, member] of value.members) refuseHuge(member);
  return value;
}

/** Two spaces a level; empty arrays and objects stay on their line. */
export function prettyJson(value: Json, indent = ""): string {
  const inner = `${indent}  `;
  if (value.kind === "array" && value.items.length > 0) {
    return `[\n${value.items.map((item) => inner + prettyJson(item, inner)).join(",\n")}\n${indent}]`;
  }
  if (value.kind === "object" && value.members.length > 0) {
    return `{\n${value.members.map(([key, member]) => `${inner}${quoteJson(key, true)}: ${prettyJson(member, inner)}`).join(",\n")}\n${indent}}`;
  }
  return value.kind === "string" ? quoteJson(value.value, true) : printJson(value, false);
}

/** Text of a scalar that is not null; undefined for anything else. */
export function scalarText(value: Json | undefined): string | undefined {
  switch (value?.kind) {
    case "string":
      return value.value;
    case "number":
      return value.text;
    case "bool":
      return String(value.value);
    default:
      return undefined;
  }
}
