import { castable, castText } from "../emit/cast.ts";
import { stringText } from "../emit/text.ts";
import { duckdbType, type GoogleSqlType, scalarTypeNamed, structFieldName } from "../types.ts";
import type { Argument, EmitContext, FunctionLibrary, JsFunction, JsValue } from "./contract.ts";
import {
  compilePattern,
  contains,
  extract,
  extractAll,
  groupNames,
  groupsOf,
  instr,
  matches,
  replaceAll,
  type Unit,
} from "./regexp-engine.ts";
import { bind, literalInt, literalText, scalar, sigOf } from "./signature.ts";

const group = "string";

interface Pattern {
  readonly text: string;
  readonly groups: number;
}

/**
 * A literal pattern that DuckDB's RE2 takes as GoogleSQL's does; undefined for any other one, which JS follows. One that is no
 * pattern at all is left to JS too: it fails where it is evaluated, so that `SAFE.` may hold it back.
 */
function literalPattern(arg: Argument | undefined): Pattern | undefined {
  const text = literalText(arg);
  if (text === undefined) return undefined;
  try {
    return { text, groups: compilePattern(text).groupCount() };
  } catch {
    return undefined;
  }
}

/** `\\C` is a byte to RE2, which a JS text does not have. */
function checkPattern(arg: Argument | undefined, ctx: EmitContext, name: string): void {
  if (/\\C/.test(literalText(arg) ?? "")) ctx.refuse(`${name} with \\C`);
}

/** Whether the pattern can match nothing at all: DuckDB and GoogleSQL then count matches differently. Unsure means yes. */
function mayBeEmpty(pattern: string): boolean {
  const js = pattern
    .replace(/\\[bBAz]/g, "")
    .replaceAll("(?P<", "(?<")
    .replace(/\(\?[imsU-]+:/g, "(?:")
    .replace(/\(\?[imsU-]+\)/g, "")
    .replace(/\[\[:\^?\w+:\]\]/g, "x");
  try {
    return new RegExp(`^(?:${js})$`, "s").test("");
  } catch {
    return true;
  }
}

/** Whether a pattern asks what stands before a place: outside of brackets, `^`, `\\A`, `\\b` or `\\B`. */
const looksBack = (pattern: string): boolean =>
  /[\^]|\\[AbB]/.test(pattern.replace(/\\[^AbB]/g, "x").replace(/\[\^?\]?(?:\[:\^?\w+:\]|[^\]])*\]/g, "x"));

const pairs = ["STRING", "BYTES"] as const;
const unitLetter = (type: string): string => (type === "BYTES" ? "b" : "t");
type Args = readonly (Argument | undefined)[];

/** One signature over STRING and one over BYTES; `quick` may have DuckDB's own answer for a STRING. */
function both(
  name: string,
  args: (type: string) => string,
  result: (type: string) => string,
  quick: (args: Args, pattern: Pattern, ctx: EmitContext) => string | undefined,
  slow: (args: Args, letter: string, ctx: EmitContext) => string,
) {
  return pairs.map((type) =>
    sigOf(args(type), result(type), (given, ctx) => {
      checkPattern(given[1], ctx, name);
      const pattern = type === "STRING" ? literalPattern(given[1]) : undefined;
      return (pattern && quick(given, pattern, ctx)) ?? slow(given, unitLetter(type), ctx);
    }),
  );
}

/** A position other than the first, and a pattern that looks back: versions of GoogleSQL differ (see regexp-engine.ts). */
function checkPosition(name: string, pattern: Argument | undefined, position: Argument | undefined, ctx: EmitContext) {
  if (position === undefined || literalInt(position) === 1n) return;
  if (looksBack(literalText(pattern) ?? "")) ctx.refuse(`${name} with a position, of a pattern that looks back`);
}

const one = "cast(1 as bigint)";

