import { UserError } from "../errors/user-error.ts";
import { GoogleSqlError, type Place } from "../packages/googlesql/index.ts";

/** An error of the local engine about a statement, as the product tells it: its code and wording, and how the command line ends. */
export class StatementError extends UserError {
  /** The text, and the part of it that the error is about. */
  readonly place: Place | undefined;

  constructor(cause: GoogleSqlError) {
    super(cause.message, { code: cause.code, exit: "check", where: cause.where, next: cause.hint, cause });
    this.place = cause.place;
  }
}

/** An error on its way out of the engine. Whatever is none of the engine's goes on as it is. */
export const asStatementError = (error: unknown): unknown =>
  error instanceof GoogleSqlError ? new StatementError(error) : error;

/** Reads or analyses a text with the engine, outside of the port. Throws a StatementError. */
export function withStatementErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asStatementError(error);
  }
}
