import { UserError } from "../../errors/user-error.ts";
import { positionAt } from "./span.ts";

export interface SyntaxErrorPlace {
  readonly text: string;
  readonly offset: number;
  readonly file?: string | undefined;
}

/**
 * Text that is not GoogleSQL (`googlesql.syntax`), or is GoogleSQL that BigQuery or Inboxloop does not have
 * (`googlesql.not-supported`). Line and column count from 1.
 */
export class GoogleSqlSyntaxError extends UserError {
  readonly line: number;
  readonly column: number;
  readonly offset: number;

  constructor(
    message: string,
    place: SyntaxErrorPlace,
    code: "googlesql.syntax" | "googlesql.not-supported" = "googlesql.syntax",
  ) {
    const { line, column } = positionAt(place.text, place.offset);
    super(message, { code, exit: "check", where: `${place.file ?? "query"}:${line}:${column}` });
    this.line = line;
    this.column = column;
    this.offset = place.offset;
  }
}