const extraction = both(
  "REGEXP_EXTRACT",
  (type) => `${type}, ${type}, INT64?, INT64?`,
  (type) => type,
  ([s, , position, occurrence], { text, groups }) =>
    position || occurrence || groups > 1
      ? undefined
      : `(regexp_extract_all(${s!.sql}, ${stringText(text)}, ${groups}))[1]`,
  ([s, p, position, occurrence], letter, ctx) => {
    checkPosition("REGEXP_EXTRACT", p, position, ctx);
    return `gs_re_extract_${letter}(${s!.sql}, ${p!.sql}, ${position?.sql ?? one}, ${occurrence?.sql ?? one})`;
  },
);

const allExtractions = both(
  "REGEXP_EXTRACT_ALL",
  (type) => `${type}, ${type}`,
  (type) => `ARRAY<${type}>`,
  ([s], { text, groups }) => {
    if (groups > 1 || mayBeEmpty(text)) return undefined;
    return groups === 0
      ? `regexp_extract_all(${s!.sql}, ${stringText(text)})`
      : `list_transform(regexp_extract_all(${s!.sql}, ${stringText(text)}, 1), lambda gs_m: coalesce(gs_m, ''))`;
  },
  ([s, p], letter) => `gs_re_extract_all_${letter}(${s!.sql}, ${p!.sql})`,
);

const position = both(
  "REGEXP_INSTR",
  (type) => `${type}, ${type}, INT64?, INT64?, INT64?`,
  () => "INT64",
  ([s, , from, occurrence, after], { text, groups }, ctx) => {
    if (groups > 0 || from || occurrence || after || mayBeEmpty(text)) return undefined;
    // What stands before the first match: as little as possible, over line ends too.
    return bind(
      ctx,
      [s!.sql],
      (v) =>
        `case when regexp_matches(${v}, ${stringText(text)}) then length(regexp_extract(${v}, ${stringText(`^((?s:.*?))(?:${text})`)}, 1)) + 1 when ${v} is not null then 0 end`,
    );
  },
  ([s, p, from, occurrence, after], letter, ctx) => {
    checkPosition("REGEXP_INSTR", p, from, ctx);
    return `gs_re_instr_${letter}(${s!.sql}, ${p!.sql}, ${from?.sql ?? one}, ${occurrence?.sql ?? one}, ${after?.sql ?? "cast(0 as bigint)"})`;
  },
);

const replacing = both(
  "REGEXP_REPLACE",
  (type) => `${type}, ${type}, ${type}`,
  (type) => type,
  ([s, , r], { text, groups }) => {
    const replacement = literalText(r);
    if (replacement === undefined) return undefined;
    for (const [, to = ""] of replacement.matchAll(/\\(.?)/gs))
      if (!/^[\\0-9]$/.test(to) || (to !== "\\" && Number(to) > groups)) return undefined;
    return `regexp_replace(${s!.sql}, ${stringText(text)}, ${stringText(replacement)}, 'g')`;
  },
  ([s, p, r], letter) => `gs_re_replace_${letter}(${s!.sql}, ${p!.sql}, ${r!.sql})`,
);

/** What REGEXP_EXTRACT_GROUPS gives: a field per group, `name__TYPE` a cast to TYPE. */
function groupFields(pattern: Argument | undefined, type: "STRING" | "BYTES", ctx?: EmitContext) {
  const text = textOf(pattern);
  if (text === undefined) return ctx?.refuse("REGEXP_EXTRACT_GROUPS with a pattern that is not a literal") ?? [];
  const names = groupNames(text);
  const seen = new Set<string>();
  return names.map((whole) => {
    const at = whole?.lastIndexOf("__") ?? -1;
    const name = at > 0 ? whole!.slice(0, at) : whole;
    const to: GoogleSqlType | undefined = at > 0 ? scalarTypeNamed(whole!.slice(at + 2)) : { kind: type };
    if (to === undefined || !castable({ kind: type }, to))
      ctx?.error(`Invalid type of the capturing group ${String(whole)}`);
    if (name !== undefined && seen.has(name.toLowerCase()))
      ctx?.error(`Regular expression contains duplicate capturing group name: ${name}`);
    seen.add(name?.toLowerCase() ?? "");
    return { name, type: to ?? { kind: type } };
  });
}

const textOf = (arg: Argument | undefined): string | undefined => {
  const value = arg?.literal?.value;
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : literalText(arg);
};

