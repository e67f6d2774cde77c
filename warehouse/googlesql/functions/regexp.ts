import type { Argument, EmitContext, FunctionLibrary } from "./contract.ts";
import { bind, fail, literalInt, literalText, scalar, sig, sigOf } from "./signature.ts";

const group = "string";

/** How many capturing groups an RE2 pattern has; undefined when the text cannot be read as one. */
export function capturingGroups(pattern: string): number {
  let count = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "\\") {
      if (pattern[i + 1] === "Q") {
        const end = pattern.indexOf("\\E", i);
        i = end < 0 ? pattern.length : end + 1;
      } else i++;
    } else if (c === "[") {
      i++;
      if (pattern[i] === "^") i++;
      if (pattern[i] === "]") i++;
      while (i < pattern.length && pattern[i] !== "]") {
        if (pattern[i] === "\\") i++;
        else if (pattern[i] === "[" && pattern[i + 1] === ":") i = Math.max(i, pattern.indexOf(":]", i) + 1);
        i++;
      }
    } else if (c === "(") {
      if (pattern[i + 1] !== "?") count++;
      else if (/^\(\?P?<[A-Za-z_]\w*>/.test(pattern.slice(i))) count++;
    }
  }
  return count;
}

/** The pattern, which must be a literal: how many groups it has decides what a match gives. */
function patternOf(arg: Argument | undefined, ctx: EmitContext, name: string): { text: string; groups: number } {
  const pattern = literalText(arg);
  if (pattern === undefined) return ctx.refuse(`${name} with a pattern that is not a literal`);
  // RE2 as BigQuery uses it and as DuckDB uses it agree on this; anything that smells of bytes does not.
  if (/\\C/.test(pattern)) ctx.refuse(`${name} with \\C`);
  return { text: pattern, groups: capturingGroups(pattern) };
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

const quote = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const noBytes = (name: string, args: string, result: string) =>
  sigOf(args, result, (_args, ctx) => ctx.refuse(`${name} on BYTES`));

/**
 * The n-th match from a position on, as GoogleSQL finds it: matches do not overlap, the text before the position is
 * context for `^` and `\b` in nothing (RE2 is given the rest of the text alone).
 */
const extract = sigOf("STRING, STRING, INT64?, INT64?", "STRING", ([s, p, position, occurrence], ctx) => {
  const { text, groups } = patternOf(p, ctx, "REGEXP_EXTRACT");
  if (groups > 1)
    ctx.error("Regular expressions passed into extraction functions must not have more than 1 capturing group");
  if (position !== undefined) {
    const at = literalInt(position);
    const nth = occurrence === undefined ? 1n : literalInt(occurrence);
    if (at === undefined || nth === undefined)
      return ctx.refuse("REGEXP_EXTRACT with a position that is not a literal");
    if (at < 1n || nth < 1n) return fail("Position and occurrence in REGEXP_EXTRACT must be positive", "varchar");
    if (at > 1n && /\\[bB]/.test(text)) ctx.refuse("REGEXP_EXTRACT with a position and \\b in the pattern");
    if (nth > 1n && mayBeEmpty(text)) ctx.refuse("REGEXP_EXTRACT of a later occurrence of what may be empty");
    const all = `regexp_extract_all(substr(${s!.sql}, ${at}), ${quote(text)}, ${groups})`;
    return bind(
      ctx,
      [s!.sql],
      (v) => `case when ${at} > 1 and ${at} > length(${v}) then null else (${all.replace(s!.sql, v)})[${nth}] end`,
    );
  }
  return `(regexp_extract_all(${s!.sql}, ${quote(text)}, ${groups}))[1]`;
});

export const regexp: FunctionLibrary = {
  functions: [
    scalar(group, "REGEXP_CONTAINS", [
      sig("STRING, STRING", "BOOL", (s, p) => `regexp_matches(${s}, ${p})`),
      noBytes("REGEXP_CONTAINS", "BYTES, BYTES", "BOOL"),
    ]),
    scalar(
      group,
      ["REGEXP_EXTRACT", "REGEXP_SUBSTR"],
      [extract, noBytes("REGEXP_EXTRACT", "BYTES, BYTES, INT64?, INT64?", "BYTES")],
    ),
    scalar(group, "REGEXP_EXTRACT_ALL", [
      sigOf("STRING, STRING", "ARRAY<STRING>", ([s, p], ctx) => {
        const { text, groups } = patternOf(p, ctx, "REGEXP_EXTRACT_ALL");
        if (groups > 1)
          ctx.error("Regular expressions passed into extraction functions must not have more than 1 capturing group");
        if (mayBeEmpty(text)) ctx.refuse("REGEXP_EXTRACT_ALL of what may be empty");
        return groups === 0
          ? `regexp_extract_all(${s!.sql}, ${quote(text)})`
          : `list_transform(regexp_extract_all(${s!.sql}, ${quote(text)}, 1), lambda gs_m: coalesce(gs_m, ''))`;
      }),
      noBytes("REGEXP_EXTRACT_ALL", "BYTES, BYTES", "ARRAY<BYTES>"),
    ]),
    scalar(group, "REGEXP_INSTR", [
      sigOf("STRING, STRING, INT64?, INT64?, INT64?", "INT64", ([s, p, position, occurrence, after], ctx) => {
        const { text, groups } = patternOf(p, ctx, "REGEXP_INSTR");
        if (groups > 0 || position || occurrence || after)
          ctx.refuse("REGEXP_INSTR with a group, a position or an occurrence");
        if (mayBeEmpty(text)) ctx.refuse("REGEXP_INSTR of what may be empty");
        // What stands before the first match: as little as possible, over line ends too.
        return bind(
          ctx,
          [s!.sql],
          (v) =>
            `case when regexp_matches(${v}, ${quote(text)}) then length(regexp_extract(${v}, ${quote(`^((?s:.*?))(?:${text})`)}, 1)) + 1 when ${v} is not null then 0 end`,
        );
      }),
      noBytes("REGEXP_INSTR", "BYTES, BYTES, INT64?, INT64?, INT64?", "INT64"),
    ]),
    scalar(group, "REGEXP_REPLACE", [
      sigOf("STRING, STRING, STRING", "STRING", ([s, p, r], ctx) => {
        const { text, groups } = patternOf(p, ctx, "REGEXP_REPLACE");
        const replacement = literalText(r);
        if (replacement === undefined) return ctx.refuse("REGEXP_REPLACE with a replacement that is not a literal");
        for (const match of replacement.matchAll(/\\(.?)/gs)) {
          const to = match[1] ?? "";
          if (!/^[\\0-9]$/.test(to)) return fail("Invalid REGEXP_REPLACE replacement pattern", "varchar");
          if (/\d/.test(to) && Number(to) > groups)
            return fail("Invalid REGEXP_REPLACE replacement pattern: no such group", "varchar");
        }
        return `regexp_replace(${s!.sql}, ${quote(text)}, ${quote(replacement)}, 'g')`;
      }),
      noBytes("REGEXP_REPLACE", "BYTES, BYTES, BYTES", "BYTES"),
    ]),
  ],
};
