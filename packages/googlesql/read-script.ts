import type { Script } from "./ast.ts";
import { GoogleSqlAnalysisError, GoogleSqlSyntaxError, type Source, UnsupportedGoogleSql } from "./errors.ts";
import { parseScript } from "./parser/parse.ts";
import { GoogleSqlSyntaxError as ParserError } from "./syntax-error.ts";

/**
 * Parses a script. Throws GoogleSqlSyntaxError (`sql.syntax`) for text that is no GoogleSQL, and UnsupportedGoogleSql for
 * syntax that GoogleSQL has and this engine does not read. A hint for this engine is an error, as it knows none; those for others are
 * left alone.
 */
export function readScript(source: Source): Script {
  try {
    const script = parseScript(source.text, { file: source.file });
    const [hint] = script.ownHints;
    if (hint)
      throw new GoogleSqlAnalysisError(`Unsupported hint: ${hint.name}`, source, {
        start: hint.start,
        end: hint.start,
      });
    return script;
  } catch (error) {
    if (!(error instanceof ParserError)) throw error;
    const span = { start: error.offset, end: error.offset };
    if (error.code !== "googlesql.not-supported") throw new GoogleSqlSyntaxError(plain(error.message), source, span);
    const what = plain(error.message).replace(/ is not supported$/, "");
    throw new UnsupportedGoogleSql(what.replace(/\W+/g, "_"), "", { source, span }, error);
  }
}

const plain = (message: string): string => message.replace(/^Syntax error: /, "");
