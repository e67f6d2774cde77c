import { createHmac } from "node:crypto";
import type { Environment } from "./environment.ts";
import { ingestKeys } from "./ingest-keys.ts";

/**
 * The secret from which arms, hold-outs and exploration are drawn: INBOXLOOP_DECISION_KEY, else made of the active id key. Whoever changes it draws
 * everybody anew.
 */
export function decisionKey(world: Environment): Uint8Array {
  const stated = world.settings["INBOXLOOP_DECISION_KEY"]?.trim();
  const secret = stated ? Buffer.from(stated) : ingestKeys(world).ids.active.secret;
  return createHmac("sha256", secret).update("inboxloop decisions").digest();
}
