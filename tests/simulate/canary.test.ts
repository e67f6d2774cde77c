import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Assignment, type CanaryResult, CanaryRun, simulateCanary } from "../../simulate/canary.ts";
import { worldConfig, worldEnd } from "../../simulate/config.ts";
import { worldAtEnd } from "../../simulate/history.ts";
import { readAssignments } from "../../simulate/read-assignments.ts";
import { fatigueAt } from "../../simulate/response.ts";
import { enumerateCustomers, type State, type VisibleCustomer, type World } from "../../simulate/world.ts";
import { readCsv, readLines } from "./world-files.ts";

const root = mkdtempSync(join(tmpdir(), "inboxloop-canary-"));
let world: World;
let state: State;
let people: VisibleCustomer[];
/** The more tired third of `people`. */
let tired: Set<string>;

beforeAll(() => {
  ({ world, state } = worldAtEnd(worldConfig({ seed: 7, events: 400_000 })));
  const end = worldEnd(world.config);
  people = [...enumerateCustomers(world, state, end)];
  const index = new Map(world.customers.addresses.map((address, u) => [address, u]));
  const weariness = (c: VisibleCustomer) => fatigueAt(state, index.get(c.userId)!, end);
  const ordered = [...people].sort((a, b) => weariness(b) - weariness(a));
  tired = new Set(ordered.slice(0, Math.floor(people.length / 3)).map((c) => c.userId));
});
afterAll(() => rmSync(root, { recursive: true }));

type Policy = (customer: VisibleCustomer) => string;
const careful: Policy = (c) => (tired.has(c.userId) ? "suppress" : "personal");
const greedy: Policy = () => "urgency";

const decide = (policy: Policy, arm: string, who = people): Assignment[] =>
  who.map((c) => ({ userId: c.userId, arm, variant: policy(c), modelVersion: `${arm}-1` }));
const run = (name: string, assignments: Iterable<Assignment>, more = {}): Promise<CanaryResult> =>
  simulateCanary({ world, state, assignments, dir: join(root, name), ...more });

describe("a canary follows the truth", () => {
  test("when a policy mails the tired and shouts, complaints more than double and it earns less", async () => {
    const good = await run("good", decide(careful, "candidate"));
    const bad = await run("bad", decide(greedy, "candidate"));
    const rate = (
      r: CanaryResult,
      key: "expectedReportedComplaints" | "expectedUnsubscribes" | "expectedConversions",
    ) => r.arms["candidate"]![key] / r.arms["candidate"]!.sent;
    expect(rate(bad, "expectedReportedComplaints") / rate(good, "expectedReportedComplaints")).toBeGreaterThan(2);
    expect(rate(bad, "expectedUnsubscribes")).toBeGreaterThan(1.5 * rate(good, "expectedUnsubscribes"));
    expect(rate(bad, "expectedConversions")).toBeLessThan(rate(good, "expectedConversions"));
    const seen = (r: CanaryResult) => (r.stream.counts.events["complaint"] ?? 0) / r.arms["candidate"]!.sent;
    expect(seen(bad)).toBeGreaterThan(seen(good));
  });

  test("when many are mailed, what happens is what was to be expected", async () => {
    const thrice = [0, 1, 2].flatMap(() => decide(greedy, "candidate"));
    const { arms, stream } = await run("many", thrice);
    const arm = arms["candidate"]!;
    for (const [type, expected] of [
      ["complaint", arm.expectedReportedComplaints],
      ["unsubscribe", arm.expectedUnsubscribes],
      ["conversion", arm.expectedConversions],
    ] as const) {
      const deviation = Math.abs((stream.counts.events[type] ?? 0) - expected) / Math.sqrt(expected);
      expect(deviation, type).toBeLessThan(4);
    }
  });

  test("when two arms decide alike for somebody, the same happens to them", async () => {
    const who = people.slice(0, 2_000);
    const one = await run(
      "one",
      decide(() => "plain", "champion", who),
    );
    const two = await run(
      "two",
      decide(() => "plain", "candidate", who),
    );
    expect(two.stream.counts).toEqual(one.stream.counts);
    expect(two.arms["candidate"]).toEqual(one.arms["champion"]);
  });

  test("when it has run, the state it started from is as it was", async () => {
    const before = Float64Array.from(state.fatigue);
    await run("state", decide(greedy, "candidate", people.slice(0, 500)));
    expect(state.fatigue).toEqual(before);
  });
});

