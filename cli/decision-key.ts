import { createHmac, randomBytes } from "node:crypto";
import { loadIngestKeys } from "../ingest/door/keys.ts";
import type { Environment } from "./environment.ts";

/**
 * The secret from which arms, hold-outs and exploration are drawn: INBOXLOOP_DECISION_KEY, else made of the active id key. Whoever changes it draws
 * everybody anew.
 */
export function decisionKey(world: Environment): Uint8Array {
  const stated = world.settings["INBOXLOOP_DECISION_KEY"]?.trim();
  const secret = stated
    ? Buffer.from(stated)
    : loadIngestKeys(world.settings, world.home.state, randomBytes).ids.active.secret;
  return createHmac("sha256", secret).update("inboxloop decisions").digest();
}
