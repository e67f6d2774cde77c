/**
 * RE2 in JS, for what DuckDB's own cannot be asked: BYTES, patterns that are not literals, positions, matches of nothing.
 * The order of steps is that of public/functions/regexp.cc of GoogleSQL. BYTES are matched as Latin-1 texts, as there.
 */
import { RE2JS } from "re2js";

/** The unit that positions count: code points of a text, bytes of BYTES (held as Latin-1, one character a byte). */
export type Unit = "codepoint" | "byte";

const known = new Map<string, RE2JS>();

/** The compiled pattern; throws an Error in RE2's words when it is none. */
export function compilePattern(pattern: string): RE2JS {
  let compiled = known.get(pattern);
  if (!compiled) {
    try {
      compiled = RE2JS.compile(pattern);
    } catch (problem) {
      throw new Error(`Cannot parse regular expression: ${(problem as Error).message}`);
    }
    if (known.size >= 500) known.clear();
    known.set(pattern, compiled);
  }
  return compiled;
}

const advance = (text: string, at: number): number => at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);

interface Found {
  /** What is extracted: the group if the pattern has one, else the match. -1 when the group took no part. */
  readonly start: number;
  readonly end: number;
  /** Where the search goes on: behind a match of nothing it has moved one character. */
  readonly next: number;
}

function* extractions(pattern: string, text: string, from: number): Generator<Found> {
  const compiled = compilePattern(pattern);
  if (compiled.groupCount() > 1)
    throw new Error("Regular expressions passed into extraction functions must not have more than 1 capturing group");
  const group = compiled.groupCount();
  const matcher = compiled.matcher(text);
  let at = from;
  do {
    if (!matcher.find(at)) return;
    at = matcher.end();
    if (matcher.start() === at && at < text.length) at = advance(text, at);
    yield { start: matcher.start(group), end: matcher.end(group), next: at };
  } while (at < text.length);
}

function nth(pattern: string, text: string, from: number, occurrence: bigint): Found | undefined {
  let left = occurrence;
  for (const found of extractions(pattern, text, from)) if (--left === 0n) return found;
  return undefined;
}

/**
 * Where the position (from 1) stands in the text; undefined when it is behind the end. That is told by the length in bytes: a
 * position in code points that is not behind it, but behind the last character, is the end.
 */
function offsetOf(text: string, position: bigint, unit: Unit): number | undefined {
  const bytes = unit === "byte" ? text.length : Buffer.byteLength(text);
  if (position > BigInt(bytes)) return undefined;
  if (unit === "byte") return Number(position - 1n);
  let at = 0;
  for (let left = position - 1n; left > 0n && at < text.length; left--) at = advance(text, at);
  return at;
}

function checkPositions(position: bigint, occurrence: bigint): void {
  if (position <= 0n) throw new Error("Position must be positive");
  if (occurrence <= 0n) throw new Error("Occurrence must be positive");
}

/**
 * Versions of GoogleSQL differ in what `^` and `\b` see before the position: the text there, or nothing. Where that makes a
 * difference nobody can say what is right.
 */
function asBefore<T>(name: string, from: number, anchored: T, cut: () => T): T {
  if (from > 0 && cut() !== anchored)
    throw new Error(`refused.${name}: ${name} with a position, of a pattern that looks at what stands before it`);
  return anchored;
}

export function extract(text: string, pattern: string, position: bigint, occurrence: bigint, unit: Unit) {
  checkPositions(position, occurrence);
  const from = text === "" && position === 1n ? 0 : offsetOf(text, position, unit);
  compilePattern(pattern);
  if (from === undefined) return null;
  const at = (given: string, start: number): string | null => {
    const found = nth(pattern, given, start, occurrence);
    return found && found.start >= 0 ? given.slice(found.start, found.end) : null;
  };
  return asBefore("REGEXP_EXTRACT", from, at(text, from), () => at(text.slice(from), 0));
}

export const extractAll = (text: string, pattern: string): string[] =>
  Array.from(extractions(pattern, text, 0), (found) => (found.start < 0 ? "" : text.slice(found.start, found.end)));

/** Where the match begins or, with `after` 1, what comes behind it, counted from 1; 0 when there is none. */
export function instr(
  text: string,
  pattern: string,
  position: bigint,
  occurrence: bigint,
  after: bigint,
  unit: Unit,
): bigint {
  if (after !== 0n && after !== 1n) throw new Error("Invalid return_position_after_match.");
  checkPositions(position, occurrence);
  const compiled = compilePattern(pattern);
  const from = offsetOf(text, position, unit);
  if (pattern === "" || from === undefined) return 0n;
  const at = (given: string, start: number): bigint => {
    const found = nth(pattern, given, start, occurrence);
    if (!found || found.start < 0) return 0n;
    const end = compiled.groupCount() === 0 ? found.next : found.end;
    const units = after === 1n ? end : end - (found.end - found.start);
    return BigInt(unit === "byte" ? units : [...given.slice(0, units)].length) + 1n;
  };
  return asBefore("REGEXP_INSTR", from, at(text, from), () => {
    const rest = at(text.slice(from), 0);
    return rest === 0n ? 0n : rest + position - 1n;
  });
}

export function replaceAll(text: string, pattern: string, replacement: string): string {
  const compiled = compilePattern(pattern);
  const groups = compiled.groupCount();
  for (const [, to = ""] of replacement.matchAll(/\\([\s\S]?)/g)) {
    if (!/^[\\0-9]$/.test(to)) throw new Error("Invalid REGEXP_REPLACE pattern: invalid rewrite");
    if (to !== "\\" && Number(to) > groups) throw new Error("Invalid REGEXP_REPLACE pattern: no such group");
  }
  const matcher = compiled.matcher(text);
  const rewritten = (): string =>
    replacement.replace(/\\([\\0-9])/g, (_, to: string) => (to === "\\" ? "\\" : (matcher.group(Number(to)) ?? "")));
  let out = "";
  let at = 0;
  let last = -1;
  while (at <= text.length) {
    if (!matcher.find(at)) return out + text.slice(at);
    const [start, end] = [matcher.start(), matcher.end()];
    out += text.slice(at, start);
    at = start;
    if (start < end) {
      out += rewritten();
      at = end;
    } else {
      if (start !== last) out += rewritten();
      if (at >= text.length) break;
      const next = advance(text, at);
      out += text.slice(at, next);
      at = next;
    }
    last = end;
  }
  return out;
}

export const contains = (text: string, pattern: string): boolean => compilePattern(pattern).matcher(text).find();
export const matches = (text: string, pattern: string): boolean => compilePattern(pattern).matcher(text).matches();

/** The capturing groups of the first match, those that took no part as null; null when nothing matches. */
export function groupsOf(text: string, pattern: string): (string | null)[] | null {
  const compiled = compilePattern(pattern);
  const matcher = compiled.matcher(text);
  if (!matcher.find()) return null;
  return Array.from({ length: compiled.groupCount() }, (_, i) => matcher.group(i + 1));
}

/** Names of the capturing groups in order, undefined for one without. */
export function groupNames(pattern: string): (string | undefined)[] {
  const compiled = compilePattern(pattern);
  const names: (string | undefined)[] = Array.from({ length: compiled.groupCount() });
  for (const [name, index] of Object.entries(compiled.namedGroups() as Record<string, number>)) names[index - 1] = name;
  return names;
}
