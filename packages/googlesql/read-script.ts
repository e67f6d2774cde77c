import type { Query, Script } from "./ast.ts";
import { GoogleSqlAnalysisError, type Source, UnsupportedGoogleSql } from "./errors.ts";
import { parseScript } from "./parser/parse.ts";

/**
 * Parses a script: the one way in for every text. Throws GoogleSqlSyntaxError (`sql.syntax`) for text that is no GoogleSQL, and
 * UnsupportedGoogleSql for syntax that GoogleSQL has and this engine does not read. A hint for this engine is an error, as it knows none;
 * those for others are left alone.
 */
export function readScript(source: Source): Script {
  const script = guarded(() => parseScript(source.text, { file: source.file }));
  const [hint] = script.ownHints;
  if (hint)
    throw new GoogleSqlAnalysisError(`Unsupported hint: ${hint.name}`, source, { start: hint.start, end: hint.start });
  return script;
}

/** The same for a text that is one query. */
export function readQuery(source: Source): Query {
  const { statements } = readScript(source);
  const [statement] = statements;
  if (statements.length !== 1 || statement?.kind !== "query-statement")
    throw new GoogleSqlAnalysisError("One query is wanted here", source, statement?.span ?? { start: 0, end: 0 });
  return statement.query;
}

/** A text whose parts stand in each other so deeply that reading or translating it runs out of stack is refused by name. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw deepNesting(error) ?? error;
  }
}

export function deepNesting(error: unknown): UnsupportedGoogleSql | undefined {
  if (!(error instanceof RangeError) || !/call stack/i.test(error.message)) return undefined;
  return new UnsupportedGoogleSql("deep_nesting", "expressions that stand in each other so deeply", undefined, error);
}
