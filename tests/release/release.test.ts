import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { canonicalJson } from "../../platform/journal/canonical-json.ts";
import { hashOf } from "../../platform/journal/chain.ts";
import { seededRandom } from "../../platform/seeded-random.ts";
import { type Alert, fileAlerts } from "../../release/alert-sinks.ts";
import { planCanary } from "../../release/canary/plan-canary.ts";
import { sendAlerts } from "../../release/decide.ts";
import {
  approve,
  canary,
  check,
  promote,
  releaseStatus,
  review,
  rollback,
  shadow,
  submit,
} from "../../release/release.ts";
import { reviewsOf } from "../../release/reviews.ts";
import {
  artefactOf,
  type Desk,
  evidence,
  noon,
  openDesk,
  policy,
  submission,
  unshadowed,
  withCanary,
} from "./support/desk.ts";

let folder: string;
let desk: Desk;
let alerts: Alert[];
const recorder = { name: "recorder", send: async (alert: Alert) => void alerts.push(alert) };
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-release-"));
  desk = openDesk(folder);
  alerts = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const status = async () => (await releaseStatus(desk.log)).state;
const days = (n: number) => new Date(noon.getTime() + n * 86_400_000);
/** 3,000 complaints of each arm show that the ratio lies below 1.2. */
const shown = evidence(1_000_000, 3_000, 3_000);

describe("release", () => {
  test("when a canary passes, then it is promoted and its predecessor retires", async () => {
    await withCanary(desk);
    const { check: found } = await check(desk.as(null), "v2", shown);
    expect(found.verdict).toBe("pass");
    const { state } = await promote(desk.as("ben"), "v2", { ...artefactOf("v2"), evidence: shown });
    expect(state.champion).toBe("v2");
    expect(state.versions.get("v1")?.stage).toBe("retired");
    expect(state.canary).toBeNull();
  });

  test("when complaints came since the last look, then promotion is judged on them, not on the look", async () => {
    await withCanary(desk);
    await check(desk.as(null), "v2", shown);
    const now = evidence(1_000_000, 3_700, 3_000);
    await expect(promote(desk.as("ben"), "v2", { ...artefactOf("v2"), evidence: now })).rejects.toMatchObject({
      code: "release.canary-not-passed",
    });
  });

  test("when a promoted champion is rolled back, then everything but its own stage is as it was before", async () => {
    await withCanary(desk);
    await check(desk.as(null), "v2", shown);
    const before = (await status()).versions.get("v1");
    await promote(desk.as("ben"), "v2", { ...artefactOf("v2"), evidence: shown });
    const { state } = await rollback(desk.as("ben"), "v2", "customers wrote in");
    expect(state.champion).toBe("v1");
    expect(state.previous).toEqual([]);
    expect({ ...state.versions.get("v1"), since: "" }).toEqual({ ...before, since: "" });
    expect(state.versions.get("v2")).toMatchObject({ stage: "deactivated", reason: "customers wrote in" });
  });

  test("when a dry run is asked, then the events come back and the log stays", async () => {
    await withCanary(desk);
    const before = await releaseStatus(desk.log);
    const plan = await check(desk.as(null, { dryRun: true, alerts: [recorder] }), "v2", evidence(10_000, 100, 10));
    expect(plan.events.map((e) => e.kind)).toEqual(["canary_checked", "rolled_back"]);
    expect(plan.state.versions.get("v2")?.stage).toBe("deactivated");
    expect(await releaseStatus(desk.log)).toEqual(before);
    expect(alerts).toEqual([]);
  });

  test("when a verb is out of turn, then it is refused and the log stays", async () => {
    await submit(desk.as("ada"), submission("v1"));
    const start = { ...artefactOf("v1"), policy, plan: null, acceptBlind: "a test", ...unshadowed };
    for (const attempt of [
      () => shadow(desk.as("ada"), "v1"),
      () => canary(desk.as("ada"), "v1", start),
      () => promote(desk.as("ben"), "v1", { ...artefactOf("v1"), evidence: null }),
      () => check(desk.as(null), "v1", shown),
      () => submit(desk.as("cy"), submission("v1")),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ exitCode: 4 });
    }
    await expect(shadow(desk.as("ada"), "v9")).rejects.toMatchObject({ code: "release.unknown" });
    expect((await releaseStatus(desk.log)).entries).toHaveLength(1);
  });

  test("when two people promote on the same head, then one has to look again", async () => {
    await withCanary(desk);
    await check(desk.as(null), "v2", shown);
    const { head } = await releaseStatus(desk.log);
    const promotion = { ...artefactOf("v2"), evidence: shown };
    const both = await Promise.allSettled([
      promote(desk.as("ben", { seen: head }), "v2", promotion),
      promote(desk.as("cy", { seen: head }), "v2", promotion),
    ]);
    expect(both.filter((r) => r.status === "fulfilled")).toHaveLength(1);
  });
});

