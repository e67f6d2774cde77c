import { z } from "zod";
import { guardrailResult } from "../policy/guardrails.ts";

const version = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "lower-case letters, digits, dots, dashes, underscores");
const count = z.number().nonnegative();

/** What one arm of a canary has seen since it began. Revenue is winsorised before it is summed. */
export const armCounts = z.strictObject({
  sends: count,
  complaints: count,
  unsubscribes: count,
  clicks: count,
  conversions: count,
  revenue: z.number(),
  revenue_squared: count,
});
export type ArmCounts = z.infer<typeof armCounts>;

/** Everything that can be decided about a model version. The log holds these; the state is a fold over them. */
export const releaseEvent = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("submitted"),
    version,
    /** Digest of the model's record, which holds its lineage. */
    model: z.string().min(1),
    snapshot: z.string().min(1),
    evaluation: z
      .strictObject({
        verdict: z.enum(["pass", "fail", "insufficient-evidence"]),
        champion: z.string().nullable(),
        failed: z.array(z.string()),
      })
      .nullable(),
    note: z.string().nullable(),
  }),
  z.strictObject({
    kind: z.literal("approved"),
    version,
    /** Why it may go on although its evaluation did not pass. */
    despite: z.string().nullable(),
    note: z.string().nullable(),
  }),
  z.strictObject({ kind: z.literal("shadow_started"), version }),
  z.strictObject({
    kind: z.literal("canary_started"),
    version,
    baseline: version,
    share: z.number().gt(0).lt(1),
  }),
  z.strictObject({
    kind: z.literal("canary_checked"),
    version,
    verdict: z.enum(["pass", "fail", "insufficient-evidence"]),
    counts: z.strictObject({ candidate: armCounts, champion: armCounts }),
    results: z.array(guardrailResult),
  }),
  z.strictObject({ kind: z.literal("promoted"), version, replaces: version.nullable() }),
  z.strictObject({
    kind: z.literal("rolled_back"),
    version,
    /** Who decides for customers from now on; null: the rules. */
    active: version.nullable(),
    reason: z.string().min(1),
  }),
  z.strictObject({
    kind: z.literal("alerted"),
    version,
    sink: z.string(),
    delivered: z.boolean(),
    message: z.string(),
  }),
]);
export type ReleaseEvent = z.infer<typeof releaseEvent>;
