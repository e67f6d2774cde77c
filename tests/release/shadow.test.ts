import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../platform/seeded-random.ts";
import { defaultCanaryPolicy } from "../../release/canary/canary-policy.ts";
import { approve, canary, promote, releaseStatus, shadow, submit } from "../../release/release.ts";
import { defaultShadowRule, judgeShadow, readShadow, type ShadowSegment } from "../../release/shadow.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import { artefactOf, type Desk, openDesk, submission } from "./support/desk.ts";

const whole = (more: Partial<ShadowSegment> = {}): ShadowSegment => ({
  segment_kind: "all",
  segment: "all",
  people: 800,
  decisions: 2_000,
  sends: 1_500,
  shadow_sends: 1_400,
  changed: 200,
  changed_share: 0.1,
  changed_share_error: 0.01,
  value_shift: 0.002,
  value_shift_error: 0.001,
  first_decided_at: new Date("2026-03-01T00:00:00Z"),
  last_decided_at: new Date("2026-03-02T06:00:00Z"),
  ...more,
});

describe("the verdict of a shadow", () => {
  test("when it was seen for long enough and changes little then it is enough, with bounds", () => {
    const found = judgeShadow([whole()], defaultShadowRule);
    expect(found).toMatchObject({ verdict: "enough", hours: 30, decisions: 2_000, people: 800 });
    expect(found.changed?.least).toBeCloseTo(0.1 - 1.645 * 0.01, 4);
    expect(found.changed?.most).toBeCloseTo(0.1 + 1.645 * 0.01, 4);
  });

  test.each([
    ["nothing was compared", [], /0.0 of 24 hours, 0 of 1000 decisions, 0 of 100 people/],
    ["an hour was", [whole({ last_decided_at: new Date("2026-03-01T01:00:00Z") })], /seen so far: 1.0 of 24 hours$/],
    ["few decisions were", [whole({ decisions: 999 })], /999 of 1000 decisions/],
    ["one person's decisions were, many times", [whole({ people: 1, changed_share_error: null })], /1 of 100 people/],
    ["a segment was and the whole is missing", [whole({ segment_kind: "isp", segment: "gmail" })], /0 of 1000/],
  ])("when %s then it is too short", (_what, segments, note) => {
    const found = judgeShadow(segments, defaultShadowRule);
    expect(found).toMatchObject({ verdict: "too-short", changed: null });
    expect(found.note).toMatch(note);
  });

  test("when most decisions are shown to come out otherwise then it is too different, and at the line nothing is shown", () => {
    expect(judgeShadow([whole({ changed_share: 0.7 })], defaultShadowRule).verdict).toBe("too-different");
    expect(judgeShadow([whole({ changed_share: 0.505 })], defaultShadowRule).verdict).toBe("not-shown");
    expect(judgeShadow([whole({ changed_share: 0.495 })], defaultShadowRule).verdict).toBe("not-shown");
    expect(
      judgeShadow([whole({ changed_share: 1, changed_share_error: 0 })], { ...defaultShadowRule, most_changed: 1 })
        .verdict,
    ).toBe("enough");
  });

  test("when nothing comes out otherwise then the bound is that of people who were seen, not zero", () => {
    const none = { changed: 0, changed_share: 0, changed_share_error: 0 };
    expect(judgeShadow([whole(none)], defaultShadowRule).changed?.most).toBeCloseTo(3 / 800, 4);
    expect(judgeShadow([whole({ ...none, people: 100 })], { ...defaultShadowRule, most_changed: 0.01 }).verdict).toBe(
      "not-shown",
    );
  });
});

const day = "timestamp_add(timestamp '2026-03-01 00:00:00+00', interval i minute)";
let warehouse: DuckDbWarehouse;
let desk: Desk;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-shadow-"));
  desk = openDesk(folder);
  warehouse = await openDuckDbWarehouse({ path: ":memory:" });
});
afterAll(async () => {
  await warehouse.close();
  rmSync(folder, { recursive: true, force: true });
});

