import { z } from "zod";
import { guardrailResult, verdict } from "../policy/guardrails.ts";
import { canaryPolicy } from "./canary/canary-policy.ts";
import { cohortArm } from "./canary/evidence.ts";
import { riskClass, thingKinds } from "./control/rights.ts";
import { shadowVerdict } from "./shadow.ts";

const version = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "lower-case letters, digits, dots, dashes, underscores");
const reason = z.string().trim().min(1);
const digest = z.string().min(1);
const share = z.number().gt(0).lt(1);
const arms = z.strictObject({ candidate: cohortArm, champion: cohortArm });
/** Where a number came from: worked out at that moment, or a file that its signer vouches for with a reason. */
const source = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("computed") }),
  z.strictObject({ kind: z.literal("file"), digest, waiver: reason }),
]);
export type Source = z.infer<typeof source>;

export const canaryVerdict = z.enum(["pass", "fail", "insufficient-evidence", "sample-ratio-mismatch"]);

/** What a plan said when the canary began. */
const planSummary = z.strictObject({
  sends_per_day: z.number().positive(),
  days: z.number().positive(),
  canaries: z.int().positive(),
  sees: z.array(z.strictObject({ what: z.string(), chance: z.number(), promised: z.number() })),
  is_blind: z.boolean(),
});
export type PlanSummary = z.infer<typeof planSummary>;

export const reviewKinds = ["day", "week", "month"] as const;

const thing = { thing: z.enum(thingKinds), name: z.string().min(1), digest };

/** What is decided about a model version. */
const versionEvents = [
  z.strictObject({
    kind: z.literal("submitted"),
    version,
    /** Digest of what was learned. */
    model: digest,
    /** Digest of the folder: the record and the bytes of every forest. What people approve. */
    artefact: digest,
    snapshot: z.string().min(1),
    evaluation: z
      .strictObject({
        verdict,
        champion: z.string().nullable(),
        failed: z.array(z.string()),
        /** Guardrails that could not be measured and were waived, each with the reason. */
        waived: z.record(z.string(), reason).optional(),
        source,
      })
      .nullable(),
    note: z.string().nullable(),
  }),
  z.strictObject({
    kind: z.literal("approved"),
    version,
    /** The digest that was approved, compared with the folder's at that moment. */
    artefact: digest,
    /** Why it may go on although its evaluation did not pass. */
    despite: z.string().nullable(),
    note: z.string().nullable(),
  }),
  z.strictObject({ kind: z.literal("shadow_started"), version }),
  z.strictObject({
    kind: z.literal("canary_started"),
    version,
    artefact: digest,
    baseline: version,
    policy: canaryPolicy,
    plan: planSummary.nullable(),
    /** Why it goes on although the plan says that it cannot see what its policy promises, or without a plan. */
    accept_blind: reason.nullable(),
    /** What its shadow had shown by then; older entries have none. */
    shadow: z
      .strictObject({
        verdict: shadowVerdict,
        hours: z.number(),
        decisions: z.number(),
        people: z.number(),
        changed_share: z.number().nullable(),
      })
      .nullable()
      .optional(),
    /** Why it goes on although its shadow has not shown what its policy asks for. */
    without_shadow: reason.nullable().optional(),
  }),
  z.strictObject({ kind: z.literal("ramp_advanced"), version, share }),
  z.strictObject({
    kind: z.literal("canary_checked"),
    version,
    verdict: canaryVerdict,
    counts: arms,
    mature: arms,
    results: z.array(guardrailResult),
    plain: z
      .strictObject({ verdict: z.enum(["pass", "fail"]), ratio: z.number().nullable(), is_binding: z.boolean() })
      .nullable(),
    split: z.strictObject({ planned: z.number(), found: z.number(), is_mismatch: z.boolean() }).nullable(),
    source,
  }),
  z.strictObject({ kind: z.literal("promoted"), version, artefact: digest, replaces: version.nullable() }),
  z.strictObject({
    kind: z.literal("rolled_back"),
    version,
    /** Who decides for customers from now on; null: the rules. */
    active: version.nullable(),
    reason,
  }),
  z.strictObject({ kind: z.literal("reviewed"), version, review: z.enum(reviewKinds), note: reason }),
  z.strictObject({
    kind: z.literal("alerted"),
    version,
    sink: z.string(),
    delivered: z.boolean(),
    message: z.string(),
  }),
] as const;

/** What is decided about everything else that runs. */
const changeEvents = [
  z.strictObject({ kind: z.literal("change_proposed"), ...thing, risk: riskClass, note: z.string().nullable() }),
  z.strictObject({ kind: z.literal("change_approved"), ...thing, note: z.string().nullable() }),
  z.strictObject({ kind: z.literal("change_rejected"), ...thing, reason }),
  z.strictObject({ kind: z.literal("paused"), what: z.string().min(1), reason }),
  z.strictObject({ kind: z.literal("resumed"), what: z.string().min(1), reason }),
] as const;

/** Everything that can be decided. The log holds these; the state is a fold over them. */
export const releaseEvent = z.discriminatedUnion("kind", [...versionEvents, ...changeEvents]);
export type ReleaseEvent = z.infer<typeof releaseEvent>;

/** What the machinery does by itself, on evidence; everything else is a person's, and signed. */
const byMachine: ReadonlySet<ReleaseEvent["kind"]> = new Set([
  "canary_checked",
  "ramp_advanced",
  "rolled_back",
  "alerted",
]);
export const takesAPerson = (kind: ReleaseEvent["kind"]): boolean => !byMachine.has(kind);
