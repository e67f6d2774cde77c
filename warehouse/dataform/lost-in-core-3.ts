import type { CompilationError } from "./graph.ts";

/** What Dataform core 2 had and core 3 has not: what an error of core 3 says of it, and what takes its place. */
interface Lost {
  readonly said: RegExp;
  /** What the file must have for that to be so. */
  readonly within?: RegExp;
  /** The word of the project's that is gone, of what was said; or, where the error does not have it, of a line of the file. */
  readonly word: (said: RegExpExecArray, line: string) => string | undefined;
  readonly message: (word: string) => string;
}

const calls =
  /\.\s*(type|config|where|protected|materialized|disabled|redshift|snowflake|sqldatawarehouse|presto)\s*\(/;

const losses: readonly Lost[] = [
  {
    // The chain breaks behind the call that is gone: it is the first of its line.
    said: /reading '(\w+)'|\.?(\w+) is not a function/,
    within: /\b(publish|operate|assert|declare|test)\s*\(/,
    word: ([, read, called], line) =>
      new RegExp(`\\.\\s*${read ?? called}\\s*\\(`).test(line) ? calls.exec(line)?.[1] : undefined,
    message: (call) =>
      `core 3 of Dataform has no .${call}() on an action that is made already: what it sets goes into the call that makes it, as publish("name", { type: "table", description: "..." })`,
  },
  {
    said: /Unrecognized action type: (inline)/,
    word: ([, type = ""], line) => new RegExp(`type["']?\\s*:\\s*["'\`]${type}`).exec(line)?.[0],
    message: () =>
      'core 3 of Dataform has no type "inline": make it a view, or a function in includes/ that returns the query',
  },
  {
    said: /Unexpected property "(redshift|snowflake|sqldatawarehouse|presto)"/,
    word: ([, name = ""], line) => new RegExp(`\\b${name}\\b`).exec(line)?.[0],
    message: (name) => `core 3 of Dataform writes for BigQuery alone and has no setting "${name}": leave it out`,
  },
];

/** For an error of core 3 about something that core 2 had: what to write instead, and where. */
export function lostInCore3(
  error: CompilationError,
  files: ReadonlyMap<string, string | Uint8Array>,
): { readonly message: string; readonly where: string } | undefined {
  const text = error.file === undefined ? undefined : files.get(error.file);
  if (typeof text !== "string") return undefined;
  for (const { said, within, word, message } of losses) {
    const found = said.exec(error.message);
    if (found === null || within?.test(text) === false) continue;
    for (const [index, line] of text.split("\n").entries()) {
      const lost = word(found, line);
      if (lost !== undefined) return { message: message(lost), where: `${error.file}:${index + 1}` };
    }
  }
  return undefined;
}