const groupsExtraction = pairs.map((type) =>
  sigOf(
    `${type}, ${type}`,
    ([, p]) => {
      try {
        return { kind: "STRUCT", fields: groupFields(p, type) };
      } catch {
        return { kind: "STRUCT", fields: [] };
      }
    },
    ([s, p], ctx) => {
      const text = textOf(p);
      if (text !== undefined) {
        try {
          compilePattern(text);
        } catch (problem) {
          ctx.error((problem as Error).message);
        }
      }
      const fields = groupFields(p, type, ctx);
      if (fields.length === 0) ctx.error("Regular expression does not contain any capturing groups");
      return bind(ctx, [`gs_re_groups_${unitLetter(type)}(${s!.sql}, ${p!.sql})`], (found) => {
        const values = fields.map(
          (field, i) =>
            `'${structFieldName(i)}': ${castText(`${found}[${i + 1}]`, { kind: type }, field.type, ctx.fresh)}`,
        );
        return `case when ${found} is null then cast(null as ${duckdbType({ kind: "STRUCT", fields })}) else {${values.join(", ")}} end`;
      });
    },
  ),
);

const test = (name: string, duck: string, js: string) =>
  scalar(
    group,
    name,
    both(
      name,
      (type) => `${type}, ${type}`,
      () => "BOOL",
      ([s], { text }) => `${duck}(${s!.sql}, ${stringText(text)})`,
      ([s, p], letter) => `${js}_${letter}(${s!.sql}, ${p!.sql})`,
    ),
  );

export const regexp: FunctionLibrary = {
  functions: [
    test("REGEXP_CONTAINS", "regexp_matches", "gs_re_contains"),
    test("REGEXP_MATCH", "regexp_full_match", "gs_re_match"),
    scalar(group, ["REGEXP_EXTRACT", "REGEXP_SUBSTR"], extraction),
    scalar(group, "REGEXP_EXTRACT_ALL", allExtractions),
    scalar(group, "REGEXP_EXTRACT_GROUPS", groupsExtraction),
    scalar(group, "REGEXP_INSTR", position),
    scalar(group, "REGEXP_REPLACE", replacing),
  ],
  js: pairs.flatMap(jsFunctions),
};

/** The JS functions for texts (`_t`) or for bytes (`_b`). */
function jsFunctions(type: "STRING" | "BYTES"): JsFunction[] {
  const isBytes = type === "BYTES";
  const duck = isBytes ? "BLOB" : "VARCHAR";
  const unit: Unit = isBytes ? "byte" : "codepoint";
  const read = (value: JsValue): string =>
    isBytes ? Buffer.from(value as Uint8Array).toString("latin1") : (value as string);
  const write = (value: string | null): JsValue =>
    value !== null && isBytes ? new Uint8Array(Buffer.from(value, "latin1")) : value;
  const fn = (name: string, more: readonly string[], result: string, run: JsFunction["run"]): JsFunction => ({
    name: `gs_re_${name}_${unitLetter(type)}`,
    args: [duck, duck, ...more],
    result,
    run,
  });
  const big = (value: JsValue | undefined): bigint => value as bigint;
  return [
    fn("contains", [], "BOOLEAN", (s, p) => contains(read(s!), read(p!))),
    fn("match", [], "BOOLEAN", (s, p) => matches(read(s!), read(p!))),
    fn("extract", ["BIGINT", "BIGINT"], duck, (s, p, at, nth) =>
      write(extract(read(s!), read(p!), big(at), big(nth), unit)),
    ),
    fn("extract_all", [], `${duck}[]`, (s, p) => extractAll(read(s!), read(p!)).map(write)),
    fn("instr", ["BIGINT", "BIGINT", "BIGINT"], "BIGINT", (s, p, at, nth, after) =>
      instr(read(s!), read(p!), big(at), big(nth), big(after), unit),
    ),
    fn("replace", [duck], duck, (s, p, r) => write(replaceAll(read(s!), read(p!), read(r!)))),
    fn("groups", [], `${duck}[]`, (s, p) => groupsOf(read(s!), read(p!))?.map(write) ?? null),
  ];
}
