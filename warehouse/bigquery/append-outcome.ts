import { UserError } from "../../errors/user-error.ts";
import type { AppendResponse, AppendRowError } from "./streams.ts";

/** What an answer of the Storage Write API means for the rows that were sent. */
export type AppendOutcome =
  /** They are in the table. `isSchemaNew`: the table has changed since; the next append wants a fresh writer. */
  | { readonly kind: "written"; readonly isSchemaNew: boolean }
  /** They were in the table already: an earlier answer to this very append was lost on its way. */
  | { readonly kind: "landed-before" }
  /** None was written. These rows never will be; the others may be sent again without them. */
  | { readonly kind: "rejected-rows"; readonly reasonByIndex: ReadonlyMap<number, string> }
  /** None was written: the stream ends before our offset, at `expected` where it says so. */
  | { readonly kind: "gap"; readonly expected: number | undefined }
  /** None was written: the writer knows a column that the table has not (yet). */
  | { readonly kind: "schema-lagging"; readonly cause: unknown }
  /** None was written by us here: the stream has ended, is gone, or is not ours alone. Another one will do. */
  | { readonly kind: "stream-ended"; readonly cause: unknown }
  /** Not known whether they were written. Send them again: at the same offset that is harmless. */
  | { readonly kind: "try-again"; readonly cause: unknown }
  /** A person has to act. */
  | { readonly kind: "failed"; readonly error: UserError };

/** How the rows were sent. */
export interface AppendAttempt {
  /** `projects/p/datasets/d/tables/t`. */
  readonly table: string;
  /** In a committed stream; undefined in the default stream, which has none. */
  readonly offset: number | undefined;
  /** These rows went to this stream at this offset before, and no answer came. */
  readonly isResent: boolean;
}

/** google.rpc's codes, as gRPC numbers them. */
const rpc = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const passing: ReadonlySet<number> = new Set([
  rpc.cancelled,
  rpc.unknown,
  rpc.deadlineExceeded,
  rpc.resourceExhausted,
  rpc.aborted,
  rpc.internal,
  rpc.unavailable,
]);

/**
 * The one place that decides what an append's answer means (docs/adr/0007-storage-write.md). The answer is a response, which may
 * carry an error, or the error that came in its place.
 */
export function outcomeOf(answer: AppendResponse | Error, attempt: AppendAttempt): AppendOutcome {
  const rowErrors = (answer as { rowErrors?: readonly AppendRowError[] | null }).rowErrors;
  if (rowErrors?.length) return { kind: "rejected-rows", reasonByIndex: reasons(rowErrors) };
  const failure = answer instanceof Error ? answer : answer.error?.code ? asError(answer.error) : undefined;
  if (failure === undefined) {
    return { kind: "written", isSchemaNew: Boolean((answer as AppendResponse).updatedSchema) };
  }
  const code = (failure as { code?: unknown }).code;
  const { message } = failure;
  switch (code) {
    case rpc.alreadyExists:
      // At an offset that nobody but us can have filled: our own rows, whose answer was lost. Otherwise the stream is not ours alone.
      return attempt.offset !== undefined && attempt.isResent
        ? { kind: "landed-before" }
        : { kind: "stream-ended", cause: failure };
    case rpc.outOfRange:
      return { kind: "gap", expected: expectedOffset(message) };
    case rpc.failedPrecondition:
      return { kind: "stream-ended", cause: failure };
    case rpc.notFound:
      return attempt.offset === undefined
        ? {
            kind: "failed",
            error: named(
              failure,
              attempt,
              "bigquery.table-missing",
              "inboxloop ingest consume --to bigquery creates the raw tables that are not there",
            ),
          }
        : { kind: "stream-ended", cause: failure };
    case rpc.invalidArgument:
      if (/schema.?mismatch|extra.?fields?|unknown field|no such field/i.test(message)) {
        return { kind: "schema-lagging", cause: failure };
      }
      if (/finali[sz]ed|invalid stream name|stream.*not (found|exist)/i.test(message) && attempt.offset !== undefined) {
        return { kind: "stream-ended", cause: failure };
      }
      return { kind: "failed", error: named(failure, attempt, "bigquery.append-refused") };
    case rpc.permissionDenied:
    case rpc.unauthenticated:
      return {
        kind: "failed",
        error: named(failure, attempt, "bigquery.access", "gcloud auth application-default login"),
      };
    default:
      return typeof code !== "number" || passing.has(code)
        ? { kind: "try-again", cause: failure }
        : { kind: "failed", error: named(failure, attempt, "bigquery.append-refused") };
  }
}

/** BigQuery says `expected offset 5, received 10`. */
const expectedOffset = (message: string): number | undefined => {
  const told = /expected offset:? (\d+)/i.exec(message)?.[1];
  return told === undefined ? undefined : Number(told);
};

const asError = ({ code, message }: { readonly code?: number | null; readonly message?: string | null }): Error =>
  Object.assign(new Error(message ?? "the append failed"), { code });

const reasons = (errors: readonly AppendRowError[]): ReadonlyMap<number, string> =>
  new Map(errors.map((error) => [Number(String(error.index ?? 0)), error.message ?? "refused"]));

const named = (cause: Error, { table }: AppendAttempt, code: string, next?: string): UserError =>
  new UserError(cause.message, { code, exit: "remote", where: table, cause, ...(next ? { next } : {}) });
