import { type ExitKind, exitCodes, UserError } from "./user-error.ts";

/** An error as plain data, for a message between processes or threads. Without a code it is a bug. */
export interface CarriedError {
  readonly message: string;
  readonly code: string | null;
  readonly exit: string | null;
  readonly where: string | null;
  readonly next: string | null;
}

export function carriedError(error: unknown): CarriedError {
  if (!(error instanceof UserError)) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { message, code: null, exit: null, where: null, next: null };
  }
  const { message, code, exit, where, next } = error;
  return { message, code, exit, where: where ?? null, next: next ?? null };
}

/** The error as it was raised there: with its code if it was one that a person can act on. */
export function raisedThere(carried: CarriedError): Error {
  const { message, code, exit, where, next } = carried;
  if (code === null || !isExitKind(exit)) return new Error(message);
  return new UserError(message, { code, exit, where: where ?? undefined, next: next ?? undefined });
}

const isExitKind = (text: string | null): text is ExitKind => text !== null && Object.hasOwn(exitCodes, text);
