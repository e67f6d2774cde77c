import { GoogleSqlError, positionAt } from "../../packages/googlesql/index.ts";
import { StatementError } from "../statement-error.ts";

/** A stretch of a file that the compiler takes into a query as it stands. */
interface Chunk {
  readonly text: string;
  /** Where it begins in the file. */
  readonly at: number;
  /** Where the `${` after it begins; undefined when none does. */
  readonly expression: number | undefined;
}

/**
 * Where an error about a compiled text stands in the file that it was compiled from, as `file:line:column`. `texts` holds the
 * project's files. A place that came out of `${}` is where that begins; a name that stands only in the config is looked up there.
 * What is in neither is given as the file, with the line of the compiled text told apart.
 */
export function placeInFile(error: unknown, texts: Readonly<Record<string, string>> | undefined): string | undefined {
  if (!(error instanceof GoogleSqlError || error instanceof StatementError)) return undefined;
  const { place, where } = error;
  const file = place?.source.file;
  const original = file === undefined ? undefined : texts?.[file];
  if (place === undefined || file === undefined || original === undefined) return where;
  const compiled = place.source.text;
  const offset = place.span.start;
  const found = offsetInFile(original, compiled, offset);
  if (found !== undefined) {
    const { line, column } = positionAt(original, found);
    return `${file}:${line}:${column}`;
  }
  const { line } = positionAt(compiled, offset);
  const text = compiled.split("\n")[line - 1]?.trim() ?? "";
  return `${file} (in the compiled query, line ${line}: ${text.length > 80 ? `${text.slice(0, 77)}...` : text})`;
}

/** The place in a SQLX or JavaScript file of an offset in a text compiled from it. */
export function offsetInFile(original: string, compiled: string, offset: number): number | undefined {
  const chunks = chunksOf(original);
  let best: { readonly chunk: Chunk; readonly at: number } | undefined;
  let before: { readonly chunk: Chunk; readonly end: number } | undefined;
  const seen = new Map<string, Chunk[]>();
  for (const chunk of chunks) seen.set(chunk.text, [...(seen.get(chunk.text) ?? []), chunk]);
  for (const [text, same] of seen) {
    let count = 0;
    for (let at = compiled.indexOf(text); at >= 0; at = compiled.indexOf(text, at + text.length)) {
      // The same text several times: one after the other, as in the file.
      const chunk = same[Math.min(count++, same.length - 1)]!;
      const end = at + text.length;
      if (at <= offset && offset < end && (best === undefined || text.length > best.chunk.text.length))
        best = { chunk, at };
      if (end <= offset && (before === undefined || end > before.end)) before = { chunk, end };
    }
  }
  if (best !== undefined && /\w/.test(best.chunk.text)) return best.chunk.at + offset - best.at;
  const name = /^[A-Za-z_]\w*/.exec(compiled.slice(offset))?.[0];
  // Right after a stretch of the file and before the next one: out of the expression between them.
  const isBetween = before?.chunk.expression !== undefined && /^[^;]*$/.test(compiled.slice(before.end, offset));
  if (isBetween) return before!.chunk.expression;
  if (name === undefined) return undefined;
  // Of a built-in assertion the config has the name, under the key that the assertion comes from.
  const key = compiled.includes("failing_row_condition") ? /\b(?:nonNull|rowConditions)\b/ : /\buniqueKeys?\b/;
  for (const begin of [original.search(key), 0]) {
    if (begin < 0) continue;
    const quoted = new RegExp(`["'\`]${name}["'\`]`).exec(original.slice(begin));
    if (quoted !== null) return begin + quoted.index + 1;
  }
  const word = new RegExp(`(?<![\\w$])${name}(?![\\w$])`).exec(original);
  return word?.index;
}

