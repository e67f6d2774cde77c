import { z } from "zod";

const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "lower-case letters, digits, dots, dashes, underscores");
const share = z.number().min(0).max(1);
const hours = z.number().nonnegative();
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time of day like 21:00");
const timeZone = z.string().refine(isTimeZone, "an IANA time zone like Europe/Berlin");

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/** A claim about one input: a feature, or what the request says. An input that is missing or null meets no claim. */
const claim = z.union([
  z.strictObject({ input: z.string(), is: z.array(z.union([z.string(), z.number(), z.boolean()])).min(1) }),
  z.strictObject({ input: z.string(), at_least: z.number() }),
  z.strictObject({ input: z.string(), below: z.number() }),
]);
export type Condition =
  | z.infer<typeof claim>
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] };
const condition: z.ZodType<Condition> = z.lazy(() =>
  z.union([
    claim,
    z.strictObject({ all: z.array(condition).min(1) }),
    z.strictObject({ any: z.array(condition).min(1) }),
  ]),
);

export const kinds = ["bulk", "trigger", "transactional"] as const;
export const rungs = ["model", "rule", "category", "suppress"] as const;
export type Rung = (typeof rungs)[number];

const trigger = z.discriminatedUnion("on", [
  z.strictObject({ on: z.literal("schedule") }),
  z.strictObject({
    on: z.literal("event"),
    /** Event types of includes/events.js that begin the wait. */
    events: z.array(z.string()).min(1),
    /** Only events about one of these categories; none: all. */
    categories: z.array(z.string()).default([]),
    delay_minutes: z.number().nonnegative().default(0),
    /** Event types of the same person that call it off during the wait. */
    cancelled_by: z.array(z.string()).default([]),
    /** An event is no longer answered so long after its delay was over. */
    expires_minutes: z.number().positive().default(1440),
    /** The same person is triggered once in so many hours. */
    once_in_hours: hours.default(24),
  }),
]);

const variant = z.strictObject({
  name: z.string().min(1).max(64),
  offer: z.string().nullable().default(null),
  /** Personal in a way that some jurisdictions forbid. */
  is_sensitive: z.boolean().default(false),
  when: condition.optional(),
});

const rule = z.strictObject({
  name,
  variant: z.string(),
  when: condition.optional(),
  /** Only rules that somebody has approved are used. */
  approved: z.strictObject({ by: z.string().min(1), at: z.iso.date() }),
});

const jurisdiction = z.strictObject({
  name,
  /** Regions as raw.profiles has them; `de` is for `de-by` too. A person of unknown region is under all of them. */
  regions: z.array(z.string().min(1)).min(1),
  /** all; not_sensitive: no sensitive variant; none: neither model nor rule, content by category or nothing. */
  personalisation: z.enum(["all", "not_sensitive", "none"]).default("not_sensitive"),
  /** Kinds of campaign that are not sent there. */
  forbids: z.array(z.enum(kinds)).default([]),
});

