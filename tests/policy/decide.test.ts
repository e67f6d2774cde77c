import { expect, test } from "vitest";
import { decide } from "../../policy/decide.ts";
import { steps } from "../../policy/decision.ts";
import { customer, inForce, modelOf, now, policyOf, request, scores } from "./cases.ts";

const decideWith = (
  over: Parameters<typeof customer>[0] = {},
  policy: Record<string, unknown> = {},
  model = modelOf(scores),
  force: Parameters<typeof inForce>[1] = {},
) => decide(request(), customer(over), inForce(policyOf(policy), force), model, now);
const hours = 3_600_000;

test("when everything is in order, then the model's best variant is sent, and each step says what it saw, in order", () => {
  const decision = decideWith();
  expect(decision).toMatchObject({
    action: "send",
    variant: "offer",
    rung: "model",
    reason: "scored",
    propensity: 1,
    send_at: now,
  });
  expect(decision.steps.map(({ step }) => step)).toEqual([...steps]);
  expect(decision.candidates.map(({ variant, value }) => [variant, value])).toEqual([
    ["plain", 0.1],
    ["offer", 0.3],
    ["story", 0.2],
    ["suppress", 0],
  ]);
});

test("when two steps would stop, then the earlier one is the reason", () => {
  const refused = { is_granted: false, as_of: now };
  const force = { pauses: [{ scope: "kind:bulk", reason: "blocklisted" }] };
  expect(decideWith({ consent: refused, suppressions: ["complaint"] }, {}, modelOf(scores), force).reason).toBe(
    "paused",
  );
  expect(decideWith({ consent: refused, suppressions: ["complaint"] }).reason).toBe("refused");
  expect(decideWith({ suppressions: ["complaint"], eligibility: null }).reason).toBe("suppressed");
});

test.each([
  ["no consent is known", { consent: null }, "consent-unknown"],
  ["the consent was read three days ago", { consent: { is_granted: true, as_of: now - 72 * hours } }, "consent-stale"],
  ["the consent is from tomorrow", { consent: { is_granted: true, as_of: now + 24 * hours } }, "clock-skew"],
  ["the suppression list cannot be read", { suppressions: null }, "suppressions-unknown"],
  ["the person is suppressed", { suppressions: ["hard_bounce"] }, "suppressed"],
  ["nobody knows the person", { identity: "unknown" as const }, "unknown-person"],
  ["no eligibility is known", { eligibility: null }, "eligibility-unknown"],
  [
    "the person is not eligible",
    { eligibility: { is_eligible: false, reasons: ["minor"], as_of: now } },
    "not-eligible",
  ],
  ["the counts cannot be read", { sends: null }, "counts-unknown"],
])("when %s, then nothing is sent", (_, over, reason) => {
  expect(decideWith(over)).toMatchObject({
    action: "suppress",
    variant: null,
    rung: "suppress",
    reason,
    propensity: 1,
  });
});

test("when the audience is a segment, then only who is known to be in it is sent anything", () => {
  const audience = { audience: { segment: "recent_engagers" } };
  expect(decideWith({}, audience).action).toBe("send");
  expect(decideWith({ segments: [] }, audience).reason).toBe("not-in-audience");
  expect(decideWith({ segments: null }, audience).reason).toBe("audience-unknown");
});

test("when a pause covers the policy, its campaign, kind or channel, then nothing is sent; another's pause is nothing to it", () => {
  for (const scope of ["all", "campaign:newsletter", "kind:bulk", "channel:email"])
    expect(decideWith({}, {}, modelOf(scores), { pauses: [{ scope, reason: "r" }] }).reason).toBe("paused");
  expect(decideWith({}, {}, modelOf(scores), { pauses: [{ scope: "campaign:other", reason: "r" }] }).action).toBe(
    "send",
  );
});

test("when a jurisdiction forbids sensitive personalisation, then those variants are no candidates; an unknown region is under all of them", () => {
  const policy = {
    variants: [{ name: "plain" }, { name: "offer", is_sensitive: true }, { name: "story" }],
    jurisdictions: [
      { name: "eu", regions: ["de", "fr"], personalisation: "not_sensitive" },
      { name: "strict", regions: ["us-wa"], personalisation: "none" },
      { name: "closed", regions: ["kp"], forbids: ["bulk"] },
    ],
  };
  expect(decideWith({ region: "fr-idf" }, policy).variant).toBe("story");
  expect(decideWith({ region: "fr" }, { ...policy, jurisdictions: [] }).variant).toBe("offer");
  expect(decideWith({ region: "us-wa" }, policy)).toMatchObject({ rung: "category", variant: "plain" });
  expect(decideWith({ region: "kp" }, policy).reason).toBe("forbidden-there");
  expect(decideWith({ region: null }, policy).reason).toBe("forbidden-there");
  expect(decideWith({ region: "es" }, policy).variant).toBe("offer");
});

