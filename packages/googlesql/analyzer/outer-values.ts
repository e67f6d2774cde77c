import type { AliasedTable } from "./relation.ts";

/** Where rows come from: the text of FROM without the word, its tables, and what rows must pass. */
export interface RowSource {
  readonly from: string | undefined;
  readonly tables: readonly AliasedTable[];
  readonly where?: string | undefined;
}

export const sourceText = ({ from, where }: RowSource): string =>
  `${from === undefined ? "" : ` FROM ${from}`}${where === undefined ? "" : ` WHERE ${where}`}`;

/**
 * DuckDB's lambdas cannot take in a column of the query around a subquery, and its aggregates over nothing but such columns
 * belong to that query. There the subquery gets the columns as its own: ` FROM (SELECT t1.c1 AS k1) AS x1, ...`.
 *
 * This is the one place that reads an emitted text, and it reads it word by word: which functions become lambdas is known to their
 * texts alone, and the names are put in after all of them are made.
 */
export function withOuterValues(
  fresh: (prefix: string) => string,
  head: string,
  source: RowSource,
  tail: string,
  aggregates: readonly string[] = [],
): string {
  const plain = `${head}${sourceText(source)}${tail}`;
  const where = source.where === undefined ? "" : ` WHERE ${source.where}`;
  const hasLambda = wordsOf(head + where + tail).some(({ 0: word }) => word === "lambda");
  if (!hasLambda && aggregates.length === 0) return plain;
  const own = new Set(wordsOf(plain).map(({ groups }) => groups!["made"]));
  const belongsOutside = (text: string): boolean => {
    const used = wordsOf(text).flatMap(({ groups }) => groups!["used"] ?? []);
    return used.length > 0 && !used.some((alias) => own.has(alias));
  };
  if (!hasLambda && !aggregates.some(belongsOutside)) return plain;
  const table = fresh("x");
  const columns = new Map<string, string>();
  const local = (text: string): string =>
    text.replace(words, (word, _made: string | undefined, alias: string | undefined) => {
      if (alias === undefined || own.has(alias)) return word;
      const column = columns.get(word) ?? fresh("k");
      columns.set(word, column);
      return `${table}.${column}`;
    });
  const [newHead, newWhere, newTail] = [local(head), local(where), local(tail)];
  if (columns.size === 0) return plain;
  const row = `(SELECT ${[...columns].map(([sql, name]) => `${sql} AS ${name}`).join(", ")}) AS ${table}`;
  return `${newHead} FROM ${row}${source.from === undefined ? "" : `, ${source.from}`}${newWhere}${newTail}`;
}

/** What counts: `AS t1` makes a name, `t1.c1` and `t1."a b"` use one, and a lambda is called so. Strings and quoted names go by. */
const words = /'(?:[^']|'')*'|\bAS (?<made>t\d+)\b|\b(?<used>t\d+)\.(?:\w+|"(?:[^"]|"")*")|"(?:[^"]|"")*"|\blambda\b/g;

const wordsOf = (text: string): readonly RegExpExecArray[] => [...text.matchAll(words)];