test("when the warehouse is asked then it answers for this model beside this champion alone, the whole first", async () => {
  await warehouse.execute("create schema monitoring");
  await warehouse.execute(`create table monitoring.shadow as
select 'v2' as shadow_version, digest as shadow_digest, champion as model_version, kind as segment_kind, segment, 10 as people, n as decisions, 5 as sends, 4 as shadow_sends,
  2 as changed, 0.2 as changed_share, cast(null as float64) as changed_share_error, 0.1 as value_shift, 0.01 as value_shift_error,
  (select min(${day}) from unnest([0]) as i) as first_decided_at, (select max(${day}) from unnest([90]) as i) as last_decided_at
from unnest([
  struct('x' as digest, 'v1' as champion, 'isp' as kind, 'gmail' as segment, 6 as n),
  ('x', 'v1', 'isp', 'yahoo', 9), ('x', 'v1', 'all', 'all', 15), ('other', 'v1', 'all', 'all', 99), ('x', 'v0', 'all', 'all', 77)])`);
  const found = await readShadow(warehouse, { version: "v2", digest: "x", champion: "v1" });
  expect(found.map(({ segment, decisions }) => [segment, decisions])).toEqual([["all", 15], ["yahoo", 9], ["gmail", 6]]); // biome-ignore format: a table
  expect(judgeShadow(found, defaultShadowRule).hours).toBe(1.5);
});

test("when a canary is asked for and its shadow has not shown enough then it is refused, unless somebody says why, which stays", async () => {
  for (const version of ["v1", "v2"]) {
    await submit(desk.as("ada"), submission(version));
    await approve(desk.as("ben"), version, artefactOf(version));
    if (version === "v1") await promote(desk.as("ben"), version, { ...artefactOf(version), evidence: null });
  }
  const start = { ...artefactOf("v2"), policy: defaultCanaryPolicy, plan: null, acceptBlind: "a test" };
  const asked = (segments: readonly ShadowSegment[]) =>
    canary(desk.as("ada"), "v2", { ...start, shadow: judgeShadow(segments, defaultShadowRule) });
  await expect(asked([])).rejects.toMatchObject({ code: "release.shadow", exitCode: 4 });
  await expect(canary(desk.as("ada"), "v2", { ...start, shadow: null })).rejects.toMatchObject({
    code: "release.shadow",
    message: expect.stringContaining("nobody looked"),
  });
  await shadow(desk.as("ada"), "v2");
  await expect(asked([whole({ changed_share: 0.7 })])).rejects.toMatchObject({
    code: "release.shadow",
    message: expect.stringMatching(/too-different: 70.0 % of the decisions/),
  });
  const why = await canary(desk.as("ada"), "v2", {
    ...start,
    shadow: judgeShadow([whole({ decisions: 3 })], defaultShadowRule),
    withoutShadow: "the old model's inputs are gone",
  });
  expect(why.state.canary).toBe("v2");
  const { entries } = await releaseStatus(desk.log);
  expect(entries.at(-1)?.event).toMatchObject({
    kind: "canary_started",
    shadow: { verdict: "too-short", decisions: 3, changed_share: null },
    without_shadow: "the old model's inputs are gone",
  });
});

test("when shadows are simulated at the line then no more than about 5 % are called too different or enough (seed 20261130)", () => {
  const random = seededRandom(20261130);
  const [people, runs] = [200, 2_000];
  let [enough, different] = [0, 0];
  for (let run = 0; run < runs; run++) {
    // Each person has an own inclination, and one to four decisions: what counts decisions as if apart would be too sure.
    let [n, x] = [0, 0];
    const each = Array.from({ length: people }, () => {
      const own = random() < 0.5 ? 0.2 : 0.8;
      const decisions = 1 + Math.floor(random() * 4);
      const changed = Array.from({ length: decisions }, () => random() < own).filter(Boolean).length;
      n += decisions;
      x += changed;
      return { decisions, changed };
    });
    const share = x / n;
    const residuals = each.reduce((sum, one) => sum + (one.changed - share * one.decisions) ** 2, 0);
    const error = Math.sqrt((residuals * people) / (people - 1)) / n;
    const seen = whole({ people, decisions: n, changed: x, changed_share: share, changed_share_error: error });
    const { verdict } = judgeShadow([seen], { ...defaultShadowRule, decisions: 1 });
    if (verdict === "enough") enough++;
    if (verdict === "too-different") different++;
  }
  expect(enough / runs).toBeLessThan(0.07);
  expect(different / runs).toBeLessThan(0.07);
  expect((enough + different) / runs).toBeGreaterThan(0.05);
});