test("when it is quiet where the person is, then the mail waits for the morning, or is not sent where it may not wait", () => {
  const quiet = { quiet_hours: { from: "21:00", to: "08:00" }, send_time: { max_delay_hours: 24 } };
  const later = decideWith({ time_zone: "America/Los_Angeles" }, quiet); // two at night there
  expect(later).toMatchObject({ action: "send", send_at: Date.UTC(2026, 10, 24, 16) });
  expect(decideWith({ time_zone: "Europe/Paris" }, quiet).send_at).toBe(now);
  expect(decideWith({ time_zone: "America/Los_Angeles" }, { ...quiet, send_time: {} }).reason).toBe("quiet-hours");
  const zones = { ...quiet, time_zones: { "us-ca": "America/Los_Angeles" } };
  expect(decideWith({ region: "us-ca" }, zones).send_at).toBe(Date.UTC(2026, 10, 24, 16));
});

test("when the person's best hour is known, then the mail goes out in it; one that comes too late is let go", () => {
  const best = { send_time: { mode: "best_hour", max_delay_hours: 12 } };
  const at = (hour: number) =>
    decideWith(
      {
        features: { values: { opens_30d: 2, favourite: "garden", best_hour: hour }, version: "1", as_of: now },
        time_zone: "Europe/Paris",
      },
      best,
    );
  expect(at(18).send_at).toBe(Date.UTC(2026, 10, 24, 18));
  expect(at(9).send_at).toBe(now);
  expect(at(9).steps.at(-1)?.code).toBe("hour-out-of-reach");
});

test("when a cap is reached by what was sent, then nothing is sent; one instant later it may be", () => {
  const caps = { caps: { per_person: [{ sends: 1, days: 7 }], gap_hours: 4 } };
  const week = 7 * 24 * hours;
  const sentAt = (at: number, kind = "trigger") => [{ at, kind, campaign_id: "x" }];
  expect(decideWith({ sends: sentAt(now - week + 1) }, caps).reason).toBe("cap-per-person");
  expect(decideWith({ sends: sentAt(now - week) }, caps).action).toBe("send");
  const ofKind = { caps: { per_person: [{ sends: 1, days: 7, kind: "bulk" }] } };
  expect(decideWith({ sends: sentAt(now - 1) }, ofKind).action).toBe("send");
  expect(decideWith({ sends: sentAt(now - 3 * hours) }, { caps: { gap_hours: 4 } }).reason).toBe("gap");
  expect(
    decideWith({}, { caps: { global: [{ sends: 10, per: "day" }] } }, modelOf(scores), {
      sent: { "day:2026-11-24": 10 },
    }).reason,
  ).toBe("cap-global");
});

test.each([
  ["there is no model", {}, { kind: "none" as const, reason: "refused" }, "no-model"],
  ["features are missing", { features: null }, modelOf(scores), "features-missing"],
  [
    "an input is missing",
    { features: { values: { favourite: "garden" }, version: "1", as_of: now } },
    modelOf(scores),
    "inputs-missing",
  ],
  [
    "features are of another version",
    { features: { values: { opens_30d: 2, favourite: "garden" }, version: "0", as_of: now } },
    modelOf(scores),
    "features-version",
  ],
  [
    "scoring takes too long",
    {},
    modelOf(scores, { score: () => ({ kind: "failed", reason: "timeout" }) }),
    "scoring-failed",
  ],
  ["the model answers nonsense", {}, modelOf({ plain: Number.NaN }), "no-variant-scored"],
])("when %s, then the ladder goes on below the model", (_, over, model, code) => {
  const decision = decideWith(over, {}, model);
  expect(["rule", "category"]).toContain(decision.rung);
  expect(decision.steps.find(({ step }) => step === "model")?.code).toBe(code);
});

test("when content goes by what somebody cares for, then it is that of the first category that has some", () => {
  const policy = {
    ladder: ["category", "suppress"],
    category: { input: "category_affinities", content: { garden: "offer", books: "story" }, otherwise: "plain" },
  };
  const categories = ["toys", "books", "garden"];
  expect(decideWith({ categories }, policy)).toMatchObject({ rung: "category", variant: "story" });
  expect(decideWith({ categories: ["toys"] }, policy)).toMatchObject({ variant: "plain" });
  expect(decideWith({}, policy)).toMatchObject({ variant: "plain" });
  expect(
    decideWith({ categories, features: { values: {}, version: "1", as_of: now - 72 * hours } }, policy),
  ).toMatchObject({
    variant: "plain",
  });
});

test("when features are stale, then no rule may read them either, and content by category is what is safe", () => {
  const stale = { features: { values: { opens_30d: 9, favourite: "garden" }, version: "1", as_of: now - 25 * hours } };
  expect(decideWith(stale)).toMatchObject({ rung: "category", variant: "plain", features: { status: "stale" } });
});

test("when two identities may be mixed up, then nothing personal is sent", () => {
  expect(decideWith({ identity: "conflict" })).toMatchObject({ rung: "category" });
});

test("when nothing is worth sending, then the model decides that nothing is sent, and nothing is tried out", () => {
  const decision = decideWith({}, { exploration: { share: 0.5 } }, modelOf({ plain: -1, offer: -0.2, story: 0 }));
  expect(decision).toMatchObject({
    action: "suppress",
    rung: "model",
    reason: "not-worth-it",
    propensity: 1,
    is_exploration: false,
  });
});

test("when a variant's offer has a condition, then it is a candidate only for who meets it", () => {
  const variants = [
    { name: "plain" },
    { name: "offer", offer: "ten-percent", when: { input: "opens_30d", at_least: 5 } },
    { name: "story" },
  ];
  expect(decideWith({}, { variants }).variant).toBe("story");
});
