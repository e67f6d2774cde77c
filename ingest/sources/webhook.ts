// What all provider decoders share: reading a body, checking an event against its schema, comparing signatures.

import { createHash, createPublicKey, type KeyObject, timingSafeEqual } from "node:crypto";
import type { z } from "zod";
import { classifyRefusal, type Refusal } from "../bounces/classify.ts";
import type { DeadLetterReason, Decoded, Signal } from "../door/signal.ts";
import { fitTo } from "./lenient.ts";
import type { Authenticity, ProviderSecrets, WebhookRequest } from "./provider.ts";

/** Deeper JSON than any provider sends; what goes beyond is refused before anybody walks it. */
const maximumDepth = 32;

export const deadLetter = (reason: DeadLetterReason, detail: string): Decoded => ({
  kind: "dead-letter",
  reason,
  detail,
});
export const signal = (fields: Signal): Decoded => ({ kind: "signal", signal: fields });

/** `{a: 1, b: undefined, c: null, d: ""}` => `{a: 1}`: what a provider left empty is not kept. */
export const present = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== ""),
  );

/** `Recipient <to@example.org>` => `to@example.org`. */
export const bareAddress = (mailbox: string | null | undefined): string | undefined =>
  mailbox ? (/<([^<>]+)>\s*$/.exec(mailbox)?.[1] ?? mailbox.trim()) : undefined;

type Parsed = { readonly kind: "value"; readonly value: unknown } | Extract<Decoded, { kind: "dead-letter" }>;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Parses a JSON body. Bad UTF-8, bad JSON and absurd nesting are values, not exceptions. */
export function parseJson(body: Uint8Array): Parsed {
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    return { kind: "dead-letter", reason: "malformed-input", detail: "the body is not UTF-8" };
  }
  return parseJsonText(text);
}

export function parseJsonText(text: string): Parsed {
  if (isDeeperThan(text, maximumDepth)) {
    return { kind: "dead-letter", reason: "malformed-json", detail: `nested deeper than ${maximumDepth} levels` };
  }
  try {
    return { kind: "value", value: JSON.parse(text) };
  } catch {
    return { kind: "dead-letter", reason: "malformed-json", detail: "the body is not JSON" };
  }
}

/** Counts brackets outside of strings, so that the parser never recurses into a hostile body. */
function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (isInString) {
      if (character === 92) index++;
      else if (character === 34) isInString = false;
    } else if (character === 34) isInString = true;
    else if (character === 123 || character === 91) {
      if (++depth > limit) return true;
    } else if (character === 125 || character === 93) depth--;
  }
  return false;
}

/** Parses an application/x-www-form-urlencoded body; a name that repeats becomes a list. */
export function parseForm(body: Uint8Array): Record<string, string | string[]> {
  const form: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(Buffer.from(body).toString("utf8"))) {
    const before = form[name];
    form[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return form;
}

/** A provider's object of the sender's own arguments; undefined for anything else. */
export const asArguments = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  value !== null && typeof value === "object" && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

/** What stands in a provider's event beside its own fields: some put the sender's arguments there. */
export const fieldsBeside = (
  event: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(event).filter(([key]) => !Object.hasOwn(own, key)));

/** A code that some calls write as a number and some as text. */
export const textOfCode = (code: string | number | null | undefined): string | undefined =>
  code === null || code === undefined ? undefined : String(code);

/** One or many: providers that batch still send a lone event as an object. */
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

/** How a provider's events are read: their schema, and what of it is needed (see `fitTo`). */
export interface EventShape<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** Who, what and when: a field that would change these is never left out. */
  readonly needed: readonly string[];
}

/**
 * Checks one event against its provider's schema and decodes it. A decorative field of another type than documented is left out, which the signal
 * says in `metadata.fields_left_out`; where a needed one does not fit the event is a dead letter that names it.
 */
