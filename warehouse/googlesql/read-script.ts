import type { Script } from "./ast.ts";
import { GoogleSqlSyntaxError, type Source, UnsupportedGoogleSql } from "./errors.ts";
import { parseScript } from "./parser/parse.ts";
import { GoogleSqlSyntaxError as ParserError } from "./syntax-error.ts";

/**
 * Parses a script. Throws GoogleSqlSyntaxError (`sql.syntax`) for text that is no GoogleSQL, and UnsupportedGoogleSql for
 * syntax that GoogleSQL has and this engine does not read.
 */
export function readScript(source: Source): Script {
  try {
    return parseScript(source.text, { file: source.file });
  } catch (error) {
    if (!(error instanceof ParserError)) throw error;
    const span = { start: error.offset, end: error.offset };
    if (error.code !== "googlesql.not-supported") throw new GoogleSqlSyntaxError(plain(error.message), source, span);
    const what = plain(error.message).replace(/ is not supported$/, "");
    throw new UnsupportedGoogleSql(what.replace(/\W+/g, "_"), "", { source, span }, error);
  }
}

const plain = (message: string): string => message.replace(/^Syntax error: /, "");
