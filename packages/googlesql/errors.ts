import type { Span } from "./ast.ts";
import { type Position, positionAt } from "./span.ts";

/** Where in which text something stands. */
export interface Source {
  readonly text: string;
  readonly file?: string | undefined;
}

/** The part of a text that an error is about. */
export interface Place {
  readonly source: Source;
  readonly span: Span;
}

/** The codes of all errors about statements, and what each says; of a refusal the construct stands in the code. */
export const errorCodes = {
  "sql.syntax": "the text is not GoogleSQL",
  "sql.analysis": "the statement is invalid: a name, a type, a clause that GoogleSQL does not accept",
  "sql.evaluation": "the statement is valid and failed on its data: overflow, division by zero, a failed cast",
  "sql.parameter": "a query parameter has a type that is none, or a value that is none of its type",
  "refused.<construct>":
    "the statement may be valid, and this function or construct in it is not on the verified list, or it went beyond a limit",
} as const;

interface Details {
  readonly place?: Place | undefined;
  readonly construct?: string | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** What all errors about a GoogleSQL statement are: a stable code, the wording, and what is known of the place and the repair. */
export abstract class GoogleSqlError extends Error {
  readonly code: string;
  /** The text, and the part of it that the error is about. */
  readonly place: Place | undefined;
  /** Line and column of that part. */
  readonly position: Position | undefined;
  /** The function or construct that is refused, as in the code. */
  readonly construct: string | undefined;
  /** A statement that would mend it. */
  readonly hint: string | undefined;

  constructor(message: string, code: string, { place, construct, hint, cause }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.place = place;
    this.position = place && positionAt(place.source.text, place.span.start);
    this.construct = construct;
    this.hint = hint;
  }

  /** `file:line:column`; a text that came out of no file is called `query`. */
  get where(): string | undefined {
    const { place, position } = this;
    return position && `${place?.source.file ?? "query"}:${position.line}:${position.column}`;
  }
}

/** The text is not GoogleSQL. Code `sql.syntax`. */
export class GoogleSqlSyntaxError extends GoogleSqlError {
  constructor(message: string, source: Source, span: Span) {
    super(message, "sql.syntax", { place: { source, span } });
  }
}

/** The statement is invalid: a name, a type, a clause that GoogleSQL does not accept. Code `sql.analysis`. */
export class GoogleSqlAnalysisError extends GoogleSqlError {
  constructor(message: string, source: Source, span: Span) {
    super(message, "sql.analysis", { place: { source, span } });
  }
}

/** The statement is valid and failed on its data: overflow, division by zero, a failed cast. Code `sql.evaluation`. */
export class GoogleSqlEvaluationError extends GoogleSqlError {
  constructor(message: string, cause?: unknown, hint?: string) {
    super(message, "sql.evaluation", { cause, hint });
  }
}

/** A value that was given for a query parameter cannot be one. Code `sql.parameter`. */
export class GoogleSqlParameterError extends GoogleSqlError {
  constructor(message: string, hint?: string) {
    super(message, "sql.parameter", { hint });
  }
}

/**
 * The statement may be valid GoogleSQL, but a function or construct in it is not on the verified list of the local engine,
 * which would rather say so than answer wrongly. Code `refused.<construct>`, e.g. `refused.SOUNDEX`, `refused.match_recognize`.
 */
export class UnsupportedGoogleSql extends GoogleSqlError {
  declare readonly construct: string;

  constructor(construct: string, reason: string, place?: Place, cause?: unknown) {
    super(
      `${construct} is not on the local engine's verified list${reason ? `: ${reason}` : ""}`,
      `refused.${construct}`,
      { place, construct, cause },
    );
  }
}