/** The stretches of a file that stand in what it is compiled to, trimmed as the compiler trims. */
function chunksOf(original: string): readonly Chunk[] {
  const found: Chunk[] = [];
  const add = (begin: number, end: number, expression: number | undefined): void => {
    // A line of dashes keeps the statements of an operation apart: each is a text of its own.
    let from = begin;
    for (const text of original.slice(begin, end).split(/(^-{3,}[ \t]*$)/m)) {
      const inner = text.trim();
      const isLast = from + text.length === end;
      if (!/^-*$/.test(inner))
        found.push({
          text: inner,
          at: from + text.length - text.trimStart().length,
          expression: isLast ? expression : undefined,
        });
      from += text.length;
    }
  };
  let begin = 0;
  for (let i = 0; i < original.length; ) {
    const block = /^(?:config|js|pre_operations|post_operations|input\s+"[^"]*")\s*\{/.exec(original.slice(i, i + 200));
    const startsWord = i === 0 || /[\s;}]/.test(original[i - 1]!);
    if (block !== null && startsWord) {
      add(begin, i, undefined);
      const open = i + block[0].length;
      const close = closing(original, open);
      if (block[0].startsWith("config") || block[0].startsWith("js")) templatesIn(original, open, close, add);
      else sqlIn(original, open, close, add);
      i = close + 1;
      begin = i;
    } else if (original.startsWith("${", i)) {
      add(begin, i, i);
      const close = closing(original, i + 2);
      templatesIn(original, i + 2, close, add);
      i = close + 1;
      begin = i;
    } else if (original[i] === "`" && isJavaScript(original)) {
      const close = templateEnd(original, i + 1);
      sqlIn(original, i + 1, close, add);
      i = close + 1;
      begin = i;
    } else i++;
  }
  add(begin, original.length, undefined);
  return found;
}

/** A file of JavaScript has its SQL in template literals; SQLX has names in backquotes. */
const isJavaScript = (text: string): boolean =>
  /\b(publish|operate|assert|declare|test)\s*\(/.test(text) && !/^config\s*\{/m.test(text);

type Add = (begin: number, end: number, expression: number | undefined) => void;

/** SQL between two offsets, with `${}` in it. */
function sqlIn(text: string, begin: number, end: number, add: Add): void {
  let from = begin;
  for (let i = begin; i < end; ) {
    if (!text.startsWith("${", i)) {
      i++;
      continue;
    }
    add(from, i, i);
    const close = closing(text, i + 2);
    templatesIn(text, i + 2, close, add);
    i = close + 1;
    from = i;
  }
  add(from, end, undefined);
}

/** SQL in the template literals and strings of JavaScript between two offsets. */
function templatesIn(text: string, begin: number, end: number, add: Add): void {
  for (let i = begin; i < end; i++) {
    const c = text[i]!;
    if (c === "`") {
      const close = templateEnd(text, i + 1);
      sqlIn(text, i + 1, close, add);
      i = close;
    } else if (c === '"' || c === "'") {
      const close = stringEnd(text, i);
      // A name in quotes is found as a name: only what may be a piece of SQL counts as one.
      if (/\s/.test(text.slice(i + 1, close).trim())) add(i + 1, close, undefined);
      i = close;
    }
  }
}

/** The offset of the brace that closes the one before `at`: JavaScript, with its strings, templates and comments. */
function closing(text: string, at: number): number {
  let depth = 1;
  for (let i = at; i < text.length; i++) {
    const c = text[i]!;
    if (c === "{") depth++;
    else if (c === "}" && --depth === 0) return i;
    else if (c === "`") i = templateEnd(text, i + 1);
    else if (c === '"' || c === "'") i = stringEnd(text, i);
    else if (c === "/" && text[i + 1] === "/") i = endOr(text.indexOf("\n", i), text);
    else if (c === "/" && text[i + 1] === "*") i = endOr(text.indexOf("*/", i), text);
  }
  return text.length;
}

const endOr = (at: number, text: string): number => (at < 0 ? text.length : at);

function stringEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === text[at] || text[i] === "\n") return i;
  }
  return text.length;
}

function templateEnd(text: string, at: number): number {
  for (let i = at; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "`") return i;
    else if (text.startsWith("${", i)) i = closing(text, i + 2);
  }
  return text.length;
}
