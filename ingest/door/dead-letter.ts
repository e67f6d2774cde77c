import { createCipheriv, createDecipheriv, createHash, createSecretKey, type KeyObject } from "node:crypto";
import events from "../../includes/events.js";
import type { Micros } from "./instant.ts";
import type { KeyRing } from "./keys.ts";
import type { RawRow } from "./raw-row.ts";
import { scrubText } from "./scrub.ts";
import type { DeadLetterReason } from "./signal.ts";

export type DeadLetterStage = "verify" | "decode" | "validate" | "write";

/** Something that did not land, with what is needed to try it again. */
export interface DeadLetter {
  readonly reason: DeadLetterReason;
  readonly stage: DeadLetterStage;
  readonly detail: string;
  /** `<decoder>:<name>`: which decoder reads the payload, and where it came from. */
  readonly source: string;
  /** `<record>` or `<record>#<item>` within the source. */
  readonly position: string;
  /**
   * The bytes as they came; or, where one record has several letters, the position of the letter that holds them. Null where they name somebody
   * who was erased, and where the record came as a device's report and was none: what it held instead may be of a person.
   */
  readonly payload: Uint8Array | { readonly sameAs: string } | null;
}

/** Seals bytes: `<version>` NUL, 12 bytes of nonce, 16 of tag, then AES-256-GCM under a key derived from the secret. */
export function seal(payload: Uint8Array, keys: KeyRing, randomBytes: (n: number) => Buffer): Buffer {
  const head = Buffer.from(`${keys.active.version}\0`);
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", sealingKey(keys.active.secret), nonce);
  cipher.setAAD(head);
  const body = cipher.update(payload); // the mode gives as many bytes as it takes; nothing is left for the end
  cipher.final();
  return Buffer.concat([head, nonce, cipher.getAuthTag(), body]);
}

/** Opens what `seal` made; undefined when no key of the ring fits or a bit was changed. */
export function unseal(sealed: Uint8Array, keys: KeyRing): Buffer | undefined {
  const bytes = Buffer.from(sealed);
  const end = bytes.indexOf(0);
  const key = keys.all.find(
    (candidate) => candidate.version === bytes.subarray(0, Math.max(0, end)).toString("latin1"),
  );
  if (end < 0 || !key || bytes.length < end + 29) return undefined;
  try {
    const decipher = createDecipheriv("aes-256-gcm", sealingKey(key.secret), bytes.subarray(end + 1, end + 13));
    decipher.setAAD(bytes.subarray(0, end + 1));
    decipher.setAuthTag(bytes.subarray(end + 13, end + 29));
    return Buffer.concat([decipher.update(bytes.subarray(end + 29)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/**
 * A letter without bytes of its own: `same-as:<position>` of the letter of its batch that has them, because both were in one
 * record. Not sealed, for a position tells nothing; and never taken for something sealed, which has a NUL in its head.
 */
const sameAs = "same-as:";
const pointerTo = (position: string): Buffer => Buffer.from(sameAs + position);

/** The position that a payload as stored points to; undefined where it is a sealed body. */
export function pointedTo(stored: Uint8Array): string | undefined {
  const text = Buffer.from(stored.subarray(0, 80)).toString("latin1");
  return text.startsWith(sameAs) && !text.includes("\0") ? text.slice(sameAs.length) : undefined;
}

/** A sealed body larger than this is kept as a file of its own: no row of a segment or of BigQuery may be as large as a mail can. */
export const maxLetterBytes = 4 << 20;
const setAside = "set-aside:";

/** The name of the file that holds a body which is not in its row; undefined where the row has it. */
export function setAsideName(stored: Uint8Array): string | undefined {
  const text = Buffer.from(stored.subarray(0, 100)).toString("latin1");
  return /^set-aside:[0-9a-f]{40}\.sealed$/.test(text) ? text.slice(setAside.length) : undefined;
}

const sealingKeys = new WeakMap<Buffer, KeyObject>();

function sealingKey(secret: Buffer): KeyObject {
  let key = sealingKeys.get(secret);
  if (!key) {
    key = createSecretKey(createHash("sha256").update("inboxloop dead letter\0").update(secret).digest());
    sealingKeys.set(secret, key);
  }
  return key;
}

/** The letter as a row of raw.dead_letters, its payload sealed. `sourceId` makes its id the same after a restart. */
export function deadLetterRow(
  letter: DeadLetter,
  context: {
    readonly sourceId: string;
    readonly batchId: string;
    readonly arrival: Micros;
    readonly keys: KeyRing;
    readonly randomBytes: (n: number) => Buffer;
    /** Keeps a sealed body that is too large for a row, durably, before the row that names it is written. */
    readonly setAside?: ((name: string, sealed: Buffer) => void) | undefined;
  },
): RawRow {
  const id = createHash("sha256").update(`${context.sourceId}\0${letter.position}`).digest("hex");
  const body = (): Buffer | null => {
    if (letter.payload === null) return null;
    if ("sameAs" in letter.payload) return pointerTo(letter.payload.sameAs);
    const sealed = seal(letter.payload, context.keys, context.randomBytes);
    if (sealed.length <= maxLetterBytes || !context.setAside) return sealed;
    const name = `${id.slice(0, 40)}.sealed`;
    context.setAside(name, sealed);
    return Buffer.from(setAside + name);
  };
  return {
    dead_letter_id: `letter:${id.slice(0, 40)}`,
    reason: letter.reason,
    stage: letter.stage,
    detail: scrubText(letter.detail).slice(0, 500),
    source: scrubText(letter.source),
    position: letter.position,
    payload: body()?.toString("base64") ?? null,
    batch_id: context.batchId,
    schema_version: events.schemaVersion as number,
    received_at: context.arrival,
  };
}
