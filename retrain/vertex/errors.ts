import { type ExitKind, UserError } from "../../errors/user-error.ts";

/** What to do about a call that failed: tell a person what to set up, wait and try again, or give up. */
export type CallTrouble = "set-up" | "quota" | "transient" | "refused";

interface Known {
  readonly name: string;
  readonly kind: CallTrouble;
}

const codes: Readonly<Record<number, Known>> = {
  3: { name: "INVALID_ARGUMENT", kind: "refused" },
  4: { name: "DEADLINE_EXCEEDED", kind: "transient" },
  5: { name: "NOT_FOUND", kind: "set-up" },
  7: { name: "PERMISSION_DENIED", kind: "set-up" },
  8: { name: "RESOURCE_EXHAUSTED", kind: "quota" },
  9: { name: "FAILED_PRECONDITION", kind: "refused" },
  13: { name: "INTERNAL", kind: "transient" },
  14: { name: "UNAVAILABLE", kind: "transient" },
  16: { name: "UNAUTHENTICATED", kind: "set-up" },
};

const outcome: Readonly<
  Record<CallTrouble, { readonly code: string; readonly exit: ExitKind; readonly next: string }>
> = {
  "set-up": {
    code: "vertex.set-up",
    exit: "config",
    next: "gcloud auth application-default login; grant roles/aiplatform.user; check --project and --region",
  },
  quota: {
    code: "vertex.quota",
    exit: "remote",
    next: "wait or ask for more quota of custom_model_training; or: inboxloop train --target local",
  },
  transient: {
    code: "vertex.unavailable",
    exit: "remote",
    next: "try again; a job that was created goes on by itself",
  },
  refused: { code: "vertex.refused", exit: "config", next: "inboxloop train --target vertex --dry-run" },
};

function knownOf(error: unknown): Known | undefined {
  const { code, message } = (error ?? {}) as { readonly code?: number; readonly message?: string };
  // Google's library says so before any call is made, and without a code.
  if (/default credentials/i.test(message ?? "")) return codes[16];
  return codes[code ?? -1];
}

/** Which class of trouble a failed call is; undefined for one that is neither from gRPC nor of credentials. */
export const troubleOf = (error: unknown): CallTrouble | undefined => knownOf(error)?.kind;

/**
 * A failed call as an error that a person can act on; anything that is not of a known class comes back as it is. `goOn` is the command that
 * goes on with a job that has been submitted.
 */
export function vertexError(doing: string, error: unknown, where: string, goOn?: string): unknown {
  const known = knownOf(error);
  if (!known) return error;
  const details = (error as { details?: string }).details ?? (error as Error).message;
  const { code, exit, next } = outcome[known.kind];
  const first = known.kind === "set-up" ? `${next}; then: ` : known.kind === "transient" ? `${next}: ` : "";
  return new UserError(`Vertex AI would not ${doing}: ${known.name} ${details}`, {
    code,
    exit,
    where,
    next: goOn === undefined ? next : `${first}${goOn}`,
    cause: error,
  });
}

/** The same of Cloud Storage, whose client answers with the status of HTTP; anything else comes back as it is. */
export function storageError(doing: string, error: unknown, where: string): unknown {
  const { code, message } = error as { readonly code?: unknown; readonly message?: string };
  const isStatus = typeof code === "number" && code >= 400;
  if (!isStatus && !/default credentials/i.test(message ?? "")) return error;
  const isSetUp = !isStatus || (code < 500 && code !== 408 && code !== 429);
  return new UserError(`Cloud Storage would not ${doing}: ${message}`, {
    code: isSetUp ? "vertex.set-up" : "vertex.unavailable",
    exit: isSetUp ? "config" : "remote",
    where,
    next: isSetUp
      ? "gcloud auth application-default login; grant roles/storage.objectAdmin on the bucket; check --bucket"
      : "try again",
    cause: error,
  });
}
