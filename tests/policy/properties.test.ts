import fc from "fast-check";
import { expect, test } from "vitest";
import { countSend } from "../../policy/count-send.ts";
import { decide } from "../../policy/decide.ts";
import type { AssignedModel, Candidate, Customer, PastSend } from "../../policy/decision.ts";
import { rungs } from "../../policy/schema.ts";
import { customer, inForce, modelOf, now, personOf, policyOf, request, scores } from "./cases.ts";

const hour = 3_600_000;
const instant = fc.integer({ min: -60, max: 60 }).map((n) => now + n * hour);
const anyCustomer: fc.Arbitrary<Customer> = fc.record({
  person_id: fc.integer({ min: 0, max: 500 }).map(personOf),
  drawn_as: fc.integer({ min: 0, max: 500 }).map(personOf),
  identity: fc.constantFrom("known", "conflict", "unknown"),
  consent: fc.option(fc.record({ is_granted: fc.boolean(), as_of: instant })),
  suppressions: fc.option(fc.subarray(["complaint", "hard_bounce", "unsubscribed"])),
  eligibility: fc.option(fc.record({ is_eligible: fc.boolean(), reasons: fc.constant([]), as_of: instant })),
  segments: fc.option(fc.subarray(["recent_engagers", "fatigued"])),
  region: fc.option(fc.constantFrom("de", "de-by", "us-wa", "es")),
  time_zone: fc.option(fc.constantFrom("Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "nonsense")),
  sends: fc.option(
    fc.array(fc.record({ at: instant, kind: fc.constantFrom("bulk", "trigger"), campaign_id: fc.constant("c") }), {
      maxLength: 4,
    }),
  ),
  features: fc.option(
    fc.record({
      values: fc.record(
        { opens_30d: fc.nat(5), favourite: fc.constantFrom("garden", "books", null) },
        { requiredKeys: [] },
      ),
      version: fc.constantFrom("1", "2"),
      as_of: instant,
    }),
  ),
});
const anyModel: fc.Arbitrary<AssignedModel> = fc.oneof(
  fc.constant<AssignedModel>({ kind: "none", reason: "none" }),
  fc.constant(modelOf(scores, { score: () => ({ kind: "failed", reason: "timeout" }) })),
  fc
    .record({ plain: fc.double({ min: -1, max: 1, noNaN: true }), offer: fc.double({ min: -1, max: 1, noNaN: true }) })
    .map((p) => modelOf(p)),
);
const anyPolicy = fc
  .record({
    exploration: fc.record({ share: fc.constantFrom(0, 0.1, 0.5, 1) }),
    hold_out: fc.record({ global: fc.constantFrom(0, 0.2), campaign: fc.constantFrom(0, 0.3) }),
    caps: fc.record({
      per_person: fc.array(fc.record({ sends: fc.nat(3), days: fc.constantFrom(1, 2, 7) }), { maxLength: 2 }),
      gap_hours: fc.constantFrom(0, 5),
    }),
    quiet_hours: fc.option(fc.constant({ from: "21:00", to: "08:00" })),
    send_time: fc.record({ mode: fc.constantFrom("now", "best_hour"), max_delay_hours: fc.constantFrom(0, 12, 48) }),
    jurisdictions: fc.subarray([
      { name: "eu", regions: ["de"], personalisation: "not_sensitive" },
      { name: "strict", regions: ["us-wa"], personalisation: "none" },
    ]),
    audience: fc.record({ segment: fc.option(fc.constant("recent_engagers")) }),
  })
  .map(policyOf);

test("when anybody asks for anybody, then nobody is mailed without consent, suppressed, ineligible or held out, or in quiet hours", () => {
  fc.assert(
    fc.property(anyCustomer, anyModel, anyPolicy, (who, model, policy) => {
      const decision = decide(request({ person_id: who.person_id }), who, inForce(policy), model, now);
      if (decision.action === "suppress") return decision.variant === null && decision.send_at === null;
      expect(who.consent?.is_granted).toBe(true);
      expect(who.suppressions).toEqual([]);
      expect(who.eligibility?.is_eligible).toBe(true);
      expect(who.identity).not.toBe("unknown");
      expect(decision.is_hold_out).toBe(false);
      return decision.send_at! >= now && decision.send_at! <= now + policy.send_time.max_delay_hours * hour;
    }),
    { numRuns: 2000, seed: 13 },
  );
});

test("when a decision is made, then the propensities add up to one, and the choice's is that of its candidate", () => {
  fc.assert(
    fc.property(anyCustomer, anyModel, anyPolicy, (who, model, policy) => {
      const decision = decide(request({ person_id: who.person_id }), who, inForce(policy), model, now);
      const sum = decision.candidates.reduce((total, { propensity }) => total + propensity, 0);
      expect(sum).toBeCloseTo(1, 12);
      const chosen = decision.candidates.find(({ variant }) => variant === (decision.variant ?? "suppress"));
      return chosen?.propensity === decision.propensity && decision.propensity > 0;
    }),
    { numRuns: 2000, seed: 13 },
  );
});

test("when something that helps is missing, then the ladder is only ever left further down", () => {
  const depth = (decision: { readonly rung: (typeof rungs)[number] }) => rungs.indexOf(decision.rung);
  const losses: readonly ((who: Customer) => Customer)[] = [
    (who) => ({ ...who, consent: null }),
    (who) => ({ ...who, suppressions: null }),
    (who) => ({ ...who, eligibility: null }),
    (who) => ({ ...who, segments: null }),
    (who) => ({ ...who, sends: null }),
    (who) => ({ ...who, features: null }),
    (who) => ({ ...who, identity: who.identity === "known" ? "conflict" : who.identity }),
    (who) => ({ ...who, identity: "unknown" }),
    (who) => ({ ...who, features: who.features && { ...who.features, as_of: now - 100 * hour } }),
    (who) => ({
      ...who,
      features: who.features && { ...who.features, values: { ...who.features.values, opens_30d: undefined } },
    }),
    (who) => ({ ...who, features: who.features && { ...who.features, values: {} } }),
  ];
  fc.assert(
    fc.property(
      anyCustomer,
      anyModel,
      anyPolicy,
      fc.constantFrom(...losses),
      fc.boolean(),
      (who, model, policy, lose, losesModel) => {
        const asked = request({ person_id: who.person_id });
        const before = decide(asked, who, inForce(policy), model, now);
        const after = decide(
          asked,
          lose(who),
          inForce(policy),
          losesModel ? { kind: "none", reason: "gone" } : model,
          now,
        );
        return depth(after) >= depth(before);
      },
    ),
    { numRuns: 3000, seed: 13 },
  );
});

test("when requests of several campaigns come in any order, then no window of a cap's length ever holds more than it allows", () => {
  const asks = fc.array(fc.record({ policy: fc.nat(1), after: fc.nat(30 * hour), id: fc.nat(5) }), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(asks, fc.constantFrom(0, 36), (list, delay) => {
      const caps = {
        per_person: [
          { sends: 3, days: 3 },
          { sends: 1, days: 1, kind: "trigger" },
        ],
        gap_hours: 3,
        global: [{ sends: 6, per: "day" }],
      };
      const send_time = { mode: "best_hour", max_delay_hours: delay };
      const quiet_hours = { from: "22:00", to: "06:00" };
      let forces = [policyOf({ caps, send_time, quiet_hours }), policyOf({ name: "cart", kind: "trigger", caps })].map(
        (policy) => inForce(policy),
      );
      let who = customer({
        features: { values: { opens_30d: 2, favourite: "garden", best_hour: 14 }, version: "1", as_of: now },
      });
      let at = now;
      const made = new Map<string, number>();
      for (const ask of list) {
        at += ask.after;
        who = {
          ...who,
          consent: { is_granted: true, as_of: at },
          eligibility: { is_eligible: true, reasons: [], as_of: at },
        };
        const force = forces[ask.policy]!;
        const decision = decide(request({ request_id: `r${made.size}` }), who, force, modelOf(scores), at);
        const counted = countSend(decision, who, force);
        who = counted.customer;
        forces = forces.map((one, i) => (i === ask.policy ? counted.inForce : one));
        if (decision.action === "send") made.set(decision.decision_id, decision.decided_at);
      }
      const sends = who.sends as readonly PastSend[];
      const most = (days: number, kind?: string) =>
        Math.max(
          0,
          ...sends.map(
            ({ at: from }) =>
              sends.filter((s) => (!kind || s.kind === kind) && s.at >= from && s.at < from + days * 24 * hour).length,
          ),
        );
      expect(most(3)).toBeLessThanOrEqual(3);
      expect(most(1, "trigger")).toBeLessThanOrEqual(1);
      const sorted = sends.map((s) => s.at).sort((a, b) => a - b);
      for (const [i, one] of sorted.slice(1).entries()) expect(one - sorted[i]!).toBeGreaterThanOrEqual(3 * hour);
      for (const force of forces)
        for (const [period, n] of Object.entries(force.sent ?? {}))
          if (period.startsWith("day:")) expect(n).toBeLessThanOrEqual(6);
    }),
    { numRuns: 500, seed: 13 },
  );
});

test("when the same request is asked again, then it has the same decision", () => {
  fc.assert(
    fc.property(anyCustomer, anyModel, anyPolicy, fc.uuid(), (who, model, policy, id) => {
      const ask = () => decide(request({ person_id: who.person_id, request_id: id }), who, inForce(policy), model, now);
      expect(ask()).toEqual(ask());
    }),
    { numRuns: 300, seed: 13 },
  );
});

const people = Array.from({ length: 4000 }, (_, i) => personOf(i));
/** Within four standard errors of the share. */
const near = (found: number, share: number, n: number) =>
  expect(Math.abs(found / n - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / n) + 1e-9);
const decider = (fields: Record<string, unknown>, id = "r1") => {
  const force = inForce(policyOf(fields));
  return (person: string) =>
    decide(
      request({ person_id: person, request_id: id }),
      customer({ person_id: person }),
      force,
      modelOf(scores),
      now,
    );
};

test("when people are held out, then it is the same people for every campaign, request and version, and the share that was asked for", () => {
  const all = { hold_out: { global: 0.1, campaign: 0 } };
  const held = (fields: Record<string, unknown>, id?: string) => {
    const decideFor = decider(fields, id);
    return people.filter((person) => decideFor(person).is_hold_out);
  };
  const first = held(all);
  near(first.length, 0.1, people.length);
  expect(held({ ...all, name: "other" }, "r2")).toEqual(first);
  expect(held({ ...all, exploration: { share: 0.2 } }, "r3")).toEqual(first);
  const wider = new Set(held({ hold_out: { global: 0.2, campaign: 0 } }));
  expect(first.filter((person) => !wider.has(person))).toEqual([]);
  const byOtherIds = people.filter(
    (person) =>
      decide(
        request({ person_id: `other ${person}` }),
        customer({ person_id: `other ${person}`, drawn_as: person }),
        inForce(policyOf(all)),
        modelOf(scores),
        now,
      ).is_hold_out,
  );
  expect(byOtherIds).toEqual(first);
  const own = held({ hold_out: { global: 0, campaign: 0.1 } });
  expect(held({ hold_out: { global: 0, campaign: 0.1 }, description: "another version" })).toEqual(own);
  expect(held({ hold_out: { global: 0, campaign: 0.1 }, name: "other" })).not.toEqual(own);
});

test("when variants are tried out, then each is sent as often as its propensity says", () => {
  const counts = new Map<string, number>();
  let candidates: readonly Candidate[] = [];
  const decideFor = decider({ exploration: { share: 0.3 } });
  for (const person of people) {
    const decision = decideFor(person);
    counts.set(decision.variant!, (counts.get(decision.variant!) ?? 0) + 1);
    candidates = decision.candidates;
  }
  expect(candidates.map(({ propensity }) => Number(propensity.toFixed(6)))).toEqual([0.1, 0.8, 0.1, 0]);
  for (const { variant, propensity } of candidates) near(counts.get(variant) ?? 0, propensity, people.length);
});
