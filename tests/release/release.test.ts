import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Alert, fileAlerts } from "../../release/alert-sinks.ts";
import type { CanaryCounts } from "../../release/canary/check-canary.ts";
import {
  approve,
  canary,
  check,
  promote,
  type ReleaseEnv,
  releaseStatus,
  rollback,
  shadow,
  submit,
} from "../../release/release.ts";

let folder: string;
let alerts: Alert[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-release-"));
  alerts = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const as = (by: string, more: Partial<ReleaseEnv> = {}): ReleaseEnv => ({
  log: join(folder, "release_log.ndjson"),
  now: () => new Date("2026-03-01T00:00:00Z"),
  by,
  alerts: [{ name: "recorder", send: async (alert) => void alerts.push(alert) }],
  ...more,
});
const submission = (version: string, verdict: "pass" | "fail" = "pass") => ({
  version,
  model: `sha256:${version}`,
  snapshot: "0123456789abcdef",
  evaluation: { verdict, champion: null, failed: [] },
});
const arm = (sends: number, complaints: number) => ({
  sends,
  complaints,
  unsubscribes: Math.round(sends * 0.003),
  clicks: Math.round(sends * 0.03),
  conversions: Math.round(sends * 0.005),
  revenue: sends * 0.2,
  revenue_squared: sends * 4,
});
const counts = (sends: number, candidate: number, champion: number): CanaryCounts => ({
  candidate: arm(sends, candidate),
  champion: arm(sends, champion),
});

/** v1 is champion; v2 is a canary. */
async function withCanary(): Promise<void> {
  await submit(as("ada"), submission("v1"));
  await approve(as("bo"), "v1");
  await promote(as("bo"), "v1");
  await submit(as("ada"), submission("v2"));
  await approve(as("bo"), "v2");
  await shadow(as("bo"), "v2");
  await canary(as("bo"), "v2", 0.5);
}
const status = async () => (await releaseStatus(as("anyone").log)).state;

describe("release", () => {
  test("when a canary passes, then it is promoted and its predecessor retires", async () => {
    await withCanary();
    const { check: found } = await check(as("bo"), "v2", counts(10_000, 21, 20));
    expect(found.verdict).toBe("pass");
    const { state } = await promote(as("bo"), "v2");
    expect(state.champion).toBe("v2");
    expect(state.versions.get("v1")?.stage).toBe("retired");
    expect(state.canary).toBeNull();
  });

  test("when a promoted champion is rolled back, then everything but its own stage is as it was before", async () => {
    await withCanary();
    await check(as("bo"), "v2", counts(10_000, 21, 20));
    const before = (await rollbackable()).versions.get("v1");
    await promote(as("bo"), "v2");
    const { state } = await rollback(as("bo"), "v2", "customers wrote in");
    expect(state.champion).toBe("v1");
    expect(state.previous).toEqual([]);
    expect({ ...state.versions.get("v1"), since: "" }).toEqual({ ...before, since: "" });
    expect(state.versions.get("v2")).toMatchObject({ stage: "deactivated", reason: "customers wrote in" });
  });
  const rollbackable = status;

  test("when complaints triple, then the check rolls back, deactivates and alerts in one go", async () => {
    await withCanary();
    const sink = fileAlerts(join(folder, "alerts.ndjson"));
    const decision = await check(as("clock", { alerts: [sink, ...as("x").alerts] }), "v2", counts(10_000, 62, 20));
    expect(decision.check.verdict).toBe("fail");
    expect(decision.events.map((e) => e.kind)).toEqual(["canary_checked", "rolled_back", "alerted", "alerted"]);
    expect(decision.state.champion).toBe("v1");
    expect(decision.state.canary).toBeNull();
    expect(decision.state.versions.get("v2")?.stage).toBe("deactivated");
    expect(alerts).toHaveLength(1);
    expect(JSON.parse(await readFile(join(folder, "alerts.ndjson"), "utf8"))).toMatchObject({
      team: "deliverability",
      version: "v2",
    });
    await expect(promote(as("bo"), "v2")).rejects.toMatchObject({ code: "release.stage" });
  });

  test("when an alert cannot be delivered, then the rollback stands and the log says so", async () => {
    await withCanary();
    const failing = { name: "pager", send: () => Promise.reject(new Error("no network")) };
    const { events, state } = await rollback(as("bo", { alerts: [failing] }), "v2", "by hand");
    expect(state.versions.get("v2")?.stage).toBe("deactivated");
    expect(events.at(-1)).toMatchObject({ kind: "alerted", sink: "pager", delivered: false });
  });

  test("when there is too little evidence, then nothing is promoted and nothing is rolled back", async () => {
    await withCanary();
    const { check: found, state } = await check(as("bo"), "v2", counts(500, 2, 1));
    expect(found.verdict).toBe("insufficient-evidence");
    expect(state.canary).toBe("v2");
    await expect(promote(as("bo"), "v2")).rejects.toMatchObject({ code: "release.canary-not-passed" });
  });

  test("when the submitter approves, then it is refused", async () => {
    await submit(as("ada"), submission("v1"));
    await expect(approve(as("ada"), "v1")).rejects.toMatchObject({ code: "release.same-person", exitCode: 4 });
  });

  test("when an evaluation failed, then approval takes a reason, which stays in the log", async () => {
    await submit(as("ada"), submission("v1", "fail"));
    await expect(approve(as("bo"), "v1")).rejects.toMatchObject({ code: "release.not-evaluated" });
    const { events } = await approve(as("bo"), "v1", { despite: "to show what a canary catches" });
    expect(events[0]).toMatchObject({ despite: "to show what a canary catches" });
  });

  test("when two people promote on the same head, then one has to look again", async () => {
    await withCanary();
    await check(as("bo"), "v2", counts(10_000, 21, 20));
    const { head } = await releaseStatus(as("x").log);
    const both = await Promise.allSettled([
      promote(as("bo", { seen: head }), "v2"),
      promote(as("cy", { seen: head }), "v2"),
    ]);
    expect(both.filter((r) => r.status === "fulfilled")).toHaveLength(1);
  });

  test("when a verb is out of turn, then it is refused and the log stays", async () => {
    await submit(as("ada"), submission("v1"));
    for (const attempt of [
      () => shadow(as("bo"), "v1"),
      () => canary(as("bo"), "v1", 0.1),
      () => promote(as("bo"), "v1"),
      () => check(as("bo"), "v1", counts(10, 0, 0)),
      () => submit(as("bo"), submission("v1")),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ exitCode: 4 });
    }
    await expect(shadow(as("bo"), "v9")).rejects.toMatchObject({ code: "release.unknown" });
    expect((await releaseStatus(as("x").log)).entries).toHaveLength(1);
  });

  test("when a second canary would start, then it waits for the first", async () => {
    await withCanary();
    await submit(as("ada"), submission("v3"));
    await approve(as("bo"), "v3");
    await expect(canary(as("bo"), "v3", 0.1)).rejects.toMatchObject({ code: "release.canary-busy" });
  });

  test("when counts fall between checks, then the check is refused", async () => {
    await withCanary();
    await check(as("bo"), "v2", counts(3_000, 5, 5));
    await expect(check(as("bo"), "v2", counts(2_000, 4, 4))).rejects.toMatchObject({ code: "release.counts-fell" });
  });

  test("when a dry run is asked, then the events come back and the log stays", async () => {
    await withCanary();
    const before = await releaseStatus(as("x").log);
    const plan = await check(as("bo", { dryRun: true }), "v2", counts(10_000, 62, 20));
    expect(plan.events.map((e) => e.kind)).toEqual(["canary_checked", "rolled_back"]);
    expect(plan.state.versions.get("v2")?.stage).toBe("deactivated");
    expect(await releaseStatus(as("x").log)).toEqual(before);
    expect(alerts).toEqual([]);
  });
});
