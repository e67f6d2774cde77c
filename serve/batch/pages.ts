import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readHomeText } from "../../platform/home-files.ts";
import type { PastSend } from "../../policy/decision.ts";
import type { Counted } from "./summary.ts";

/** The pages of decisions in the folder of a run, in their order. */
export const pageFiles = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter((file) => /^page-\d{6}\.ndjson$/.test(file)).sort();

const pageLine = z.object({
  decision_id: z.string(),
  user_id_hash: z.string(),
  campaign_id: z.string(),
  arm: z.string().nullable(),
  attributes: z.object({
    action: z.enum(["send", "suppress"]),
    variant: z.string().nullable(),
    rung: z.enum(["model", "rule", "category", "suppress"]),
    reason: z.string(),
    is_exploration: z.boolean(),
    is_holdout: z.boolean(),
    campaign_kind: z.string(),
    send_at: z.string().nullable(),
  }),
});

/** A decision that an earlier run has written. */
export interface WrittenDecision {
  readonly decision_id: string;
  readonly user_id_hash: string;
  readonly campaign_id: string;
  readonly counted: Counted;
  /** Null where nothing is sent. */
  readonly send: PastSend | null;
}

export async function* writtenDecisions(path: string): AsyncIterable<WrittenDecision> {
  for (const line of (await readHomeText(path)).split("\n").filter((text) => text !== "")) {
    const { decision_id, user_id_hash, campaign_id, arm, attributes } = pageLine.parse(JSON.parse(line));
    const { action, send_at, campaign_kind } = attributes;
    yield {
      decision_id,
      user_id_hash,
      campaign_id,
      counted: { ...attributes, arm, is_hold_out: attributes.is_holdout },
      send:
        action === "send" && send_at !== null ? { at: Date.parse(send_at), kind: campaign_kind, campaign_id } : null,
    };
  }
}

/** What the pages of a run send to some ids. */
export async function sentTo(folder: string, pages: readonly string[], ids: ReadonlySet<string>): Promise<PastSend[]> {
  const sends: PastSend[] = [];
  for (const page of pages)
    for await (const { user_id_hash, send } of writtenDecisions(join(folder, page)))
      if (send && ids.has(user_id_hash)) sends.push(send);
  return sends;
}
