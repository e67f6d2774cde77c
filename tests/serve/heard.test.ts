import { expect, test } from "vitest";
import {
  type Heard,
  heardInConsent,
  heardInErasure,
  heardInEvent,
  heardInSuppression,
  withHeard,
  withOneMore,
} from "../../serve/heard.ts";
import { now } from "../policy/cases.ts";
import { person } from "./support/bench.ts";

const hour = 3_600_000;
const statement = (is_granted: boolean, at: number, more: object = {}): readonly Heard[] =>
  heardInConsent({
    purpose: "activation",
    channel: null,
    is_granted,
    legal_basis: null,
    jurisdiction: null,
    opt_in: null,
    effective_at: at,
    expires_at: null,
    received_at: now,
    ...more,
  });
const event = (event_type: string, more: object = {}): readonly Heard[] =>
  heardInEvent({
    event_type,
    provenance: "shop",
    flag: null,
    bounce_class: null,
    method: null,
    list_id: null,
    feedback_type: null,
    at: now - hour,
    received_at: now,
    ...more,
  });
/** Somebody with leave, after all of it was heard of the one id or of another one of theirs. */
const after = (heard: readonly Heard[], of: "own" | "other" = "own", who = person("a", { other_ids: ["b"] })) => {
  const kept = heard.reduce(withOneMore, [] as readonly Heard[]);
  return withHeard(who, (id) => (id === (of === "own" ? "a" : "b") ? kept : []), now);
};
const reasons = (heard: readonly Heard[], of?: "own" | "other") => [
  ...new Set(after(heard, of).suppressions.map(({ reason }) => reason)),
];

test("when a person says yes and no, then what holds last counts, in whatever order it was heard; of one instant the no", () => {
  const yes = statement(true, now - 1);
  const no = statement(false, now - 2);
  for (const heard of [
    [...yes, ...no],
    [...no, ...yes],
  ])
    expect(after(heard)).toMatchObject({ has_consent: true, suppressions: [] });
  const later = statement(false, now - 1);
  for (const heard of [
    [...yes, ...later],
    [...later, ...yes],
  ])
    expect(after(heard)).toMatchObject({ has_consent: false });
  expect(reasons([...yes, ...later])).toEqual(["refusal"]);
});

test("when a yes holds only from tomorrow, waits for its confirmation or has run out, then the no before it counts", () => {
  const no = statement(false, now - 2 * hour);
  for (const yes of [
    statement(true, now + hour),
    statement(true, now - hour, { jurisdiction: "de" }),
    statement(true, now - hour, { opt_in: "pending" }),
    statement(true, now - hour, { expires_at: now - 1 }),
    statement(true, now - hour, { channel: "sms" }),
    statement(true, now - hour, { purpose: "training" }),
  ])
    expect(after([...no, ...yes]).has_consent).toBe(false);
  expect(after([...no, ...statement(true, now - hour, { jurisdiction: "de", opt_in: "confirmed" })]).has_consent).toBe(
    true,
  );
});

test("when word of a no comes late, then it counts; a yes of before the build does not undo what the build knew", () => {
  const refused = person("a", { has_consent: false });
  expect(after(statement(false, now - 900 * hour)).has_consent).toBe(false);
  expect(withHeard(refused, () => statement(true, now - 900 * hour), now).has_consent).toBe(false);
  expect(withHeard(refused, () => statement(true, now - 1), now).has_consent).toBe(true);
});

test("when something is about the person, then any of their ids tells it; what is about an address, that one alone", () => {
  for (const [reason, heard] of [
    ["unsubscribe", event("unsubscribe")],
    ["one_click", event("unsubscribe", { method: "One-Click" })],
    ["complaint", event("complaint")],
    ["erasure", heardInErasure(now)],
  ] as const) {
    expect(reasons(heard)).toEqual([reason]);
    expect(reasons(heard, "other")).toEqual([reason]);
  }
  for (const heard of [event("bounce", { bounce_class: "hard" }), event("spam_trap_hit")]) {
    expect(reasons(heard)).toHaveLength(1);
    expect(reasons(heard, "other")).toEqual([]);
  }
});

test("when a signal forbids nothing, then nothing is heard in it", () => {
  for (const heard of [
    event("open"),
    event("bounce", { bounce_class: "soft" }),
    event("complaint", { feedback_type: "not-spam" }),
    event("page_view", { flag: false }),
    statement(false, now, { channel: "sms" }),
  ])
    expect(heard).toEqual([]);
});

test("when a suppression is stated, then it stops its kinds until it ends, and what is not understood stops all", () => {
  const stated = (more: object) =>
    heardInSuppression({
      channel: null,
      reason: "manual",
      scope: "all",
      scope_key: null,
      is_lifted: null,
      until_at: null,
      received_at: now,
      ...more,
    });
  const kinds = (heard: readonly Heard[]) => after(heard).suppressions.map(({ campaign_kind }) => campaign_kind);
  expect(kinds(stated({ reason: "unsubscribe", scope: "campaign_kind", scope_key: "trigger" }))).toEqual(["trigger"]);
  expect(kinds(stated({ reason: "what is this" }))).toEqual(["bulk", "trigger", "transactional"]);
  expect(kinds(event("unsubscribe"))).toEqual(["bulk", "trigger"]);
  expect(kinds(stated({ until_at: now + 1 }))).toHaveLength(3);
  expect(kinds(stated({ until_at: now }))).toEqual([]);
  expect(kinds(stated({ is_lifted: true }))).toEqual([]);
  expect(kinds(stated({ channel: "sms" }))).toEqual([]);
});

test("when the same is heard a thousand times, then it is kept once", () => {
  const many = Array.from({ length: 1000 }, (_, n) => [
    ...event("unsubscribe", { received_at: n }),
    ...statement(n % 2 === 0, n),
  ]).flat();
  expect(many.reduce(withOneMore, [] as readonly Heard[])).toHaveLength(3);
});
