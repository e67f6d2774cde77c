/**
 * A query that reads one of another query's common table expressions: `with a as (...), b as (...) select ...` becomes
 * `with a as (...), b as (...) select * from b`. Undefined when the query has no CTE of that name at its top.
 */
export function readCommonTable(query: string, name: string): string | undefined {
  const found = commonTables(query);
  if (found === undefined || !found.names.some((other) => other.toLowerCase() === name.toLowerCase())) return undefined;
  return `${query.slice(0, found.end)}\nselect * from \`${name}\``;
}

/** The names of the common table expressions at the top of a query, and where the last one ends. */
export function commonTables(query: string): { readonly names: readonly string[]; readonly end: number } | undefined {
  const tokens = tokensOf(query);
  let at = 0;
  const word = () => tokens[at]?.text.toLowerCase();
  if (word() !== "with") return undefined;
  at++;
  if (word() === "recursive" && tokens[at + 1]?.text.toLowerCase() !== "as") at++;
  const names: string[] = [];
  for (;;) {
    const name = tokens[at]?.text;
    if (name === undefined || tokens[at + 1]?.text.toLowerCase() !== "as" || tokens[at + 2]?.text !== "(")
      return undefined;
    names.push(name.startsWith("`") ? name.slice(1, -1) : name);
    at += 2;
    let depth = 0;
    do {
      if (tokens[at]?.text === "(") depth++;
      if (tokens[at]?.text === ")") depth--;
      at++;
    } while (depth > 0 && at < tokens.length);
    const end = tokens[at - 1]!.end;
    if (tokens[at]?.text !== ",") return { names, end };
    at++;
  }
}

/** Words, quoted texts and single signs; comments left out. Enough to find the brackets that are brackets. */
function tokensOf(query: string): readonly { readonly text: string; readonly end: number }[] {
  const pattern =
    /--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|[rRbB]{0,2}(?:"""[\s\S]*?(?<!\\)"""|'''[\s\S]*?(?<!\\)''')|[rRbB]{0,2}(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|`(?:\\.|[^`])*`|[A-Za-z_][\w]*|\d[\w.]*|[^\s]/g;
  const tokens: { text: string; end: number }[] = [];
  for (const match of query.matchAll(pattern)) {
    if (/^(--|#|\/\*)/.test(match[0])) continue;
    tokens.push({ text: match[0], end: match.index + match[0].length });
  }
  return tokens;
}
