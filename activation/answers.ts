import type { Answer } from "./mail.ts";

/** What a status of HTTP says of a mail, where the receiver's own codes say no more. Undefined for success. */
export function answerOfStatus(
  status: number,
  retryAfter: string | null | undefined,
  now: number,
  code?: string | undefined,
): Answer | undefined {
  if (status >= 200 && status < 300) return undefined;
  const reason = code === undefined ? String(status) : `${status} ${code}`;
  // The key, the address of the service or its name is wrong, for every mail alike.
  if (status < 200 || (status >= 300 && status < 400) || [401, 403, 404, 405, 407, 410].includes(status))
    return { kind: "set-up", reason };
  if (status === 408 || status === 425 || status === 429 || status >= 500)
    return { kind: "not-now", reason, retry_after_ms: retryAfterMs(retryAfter, now) };
  return { kind: "refused", reason };
}

/** RFC 9110 section 10.2.3: seconds or a date. Null for neither. */
export function retryAfterMs(text: string | null | undefined, now: number): number | null {
  if (text === null || text === undefined) return null;
  if (/^\s*\d{1,9}(\.\d+)?\s*$/.test(text)) return Math.round(Number(text) * 1000);
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

/** Errors before anything of the request went out. */
const neverSent = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);
const certificateTrouble = /CERT|^ERR_TLS|SELF_SIGNED|UNABLE_TO_/;

/** What an error of the connection says of a mail. Whatever may have come after the request went out leaves it in doubt. */
export function answerOfError(error: unknown): Answer {
  for (let one = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth++) {
    const { code } = one as NodeJS.ErrnoException;
    if (typeof code !== "string") continue;
    if (neverSent.has(code)) return { kind: "not-now", reason: code, retry_after_ms: null };
    if (certificateTrouble.test(code)) return { kind: "set-up", reason: code };
  }
  const isTimeOut = error instanceof Error && /Timeout|Abort/i.test(error.name);
  return { kind: "in-doubt", reason: isTimeOut ? "timeout" : "no-answer" };
}

/**
 * How long to wait before the next attempt, in milliseconds: what the receiver asks for, else doubling from `base` up to `most` with full jitter
 * (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). `random` is in [0, 1).
 */
export function waitBefore(
  attempt: number,
  asked: number | null,
  { base, most }: { readonly base: number; readonly most: number },
  random: number,
): number {
  const own = Math.ceil(random * Math.min(most, base * 2 ** Math.min(30, attempt - 1)));
  return asked === null ? own : Math.max(asked, own);
}