export function decodeEvent<Schema extends z.ZodType>(
  { schema, needed }: EventShape<Schema>,
  event: unknown,
  decode: (event: z.output<Schema>) => Decoded | readonly Decoded[],
): readonly Decoded[] {
  const fitted = fitTo(schema, event, needed);
  // The message of an issue may quote the value, which may be an address; the path says enough.
  if (fitted.kind === "unfit")
    return [deadLetter(fitted.isMissing ? "missing-field" : "wrong-type", `${fitted.path}: ${fitted.code}`)];
  const decoded = [decode(fitted.value)].flat() as readonly Decoded[];
  if (fitted.leftOut.length === 0) return decoded;
  return decoded.map((one) =>
    one.kind === "signal"
      ? signal({ ...one.signal, metadata: { ...one.signal.metadata, fields_left_out: fitted.leftOut } })
      : one,
  );
}

/** Reads a JSON body of one or many events. */
export function decodeJson<Schema extends z.ZodType>(
  body: Uint8Array,
  shape: EventShape<Schema>,
  decode: (event: z.output<Schema>) => Decoded | readonly Decoded[],
  eventsOf: (value: unknown) => readonly unknown[] = asList,
): readonly Decoded[] {
  const parsed = parseJson(body);
  if (parsed.kind === "dead-letter") return [parsed];
  return eventsOf(parsed.value).flatMap((event) => decodeEvent(shape, event, decode));
}

/**
 * What a provider tells of a refusal, as metadata: codes, class and party by the one classifier (ingest/bounces). `reported` is what the provider takes it
 * for and decides where its server's words do not; what the provider did not even try has no words, and is told without this.
 */
export function refusalMetadata(refusal: Refusal): Record<string, unknown> {
  const verdict = classifyRefusal(refusal);
  return {
    class: verdict.bounceClass,
    smtp_code: verdict.smtpCode,
    enhanced_code: verdict.enhancedCode,
    refused_party: verdict.reason === "undefined" ? undefined : verdict.refusedParty,
    diagnostic: refusal.said?.trim(),
  };
}

/** Compares two byte strings in constant time. */
export function isSame(left: Uint8Array | string, right: Uint8Array | string): boolean {
  const [a, b] = [Buffer.from(left as string), Buffer.from(right as string)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Names a body by its bytes. */
export const bodyDigest = (body: Uint8Array): string => createHash("sha256").update(body).digest("base64");

/** What a table says of a provider's word; `constructor` and its like are words that no table knows. */
export const ownValue = <Value>(table: Readonly<Record<string, Value>>, word: string): Value | undefined =>
  Object.hasOwn(table, word) ? table[word] : undefined;

const readKeys = new Map<string, KeyObject>();

/**
 * A configured public key: PEM, or the base64 of a DER SubjectPublicKeyInfo, as in a DKIM record (`v=DKIM1; p=...`). Reading
 * one costs more than a check with it, so the few that a process has are kept. Throws when it cannot be read.
 */
export function publicKeyOf(text: string): KeyObject {
  const known = readKeys.get(text);
  if (known) return known;
  const key = text.includes("-----BEGIN")
    ? createPublicKey(text)
    : createPublicKey({
        key: Buffer.from(text.replace(/^.*?p=/s, "").replace(/[;\s]/g, ""), "base64"),
        format: "der",
        type: "spki",
      });
  if (readKeys.size >= 16) readKeys.clear();
  readKeys.set(text, key);
  return key;
}

export const authentic: Authenticity = { kind: "authentic" };
export const refused = (reason: string): Authenticity => ({ kind: "refused", reason });

/** True when a signed time in epoch seconds lies within the window around now. */
export const isFresh = (seconds: number, now: Date, windowSeconds: number): boolean =>
  Number.isFinite(seconds) && Math.abs(now.getTime() / 1000 - seconds) <= windowSeconds;

/**
 * For providers that sign nothing: HTTP basic auth (`username`, `password`) or a bearer token (`token`), whichever is set.
 * With neither set nobody may call.
 */
export function verifyCredentials(request: WebhookRequest, secrets: ProviderSecrets): Authenticity {
  const header = request.headers["authorization"] ?? "";
  const { username, password, token } = secrets;
  if (token && isSame(header, `Bearer ${token}`)) return authentic;
  if (username !== undefined && password) {
    const expected = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    if (isSame(header, expected)) return authentic;
  }
  if (!token && !password) return refused("no credentials are configured for this provider");
  return refused(header ? "the credentials do not match" : "the call carries no credentials");
}
