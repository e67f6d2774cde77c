import { UserError } from "../../errors/user-error.ts";
import type { Span } from "./ast.ts";
import { type Position, positionAt } from "./span.ts";

/** Where in which text something stands. */
export interface Source {
  readonly text: string;
  readonly file?: string | undefined;
}

/** What all errors about a GoogleSQL statement have: a stable code, and the place when it is known. */
export abstract class GoogleSqlError extends UserError {
  readonly position: Position | undefined;
  /** The text, and the part of it that the error is about. */
  readonly place: { readonly source: Source; readonly span: Span } | undefined;

  constructor(
    message: string,
    code: string,
    place?: { readonly source: Source; readonly span: Span },
    cause?: unknown,
  ) {
    const position = place && positionAt(place.source.text, place.span.start);
    const where = position && `${place?.source.file ?? "query"}:${position.line}:${position.column}`;
    super(message, { code, exit: "check", where, cause });
    this.position = position;
    this.place = place;
  }
}

/** The text is not GoogleSQL. Code `sql.syntax`. */
export class GoogleSqlSyntaxError extends GoogleSqlError {
  constructor(message: string, source: Source, span: Span) {
    super(message, "sql.syntax", { source, span });
  }
}

/** The statement is invalid: a name, a type, a clause that GoogleSQL does not accept. Code `sql.analysis`. */
export class GoogleSqlAnalysisError extends GoogleSqlError {
  constructor(message: string, source: Source, span: Span) {
    super(message, "sql.analysis", { source, span });
  }
}

/** The statement is valid and failed on its data: overflow, division by zero, a failed cast. Code `sql.evaluation`. */
export class GoogleSqlEvaluationError extends GoogleSqlError {
  constructor(message: string, cause?: unknown) {
    super(message, "sql.evaluation", undefined, cause);
  }
}

/**
 * The statement may be valid GoogleSQL, but a function or construct in it is not on the verified list of the local engine,
 * which would rather say so than answer wrongly. Code `refused.<what>`, e.g. `refused.SOUNDEX`, `refused.match_recognize`.
 */
export class UnsupportedGoogleSql extends GoogleSqlError {
  /** The function or construct, as in the code. */
  readonly what: string;

  constructor(what: string, reason: string, place?: { readonly source: Source; readonly span: Span }, cause?: unknown) {
    super(
      `${what} is not on the local engine's verified list${reason ? `: ${reason}` : ""}`,
      `refused.${what}`,
      place,
      cause,
    );
    this.what = what;
  }
}