describe("canary", () => {
  test("when complaints come one look after the sends, then the look without new sends rolls back", async () => {
    await withCanary(desk);
    const first = await check(desk.as(null), "v2", evidence(10_000, 0, 0, false));
    expect(first.check.verdict).toBe("insufficient-evidence");
    await expect(
      promote(desk.as("ben"), "v2", { ...artefactOf("v2"), evidence: evidence(10_000, 0, 0) }),
    ).rejects.toMatchObject({ code: "release.canary-not-passed" });
    const second = await check(desk.as(null, { alerts: [recorder] }), "v2", evidence(10_000, 100, 10, false));
    expect(second.check.verdict).toBe("fail");
    expect(second.events.map((e) => e.kind)).toEqual(["canary_checked", "rolled_back", "alerted"]);
    expect(second.state).toMatchObject({ champion: "v1", canary: null });
    expect(alerts[0]?.message).toMatch(/v2 was rolled back \(canary-complaints.*v1 decides now/);
  });

  test("when a step of the ramp has lasted, then the check goes on to the next share, and not before", async () => {
    const ramp = [
      { share: 0.01, hours: 24 },
      { share: 0.5, hours: 24 },
    ];
    await withCanary(desk, { ...policy, ramp });
    expect((await status()).versions.get("v2")?.canary?.share).toBe(0.01);
    const few = {
      ...evidence(1_000, 1, 1),
      cohorts: evidence(1_000, 1, 1).cohorts.map((c) => ({ ...c, share: null })),
    };
    await check(desk.as(null), "v2", few);
    expect((await status()).versions.get("v2")?.canary?.share).toBe(0.01);
    desk.at = days(1);
    const { events } = await check(desk.as(null), "v2", few);
    expect(events.map((e) => e.kind)).toEqual(["canary_checked", "ramp_advanced"]);
    expect((await status()).versions.get("v2")?.canary?.share).toBe(0.5);
  });

  test("when people do not land in the arms as planned, then that is its own verdict: nothing passes and nothing is rolled back", async () => {
    await withCanary(desk);
    const [cohort] = shown.cohorts;
    const skewed = { ...shown, cohorts: [{ ...cohort!, share: 0.45 }] };
    const { check: found, state } = await check(desk.as(null), "v2", skewed);
    expect(found.verdict).toBe("sample-ratio-mismatch");
    expect(found.split).toMatchObject({ planned: 0.45, found: 0.5, is_mismatch: true });
    expect(state.canary).toBe("v2");
  });

  test("when the plain rule is binding, then its fail rolls back; else it is shown only", async () => {
    const first_hours = { candidate: { sends: 1_000, complaints: 4 }, champion: { sends: 1_000, complaints: 3 } };
    await withCanary(desk, { ...policy, plain_rule: { ...policy.plain_rule, binding: true } });
    const few = { ...evidence(1_000, 4, 3), first_hours };
    const { check: found, state } = await check(desk.as(null), "v2", few);
    expect(found.plain).toMatchObject({ verdict: "fail", is_binding: true });
    expect(found.results.every(({ verdict }) => verdict !== "fail")).toBe(true);
    expect(state.versions.get("v2")?.reason).toMatch(/the plain rule: 1.33 times the complaints/);
  });

  test("when a plan says that the canary is blind, or nobody planned, then it takes a reason, which stays", async () => {
    await withCanary(desk);
    await rollback(desk.as("ben"), "v2", "make room");
    await submit(desk.as("ada"), submission("v3"));
    await approve(desk.as("ben"), "v3", artefactOf("v3"));
    const traffic = { sendsPerDay: 2_000, rates: { complaints: 0.001 }, delayHours: 12 };
    const plan = planCanary(policy, traffic, { canaries: 60, random: seededRandom });
    const start = { ...artefactOf("v3"), policy, plan, ...unshadowed };
    await expect(canary(desk.as("ada"), "v3", start)).rejects.toMatchObject({ code: "release.blind", exitCode: 4 });
    await expect(canary(desk.as("ada"), "v3", { ...start, plan: null })).rejects.toMatchObject({
      code: "release.blind",
    });
    const { state } = await canary(desk.as("ada"), "v3", { ...start, acceptBlind: "the ISP asked for it" });
    expect(state.versions.get("v3")?.canary).toMatchObject({
      acceptBlind: "the ISP asked for it",
      plan: { is_blind: true, sends_per_day: 2_000 },
    });
  });

  test("when counts fall between checks, then the check is refused", async () => {
    await withCanary(desk);
    await check(desk.as(null), "v2", evidence(3_000, 5, 5));
    await expect(check(desk.as(null), "v2", evidence(2_000, 5, 5))).rejects.toMatchObject({
      code: "release.counts-fell",
    });
  });
});

describe("alerts", () => {
  test("when a sink is down at the rollback, then the rollback stands and the next look tells it, once", async () => {
    await withCanary(desk);
    let isDown = true;
    const pager = {
      name: "pager",
      send: async (alert: Alert) => {
        if (isDown) throw new Error("no network");
        alerts.push(alert);
      },
    };
    const env = desk.as(null, { alerts: [pager, fileAlerts(join(folder, "alerts.ndjson"))] });
    const { state } = await check(env, "v2", evidence(10_000, 100, 10));
    expect(state.versions.get("v2")?.stage).toBe("deactivated");
    expect(alerts).toHaveLength(0);
    isDown = false;
    await sendAlerts(env);
    await sendAlerts(env);
    expect(alerts).toHaveLength(1);
    expect((await readFile(join(folder, "alerts.ndjson"), "utf8")).trim().split("\n")).toHaveLength(1);
  });

  test("when the process dies between rollback and alert, then whoever looks next sends it", async () => {
    await withCanary(desk);
    await check(desk.as(null), "v2", evidence(10_000, 100, 10));
    await sendAlerts(desk.as(null, { alerts: [recorder] }));
    expect(alerts).toHaveLength(1);
  });
});

describe("whose decision it is", () => {
  test("when the submitter approves, under whatever spelling, then it is refused", async () => {
    await submit(desk.as("cy"), submission("v1"));
    await expect(approve(desk.as("cy"), "v1", artefactOf("v1"))).rejects.toMatchObject({ code: "release.same-person" });
  });

  test("when somebody has not the role, then the decision is refused", async () => {
    await expect(submit(desk.as("dot"), submission("v1"))).rejects.toMatchObject({ code: "rights.refused" });
    await submit(desk.as("ada"), submission("v1"));
    await expect(approve(desk.as("dot"), "v1", artefactOf("v1"))).rejects.toMatchObject({ code: "rights.refused" });
  });

  test("when no key is in hand, then nobody decides", async () => {
    await expect(submit(desk.as(null), submission("v1"))).rejects.toMatchObject({ code: "people.none", exitCode: 3 });
    await expect(submit(desk.as(null, { people: null }), submission("v1"))).rejects.toMatchObject({
      code: "people.none",
    });
  });

  test("when a line is written into the file by hand, its hashes right, then nothing is decided on it", async () => {
    await submit(desk.as("ada"), submission("v1"));
    const { head, entries } = await releaseStatus(desk.log);
    const event = { kind: "approved", version: "v1", artefact: "artefact of v1", despite: null, note: null };
    for (const signature of [null, entries[0]!.signature]) {
      const whole = await readFile(desk.log.where, "utf8");
      const forged = { at: noon.toISOString(), by: "ben", event, signature, sequence: 1, previous_hash: head };
      await appendFile(desk.log.where, `${canonicalJson({ ...forged, entry_hash: hashOf(forged) })}\n`);
      expect((await releaseStatus(desk.log)).state.versions.get("v1")?.stage).toBe("approved");
      await expect(promote(desk.as("ben"), "v1", { ...artefactOf("v1"), evidence: null })).rejects.toMatchObject({
        code: "release.unsigned",
        where: `${desk.log.where}:2`,
      });
      await writeFile(desk.log.where, whole);
    }
  });

  test("when the folder is swapped after it was submitted, then approve, canary and promote refuse it", async () => {
    await submit(desk.as("ada"), submission("v1"));
    const swapped = { artefact: "another" };
    await expect(approve(desk.as("ben"), "v1", swapped)).rejects.toMatchObject({ code: "release.artefact-changed" });
    await approve(desk.as("ben"), "v1", artefactOf("v1"));
    await expect(promote(desk.as("ben"), "v1", { ...swapped, evidence: null })).rejects.toMatchObject({
      code: "release.artefact-changed",
    });
  });

  test("when an approval is old, then it counts no more", async () => {
    await submit(desk.as("ada"), submission("v1"));
    await approve(desk.as("ben"), "v1", artefactOf("v1"));
    desk.at = days(15);
    await expect(promote(desk.as("ben"), "v1", { ...artefactOf("v1"), evidence: null })).rejects.toMatchObject({
      code: "release.approval-expired",
    });
  });

  test("when an evaluation failed, then approval takes a reason, which stays in the log", async () => {
    await submit(desk.as("ada"), submission("v1", "fail"));
    await expect(approve(desk.as("ben"), "v1", artefactOf("v1"))).rejects.toMatchObject({
      code: "release.not-evaluated",
    });
    const despite = "to show what a canary catches";
    expect((await approve(desk.as("ben"), "v1", { ...artefactOf("v1"), despite })).events[0]).toMatchObject({
      despite,
    });
  });

  test("when evidence comes from a file, then a person vouches for it", async () => {
    await withCanary(desk);
    const source = { kind: "file", digest: "abc", waiver: "the warehouse is down" } as const;
    await expect(check(desk.as(null), "v2", shown, source)).rejects.toMatchObject({ code: "people.none" });
    const { events } = await check(desk.as("ben"), "v2", shown, source);
    expect(events[0]).toMatchObject({ source });
    expect((await releaseStatus(desk.log)).entries.at(-1)).toMatchObject({
      by: "ben",
      signature: expect.stringContaining("SSH SIGNATURE"),
    });
  });

  test("when the clock goes back, then nothing is written", async () => {
    await submit(desk.as("ada"), submission("v1"));
    desk.at = days(-1);
    await expect(approve(desk.as("ben"), "v1", artefactOf("v1"))).rejects.toMatchObject({ code: "release.clock" });
  });
});

test("when a version was promoted, then reviews are due after a day, a week and a month, and overdue until done", async () => {
  await withCanary(desk);
  const overdue = async () =>
    reviewsOf(await status(), desk.at)
      .filter((r) => r.is_overdue)
      .map((r) => r.review);
  expect(await overdue()).toEqual([]);
  desk.at = days(8);
  expect(await overdue()).toEqual(["day", "week"]);
  await review(desk.as("ben"), "v1", "day", "complaints as before");
  expect(await overdue()).toEqual(["week"]);
});
