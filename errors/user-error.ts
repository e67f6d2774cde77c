/** The promise of the command line: which kind of trouble ended it. */
export const exitCodes = {
  ok: 0,
  bug: 1,
  usage: 2,
  config: 3,
  /** A check said no: an assertion, a guardrail, a refused statement. */
  check: 4,
  remote: 5,
  interrupted: 130,
  pipeClosed: 141,
} as const;

export type ExitKind = keyof typeof exitCodes;

export interface UserErrorOptions {
  /** Stable, dotted: `<noun>.<what>`. Callers branch on it; the wording is free to change. */
  readonly code: string;
  readonly exit: ExitKind;
  /** file:line:column, or row, or table: where the offending value stands. */
  readonly where?: string | undefined;
  /** A command that the reader can try next. */
  readonly next?: string | undefined;
  readonly cause?: unknown;
}

/** An error that a person can act on. Anything else that reaches `main` is a bug and shows its stack. */
export class UserError extends Error {
  readonly code: string;
  readonly exit: ExitKind;
  readonly where: string | undefined;
  readonly next: string | undefined;

  constructor(message: string, options: UserErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.exit = options.exit;
    this.where = options.where;
    this.next = options.next;
  }

  get exitCode(): number {
    return exitCodes[this.exit];
  }
}
