/**
 * A statement may begin with a comment, `-- what it is for`: two dashes and a blank begin no option. Such a word goes behind the options,
 * after `--`.
 *
 *   statementLast(["query", "-- all\nselect 1", "--json"])  =>  ["query", "--json", "--", "-- all\nselect 1"]
 */
export function statementLast(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => /^--\s/.test(word));
  if (at < 0 || words.includes("--")) return words;
  return [...words.slice(0, at), ...words.slice(at + 1), "--", words[at]!];
}
