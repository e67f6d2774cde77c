/**
 * DuckDB's lambdas cannot take in a column of the query around a subquery, and its aggregates over nothing but such columns
 * belong to that query. There the subquery gets the columns as its own: ` FROM (SELECT t1.c1 AS k1) AS x1, ...`.
 */
export function withOuterValues(
  fresh: (prefix: string) => string,
  head: string,
  source: string,
  tail: string,
  aggregates: readonly string[] = [],
): string {
  const { from, where } = splitWhere(source);
  const own = new Set([...`${head}${source}${tail}`.matchAll(/\bAS (t\d+)\b/g)].map((match) => match[1]));
  const isOuter = (text: string): boolean => {
    const used = [...text.matchAll(tokens)].flatMap(([, alias]) => (alias === undefined ? [] : [alias]));
    return used.length > 0 && !used.some((alias) => own.has(alias));
  };
  if (!/\blambda\b/.test(head + where + tail) && !aggregates.some(isOuter)) return `${head}${source}${tail}`;
  const table = fresh("x");
  const columns = new Map<string, string>();
  const local = (text: string): string =>
    text.replace(tokens, (token, alias: string | undefined) => {
      if (alias === undefined || own.has(alias)) return token;
      const column = columns.get(token) ?? fresh("k");
      columns.set(token, column);
      return `${table}.${column}`;
    });
  const [newHead, newWhere, newTail] = [local(head), local(where), local(tail)];
  if (columns.size === 0) return `${head}${source}${tail}`;
  const row = `(SELECT ${[...columns].map(([sql, name]) => `${sql} AS ${name}`).join(", ")}) AS ${table}`;
  const rest = from.replace(/^\s*FROM\s+/, "");
  return `${newHead} FROM ${row}${rest === "" ? "" : `, ${rest}`}${newWhere}${newTail}`;
}

/** Texts and quoted names go by; `t1.c1` and `t1."a b"` are what is looked for. */
const tokens = /'(?:[^']|'')*'|\b(t\d+)\.(?:\w+|"(?:[^"]|"")*")|"(?:[^"]|"")*"/g;

/** At the WHERE that stands in no brackets. */
function splitWhere(source: string): { readonly from: string; readonly where: string } {
  let depth = 0;
  for (const { 0: part, index } of source.matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]| WHERE /g)) {
    if (part === "(") depth++;
    else if (part === ")") depth--;
    else if (part === " WHERE " && depth === 0) return { from: source.slice(0, index), where: source.slice(index) };
  }
  return { from: source, where: "" };
}