/** How one type of campaign is decided: docs/reference/policies.md says what each line means. */
export const policyShape = z
  .strictObject({
    schema: z.literal("1"),
    name,
    description: z.string().default(""),
    kind: z.enum(kinds),
    channel: z.literal("email").default("email"),
    topic: z.string().nullable().default(null),
    priority: z.int().default(0),
    trigger: trigger.default({ on: "schedule" }),
    /** null: everybody; otherwise a segment of includes/segments.js. */
    audience: z.strictObject({ segment: z.string().nullable() }).default({ segment: null }),
    consent: z
      .strictObject({ purpose: z.enum(["activation"]).default("activation"), is_required: z.boolean().default(true) })
      .prefault({}),
    /** Consents and eligibility that were worked out longer ago than this are not relied on. */
    governance_max_age_hours: hours.default(48),
    variants: z.array(variant).min(1),
    objective: z
      .strictObject({
        /** null: what the model's record says. */
        conversion_value: z.number().nonnegative().nullable().default(null),
        click_value: z.number().nonnegative().default(0),
        complaint_cost: z.number().nonnegative().nullable().default(null),
        unsubscribe_cost: z.number().nonnegative().nullable().default(null),
        send_cost: z.number().nonnegative().nullable().default(null),
        /** The best candidate is worth more than this, or nothing is sent. */
        least_value: z.number().default(0),
      })
      .prefault({}),
    caps: z
      .strictObject({
        per_person: z
          .array(
            z.strictObject({
              sends: z.int().nonnegative(),
              days: z.number().positive(),
              kind: z.enum(["any", ...kinds]).default("any"),
            }),
          )
          .default([]),
        /** Of this policy's sends to all people together, by calendar hour, day or month in UTC. */
        global: z
          .array(z.strictObject({ sends: z.int().nonnegative(), per: z.enum(["hour", "day", "month"]) }))
          .default([]),
        gap_hours: hours.default(0),
      })
      .prefault({}),
    quiet_hours: z.strictObject({ from: clockTime, to: clockTime }).nullable().default(null),
    /** Of people whose own time zone is not known. */
    time_zone: timeZone.default("UTC"),
    /** Time zones by region, for people who state none. */
    time_zones: z.record(z.string(), timeZone).default({}),
    send_time: z
      .strictObject({
        mode: z.enum(["now", "best_hour"]).default("now"),
        /** Input that holds the person's best hour, 0 to 23, UTC. */
        input: z.string().default("best_hour"),
        /** Of people whose best hour is not known, on their own clock. */
        default_hour: z.int().min(0).max(23).default(10),
        max_delay_hours: hours.default(0),
      })
      .prefault({}),
    jurisdictions: z.array(jurisdiction).default([]),
    hold_out: z.strictObject({ global: share.default(0), campaign: share.default(0) }).prefault({}),
    exploration: z.strictObject({ share: share.default(0) }).prefault({}),
    model: z
      .strictObject({
        /** Least share of the model's inputs that are known and fresh. */
        least_confidence: share.default(1),
        max_age_hours: hours.default(24),
      })
      .prefault({}),
    rules: z.array(rule).default([]),
    category: z
      .strictObject({
        /** Input that names the category. */
        input: z.string(),
        content: z.record(z.string(), z.string()),
        otherwise: z.string().nullable().default(null),
      })
      .nullable()
      .default(null),
    /** What is tried, in this order; `suppress` is always last. */
    ladder: z.array(z.enum(rungs)).min(1).default(["model", "rule", "category", "suppress"]),
    latency: z
      .strictObject({
        features_ms: z.number().positive().default(20),
        scoring_ms: z.number().positive().default(50),
        decision_ms: z.number().positive().default(100),
        event_to_send_minutes: z.number().positive().default(15),
      })
      .prefault({}),
  })
  .superRefine((policy, context) => {
    const issue = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
    const known = new Set(policy.variants.map((v) => v.name));
    if (known.size !== policy.variants.length) issue(["variants"], "a variant is named twice");
    if (known.has("suppress")) issue(["variants"], '"suppress" stands for sending nothing');
    for (const [i, one] of policy.rules.entries())
      if (!known.has(one.variant)) issue(["rules", i, "variant"], `no variant "${one.variant}"`);
    const contents = policy.category ? Object.entries(policy.category.content) : [];
    for (const [category, content] of contents)
      if (!known.has(content)) issue(["category", "content", category], `no variant "${content}"`);
    const otherwise = policy.category?.otherwise;
    if (otherwise && !known.has(otherwise)) issue(["category", "otherwise"], `no variant "${otherwise}"`);
    if (!policy.consent.is_required && policy.kind !== "transactional")
      issue(["consent", "is_required"], "only a transactional mail may go out without consent");
    const order = policy.ladder.map((rung) => rungs.indexOf(rung));
    if (order.some((at, i) => i > 0 && at <= order[i - 1]!)) issue(["ladder"], `in this order: ${rungs.join(", ")}`);
    if (policy.ladder.at(-1) !== "suppress") issue(["ladder"], "the last rung is suppress");
    if (policy.ladder.includes("rule") && policy.rules.length === 0 && !policy.ladder.includes("model"))
      issue(["rules"], "the ladder begins with rules, and there is none");
    if (policy.ladder.includes("category") && !policy.category && policy.ladder[0] === "category")
      issue(["category"], "the ladder begins with content by category, and there is none");
    if (policy.hold_out.global + policy.hold_out.campaign >= 1) issue(["hold_out"], "nobody would be left to send to");
    if (policy.quiet_hours && policy.quiet_hours.from === policy.quiet_hours.to)
      issue(["quiet_hours"], "they begin and end at the same time");
  });

export type Policy = z.infer<typeof policyShape>;
