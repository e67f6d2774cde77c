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

/** Which class of trouble a gRPC error is; undefined for one that is not from gRPC. */
export const troubleOf = (error: unknown): CallTrouble | undefined =>
  codes[(error as { code?: number } | undefined)?.code ?? -1]?.kind;

/** A failed call as an error that a person can act on; anything that is not from gRPC comes back as it is. */
export function vertexError(doing: string, error: unknown, where: string): unknown {
  const known = codes[(error as { code?: number } | undefined)?.code ?? -1];
  if (!known) return error;
  const details = (error as { details?: string }).details ?? (error as Error).message;
  const { code, exit, next } = outcome[known.kind];
  return new UserError(`Vertex AI would not ${doing}: ${known.name} ${details}`, {
    code,
    exit,
    where,
    next,
    cause: error,
  });
}