describe("what a canary writes", () => {
  test("every assignment becomes a decision with arm and version, and only sends have a message", async () => {
    const who = people.slice(0, 1_200);
    const { arms } = await run(
      "decisions",
      [...decide(careful, "candidate", who.slice(0, 600)), ...decide(greedy, "champion", who.slice(600))],
      { release: "r-9" },
    );
    const decisions = [...readLines(join(root, "decisions"))]
      .map(({ value }) => value)
      .filter((v) => v?.["table"] === "decisions");
    expect(decisions.length).toBe(1_200);
    expect(new Set(decisions.map((d) => `${d!["arm"]}/${d!["model_version"]}`))).toEqual(
      new Set(["candidate/candidate-1", "champion/champion-1"]),
    );
    expect(decisions.every((d) => (d!["attributes"] as { release_id?: string }).release_id === "r-9")).toBe(true);
    const sent = decisions.filter((d) => d!["message_id"] !== undefined);
    expect(sent.length).toBe(arms["candidate"]!.sent + arms["champion"]!.sent);
    expect(arms["candidate"]!.suppressed).toBeGreaterThan(0);
    expect(
      readCsv(join(root, "decisions", "truth", "messages.csv"))
        .map((m) => m["message_id"])
        .sort(),
    ).toEqual(sent.map((d) => d!["message_id"]).sort());
    const firstDay = decisions.every((d) => String(d!["decided_at"]).startsWith("2025-11-30"));
    expect(firstDay).toBe(true);
  });

  test("when mails are decided one after the other, each goes out under the id it was given and what was heard before it is whole", () => {
    const dir = join(root, "told");
    const files: string[] = [];
    const told = new CanaryRun({ world, state, dir, label: "told", onFile: ({ file }) => files.push(file) });
    const begins = worldEnd(world.config);
    const mail = (number: number, day: number) => {
      for (const [i, { userId }] of people.slice(0, 300).entries())
        told.carryOut(
          {
            userId,
            arm: "candidate",
            variant: "urgency",
            modelVersion: "m",
            messageId: `m${number}-${i}`,
            sentAt: begins + day * 86_400_000 + 3_600_000,
          },
          number,
        );
    };
    const [first, second] = told.announce([1, 3], 0);
    told.writeUntil(1);
    const announced = [...readLines(dir)].map(({ value }) => value);
    expect(announced.map((row) => `${row?.["table"]} ${row?.["campaign_id"]}`).sort()).toEqual([
      `campaigns ${first}`,
      `campaigns ${second}`,
    ]);
    mail(0, 1);
    told.writeUntil(3);
    const heard = [...readLines(dir)].map(({ value }) => value).filter((row) => row?.["event_type"] === "sent");
    expect(heard.length).toBeGreaterThan(250);
    expect(new Set(heard.map((row) => row?.["campaign_id"]).filter(Boolean))).toEqual(new Set([first]));
    expect(heard.every((row) => /^m0-\d+$/.test(String(row?.["message_id"])))).toBe(true);
    mail(1, 3);
    const { arms } = told.end();
    const lines = [...readLines(dir)].map(({ value }) => value);
    expect(lines.filter((row) => row?.["table"] === "decisions")).toEqual([]);
    expect(lines.some((row) => row?.["message_id"] === "m1-0")).toBe(true);
    expect(arms["candidate"]).toMatchObject({ assigned: 600 });
    // Whoever left after the first mail is not mailed a second time, and neither by a canary that begins in the state left behind.
    expect(arms["candidate"]!.refused).toBeGreaterThan(0);
    expect(told.state.fatigue).not.toEqual(state.fatigue);
    expect(files.length).toBeGreaterThan(2);
  });

  test("when the decider knows people by pseudonym, the events still carry what the sender knows", async () => {
    const pseudonymise = (address: string) => `sha256:${address.length}-${address}`;
    const who = people.slice(0, 50);
    const { arms } = await run(
      "hashed",
      who.map((c) => ({ userId: pseudonymise(c.userId), arm: "candidate", variant: "plain", modelVersion: "m" })),
      { pseudonymise },
    );
    expect(arms["candidate"]!.assigned).toBe(50);
    expect([...readLines(join(root, "hashed"))].every(({ text }) => !text.includes("sha256:"))).toBe(true);
  });

  test.each([
    ["customer", { userId: "nobody@nowhere.example", arm: "a", variant: "plain", modelVersion: "m" }],
    ["variant", { userId: "", arm: "a", variant: "shouting", modelVersion: "m" }],
  ])("when the %s is unknown it is refused by name", async (what, assignment) => {
    const userId = assignment.userId || people[0]!.userId;
    await expect(run(`unknown-${what}`, [{ ...assignment, userId }])).rejects.toMatchObject({
      code: `simulate.unknown-${what}`,
    });
  });

  test("when arms and versions have names of any letters, they arrive as they are", async () => {
    const assignment = {
      userId: people[0]!.userId,
      arm: 'Kandidat "ü"',
      variant: "suppress",
      modelVersion: "модель\n2",
    };
    await run("letters", [assignment]);
    const decision = [...readLines(join(root, "letters"))]
      .map(({ value }) => value)
      .find((v) => v?.["table"] === "decisions");
    expect(decision).toMatchObject({ arm: assignment.arm, model_version: assignment.modelVersion });
  });

  test("when a send lies before the canary it is refused, for it would never arrive", async () => {
    const early = {
      userId: people[0]!.userId,
      arm: "a",
      variant: "plain",
      modelVersion: "m",
      sentAt: worldEnd(world.config) - 1,
    };
    await expect(run("early", [early])).rejects.toMatchObject({ code: "simulate.too-early" });
  });

  test("when the label cannot be part of an id it is refused", async () => {
    await expect(run("label", [], { label: 'a"b' })).rejects.toMatchObject({ code: "simulate.label" });
  });

  test("when a line of assignments is wrong, the error names the line", async () => {
    const path = join(root, "assignments.ndjson");
    writeFileSync(
      path,
      '{"user_id":"a@b.example","arm":"candidate","variant":"plain","model_version":"m"}\n{"user_id":1}\n',
    );
    const all = async () => {
      const read: Assignment[] = [];
      for await (const assignment of readAssignments(path)) read.push(assignment);
      return read;
    };
    await expect(all()).rejects.toMatchObject({ code: "simulate.assignment", where: `${path}:2` });
  });
});
