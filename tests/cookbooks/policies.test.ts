import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { decide } from "../../policy/decide.ts";
import type { Customer } from "../../policy/decision.ts";
import { parsePolicy } from "../../policy/load-policy.ts";
import { dueTrigger, type TriggerEvent } from "../../policy/triggers.ts";
import { customer, inForce, modelOf, now, personOf, request, scores } from "../policy/cases.ts";

const folder = resolve(import.meta.dirname, "../../docs/cookbooks/policies");
const policies = new Map(
  readdirSync(folder).map((file) => {
    const { policy } = parsePolicy(readFileSync(join(folder, file), "utf8"), file);
    return [policy.name, policy];
  }),
);
const decideBy = (name: string, over: Partial<Customer> = {}, context: Record<string, string | null> = {}) =>
  decide(
    request({ person_id: over.person_id ?? personOf(1), context }),
    customer(over),
    inForce(policies.get(name)!),
    modelOf(scores),
    now,
  );
const features = (values: Record<string, number | string | null>) => ({
  features: { values, version: "1", as_of: now },
});

test("when the page lists policies, then they are those in the folder, in order", () => {
  const page = readFileSync(join(folder, "../policies.md"), "utf8");
  expect([...page.matchAll(/\(policies\/(.+?\.yaml)\)/g)].map(([, file]) => file)).toEqual(readdirSync(folder).sort());
  expect([...policies.keys()].sort()).toEqual([
    "cdp-led",
    "event-triggered",
    "fully-governed",
    "model-scored",
    "rules-only",
  ]);
});

test("when rules alone decide, then readers get the story and others the plain mail, and quiet hours hold", () => {
  expect(decideBy("rules-only")).toMatchObject({ rung: "rule", variant: "story" });
  expect(decideBy("rules-only", features({ opens_30d: 0 }))).toMatchObject({ variant: "plain" });
  expect(decideBy("rules-only", { time_zone: "Asia/Tokyo" }).send_at).toBeGreaterThanOrEqual(now);
  expect(decideBy("rules-only", { time_zone: "America/Los_Angeles" }).send_at).toBe(Date.UTC(2026, 10, 24, 16));
});

test("when a segment leads, then who is not in it is sent nothing, and the dearest category with content is it", () => {
  expect(decideBy("cdp-led", { categories: ["toys", "books", "garden"] })).toMatchObject({
    rung: "category",
    variant: "books",
  });
  expect(decideBy("cdp-led", features({}))).toMatchObject({ variant: "plain" });
  expect(decideBy("cdp-led", { segments: [] }).reason).toBe("not-in-audience");
});

test("when an event triggers, then its category is the content, and the person's mails of the kind are capped", () => {
  expect(decideBy("event-triggered", {}, { trigger_category: "garden" })).toMatchObject({ variant: "garden-reminder" });
  expect(decideBy("event-triggered", {}, { trigger_category: null })).toMatchObject({ variant: "reminder" });
  expect(
    decideBy("event-triggered", { sends: [{ at: now - 3_600_000, kind: "trigger", campaign_id: "x" }] }).reason,
  ).toBe("cap-per-person");
});

test("when a model scores, then its best is sent, some try another, and rules decide where it cannot", () => {
  const people = Array.from({ length: 400 }, (_, n) => decideBy("model-scored", { person_id: personOf(n) }));
  const sent = people.filter(({ action }) => action === "send");
  expect(new Set(people.map(({ reason }) => reason))).toEqual(new Set(["scored", "held-out"]));
  expect(sent.filter(({ variant }) => variant === "offer").length).toBeGreaterThan(0.8 * sent.length);
  expect(sent.filter(({ is_exploration }) => is_exploration).length).toBeGreaterThan(0);
  expect(decideBy("model-scored", features({ opens_30d: 3 }))).toMatchObject({ rung: "rule", variant: "story" });
});

test("when everything is governed, then Europe gets nothing sensitive, Washington nothing personal", () => {
  const found = (region: string) =>
    Array.from({ length: 200 }, (_, n) => decideBy("fully-governed", { person_id: personOf(n), region })).filter(
      ({ action }) => action === "send",
    );
  expect(new Set(found("de").map(({ variant }) => variant)).has("offer")).toBe(false);
  expect(new Set(found("us-wa").map(({ rung, variant }) => `${rung} ${variant}`))).toEqual(new Set(["category plain"]));
  expect(found("us-ny").some(({ variant }) => variant === "offer")).toBe(true);
});

const minute = 60_000;
const trigger = policies.get("event-triggered")!.trigger;
const event = (event_type: string, minutesAgo: number, event_id = event_type): TriggerEvent => ({
  event_id,
  event_type,
  category: null,
  at: now - minutesAgo * minute,
  received_at: now - minutesAgo * minute,
});
const due = (events: readonly TriggerEvent[], answered: number | null = null) => {
  if (trigger.on !== "event") throw new Error("it is triggered by events");
  return dueTrigger(trigger, events, answered === null ? null : now - answered * minute, now)?.event_id;
};

test("when a cart is left, then it is answered after its delay, once, unless it was bought or is too old", () => {
  expect(due([event("add_to_cart", 59)])).toBeUndefined();
  expect(due([event("add_to_cart", 60)])).toBe("add_to_cart");
  expect(due([event("add_to_cart", 70), event("purchase", 5)])).toBeUndefined();
  expect(due([event("purchase", 90), event("add_to_cart", 70)])).toBe("add_to_cart");
  expect(due([event("add_to_cart", 241)])).toBeUndefined();
  expect(due([event("add_to_cart", 90, "a"), event("checkout_started", 65, "b")])).toBe("b");
  expect(due([event("add_to_cart", 70)], 30)).toBeUndefined();
  expect(due([event("page_view", 70)])).toBeUndefined();
});
