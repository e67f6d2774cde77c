/** The format elements of docs/format-elements.md, as a format of CAST spells them. */

/** The type at the side of the cast that is not text. */
export type CivilKind = "DATE" | "TIME" | "DATETIME" | "TIMESTAMP";

export interface Element {
  /** LITERAL, SPACE, FF, or the element in upper case. */
  readonly type: string;
  readonly category: string;
  readonly text: string;
  /** Of a quoted or simple literal. */
  readonly literal: string;
  readonly casing: "upper" | "lower" | "keep";
}

const categories: Readonly<Record<string, string>> = {
  ...of("YEAR", "YYYY YYY YY Y RRRR RR Y,YYY IYYY IYY IY I SYYYY YEAR SYEAR"),
  ...of("MONTH", "MM MON MONTH RM"),
  ...of("DAY", "DDD DD D DAY DY J"),
  ...of("HOUR", "HH HH12 HH24"),
  ...of("MINUTE", "MI"),
  ...of("SECOND", "SS SSSSS FF1 FF2 FF3 FF4 FF5 FF6 FF7 FF8 FF9 FF10 FF11 FF12"),
  ...of("MERIDIAN_INDICATOR", "AM PM A.M. P.M."),
  ...of("TIME_ZONE", "TZH TZM"),
  ...of("CENTURY", "CC SCC"),
  ...of("QUARTER", "Q"),
  ...of("WEEK", "IW WW W"),
  ...of("ERA_INDICATOR", "AD BC A.D. B.C."),
  ...of("MISC", "SP TH SPTH THSP FM"),
};
const names = Object.keys(categories).sort((a, b) => b.length - a.length);

function of(category: string, list: string): Record<string, string> {
  return Object.fromEntries(list.split(" ").map((name) => [name, category]));
}

export const upperOf = (text: string): string => text.replace(/[a-z]/g, (c) => c.toUpperCase());
export const lowerOf = (text: string): string => text.replace(/[A-Z]/g, (c) => c.toLowerCase());

function readFormat(format: string): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < format.length; ) {
    const element = readElement(format, at);
    elements.push(element);
    at += element.text.length;
  }
  return elements;
}

function readElement(format: string, at: number): Element {
  const c = format[at]!;
  if ("-./,';:".includes(c)) return { type: "LITERAL", category: "LITERAL", text: c, literal: c, casing: "keep" };
  if (c === " ") {
    const text = /^ +/.exec(format.slice(at))![0];
    return { type: "SPACE", category: "LITERAL", text, literal: text, casing: "keep" };
  }
  if (c === '"') return readQuoted(format, at);
  const rest = upperOf(format.slice(at, at + 5));
  const type = names.find((name) => rest.startsWith(name));
  if (type === undefined) throw new Error(`Cannot find matched format element at ${at}`);
  const text = format.slice(at, at + type.length);
  const category = categories[type]!;
  const lower = /^[a-z]/.test(text);
  const whole =
    category === "MERIDIAN_INDICATOR" || category === "ERA_INDICATOR" || text.length === 1 || type === "Y,YYY";
  const casing = lower ? "lower" : whole || !/^[A-Z][a-z]/.test(text) ? "upper" : "keep";
  return { type, category, text, literal: "", casing };
}

function readQuoted(format: string, at: number): Element {
  let literal = "";
  for (let i = at + 1; i < format.length; i++) {
    let c = format[i]!;
    if (c === '"') {
      return { type: "QUOTED", category: "LITERAL", text: format.slice(at, i + 1), literal, casing: "keep" };
    }
    if (c === "\\") {
      c = format[++i] ?? "";
      if (c !== "\\" && c !== '"') throw new Error(`Unsupported escape sequence \\${c} in text at ${at}`);
    }
    literal += c;
  }
  throw new Error(`Cannot find matching " for quoted literal at ${at}`);
}

const known = new Map<string, readonly Element[]>();

/** The elements of a format; `check`, which is known as `purpose`, throws what is wrong with them for a type. */
export function elementsOf(
  format: string,
  purpose: "text" | "value",
  kind: CivilKind,
  check: (elements: readonly Element[], kind: CivilKind) => void,
): readonly Element[] {
  const key = `${purpose}${kind}${format}`;
  let elements = known.get(key);
  if (!elements) {
    elements = readFormat(format);
    check(elements, kind);
    if (known.size > 500) known.clear();
    known.set(key, elements);
  }
  return elements;
}
