import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { planTurn, type Ran, runTurn, type TurnEnv } from "../../cli/cycle/run-turn.ts";
import { readCyclePolicy } from "../../retrain/cycle/cycle-policy.ts";
import { type CycleSignals, decideRetrain } from "../../retrain/cycle/decide-retrain.ts";

const policy = readCyclePolicy("version: 1\n", "cycle.yaml");
const now = new Date("2026-03-10T06:00:00Z");
const daysAgo = (days: number): Date => new Date(now.getTime() - days * 86_400_000);
const quiet: CycleSignals = {
  now,
  trainedAt: daysAgo(3),
  underWay: null,
  drift: [],
  scores: [],
  worse: [],
  labels: null,
  kpis: [{ current: { sends: 10_000, outcomes: 10 }, reference: { sends: 40_000, outcomes: 40 } }],
};

describe("whether to train", () => {
  test("when nothing moved and the week is not over, then nothing is trained", () => {
    expect(decideRetrain(policy, quiet)).toEqual({ retrain: false, reasons: [], held: null });
  });

  test("when nothing was trained yet, or the schedule says so, then it trains, and says why", () => {
    expect(decideRetrain(policy, { ...quiet, trainedAt: null }).reasons.map((one) => one.trigger)).toEqual(["first"]);
    const due = decideRetrain(policy, { ...quiet, trainedAt: daysAgo(7) });
    expect(due).toMatchObject({
      retrain: true,
      reasons: [{ trigger: "schedule", why: "the last training was 7.0 days ago; every 7" }],
    });
    const never = readCyclePolicy("version: 1\nschedule: null\n", "cycle.yaml");
    expect(decideRetrain(never, { ...quiet, trainedAt: daysAgo(70) }).retrain).toBe(false);
  });

  test("when features drifted, then as many as the policy asks for are needed, at its level", () => {
    const drift = [
      { feature: "opens_7d", level: "drifted" },
      { feature: "isp", level: "moved" },
    ];
    expect(decideRetrain(policy, { ...quiet, drift }).reasons[0]!.why).toContain("opens_7d");
    const two = readCyclePolicy("version: 1\ndrift: { level: drifted, features: 2 }\n", "cycle.yaml");
    expect(decideRetrain(two, { ...quiet, drift }).retrain).toBe(false);
    const moved = readCyclePolicy("version: 1\ndrift: { level: moved, features: 2 }\n", "cycle.yaml");
    expect(decideRetrain(moved, { ...quiet, drift }).retrain).toBe(true);
  });

  test("when the champion's scores moved, or came out worse than they let expect, then it trains, and says of what", () => {
    const scores = [
      { outcome: "click", level: "drifted" },
      { outcome: "complaint", level: "moved" },
    ];
    expect(decideRetrain(policy, { ...quiet, scores }).reasons).toEqual([
      { trigger: "scores", why: "the champion's scores drifted or more: click" },
    ]);
    const two = readCyclePolicy("version: 1\nscores: { level: drifted, outcomes: 2 }\n", "cycle.yaml");
    expect(decideRetrain(two, { ...quiet, scores }).retrain).toBe(false);
    const worse = [{ outcome: "click", metric: "log_loss", week: "2026-02-23" }];
    expect(decideRetrain(policy, { ...quiet, worse }).reasons).toEqual([
      {
        trigger: "estimates",
        why: "the champion did worse than its scores let expect: log_loss of click (week of 2026-02-23)",
      },
    ]);
    const never = readCyclePolicy("version: 1\nscores: null\nestimates: null\n", "cycle.yaml");
    expect(decideRetrain(never, { ...quiet, scores, worse }).retrain).toBe(false);
  });

  test("when the mix of labels moved, then it trains at the policy's level", () => {
    const labels = { week: "2026-02-23", level: "moved" };
    expect(decideRetrain(policy, { ...quiet, labels }).retrain).toBe(false);
    const moved = readCyclePolicy("version: 1\nlabels: { level: moved }\n", "cycle.yaml");
    expect(decideRetrain(moved, { ...quiet, labels }).reasons).toEqual([
      { trigger: "labels", why: "the mix of labels of the week of 2026-02-23 has moved" },
    ]);
    const never = readCyclePolicy("version: 1\nlabels: null\n", "cycle.yaml");
    expect(decideRetrain(never, { ...quiet, labels: { ...labels, level: "drifted" } }).retrain).toBe(false);
  });

  test("when complaints rose by half, then it trains where that is beyond chance, and not where a few complaints say so", () => {
    const kpis = (outcomes: number, times: number) => [
      { current: { sends: 10_000 * times, outcomes }, reference: { sends: 40_000 * times, outcomes: 40 * times } },
    ];
    expect(decideRetrain(policy, { ...quiet, kpis: kpis(15, 1) }).retrain).toBe(false);
    expect(decideRetrain(policy, { ...quiet, kpis: kpis(150, 10) }).reasons).toMatchObject([{ trigger: "kpi" }]);
    // Within the margin, however sure.
    expect(decideRetrain(policy, { ...quiet, kpis: kpis(11_500, 1_000) }).retrain).toBe(false);
    const clicks = readCyclePolicy("version: 1\nkpis: [{ kpi: clicked, worse_by: 0.2 }]\n", "cycle.yaml");
    expect(decideRetrain(clicks, { ...quiet, kpis: kpis(150, 10) }).retrain).toBe(false);
    expect(decideRetrain(clicks, { ...quiet, kpis: kpis(60, 10) }).retrain).toBe(true);
  });

  test("when the last training is too near, or a version is on its way, then it waits and says for what", () => {
    const drift = [{ feature: "opens_7d", level: "drifted" }];
    expect(decideRetrain(policy, { ...quiet, drift, trainedAt: daysAgo(1) })).toMatchObject({
      retrain: false,
      held: "the last training was 1.0 days ago, and 2 are waited",
    });
    expect(decideRetrain(policy, { ...quiet, drift, underWay: "m2" }).held).toContain("m2");
  });

  test("when the policy is wrong, then file and line are named", () => {
    expect(() => readCyclePolicy("version: 1\ncool_down_days: soon\n", "cycle.yaml")).toThrow(
      expect.objectContaining({ code: "cycle.policy", where: "cycle.yaml:2" }),
    );
    expect(() => readCyclePolicy("version: 1\ntrain: { rows: 500, trainer: x }\n", "cycle.yaml")).toThrow(/our own/);
  });
});

describe("a turn", () => {
  let folder: string;
  let ran: string[];
  let answers: Record<string, Partial<Ran>>;
  let env: TurnEnv;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "inboxloop-cycle-"));
    ran = [];
    answers = {};
    env = {
      run: async (words) => {
        ran.push(words.join(" "));
        const found = Object.entries(answers).find(([begin]) => words.join(" ").startsWith(begin))?.[1];
        return { code: 0, result: { verdict: "pass" }, error: "", ...found };
      },
      signals: async () => ({ ...quiet, trainedAt: daysAgo(8) }),
      standing: async () => ({ champion: "m1", canary: null }),
      isThere: async () => false,
      now: () => now,
      state: join(folder, "state", "cycle.json"),
      hasKey: true,
      build: [],
      note: () => {},
    };
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const name = "cycle-20260310-060000";

  test("when the schedule is due, then it goes from the build to the submission, and approves nothing", async () => {
    const turn = await runTurn(policy, env);
    expect(ran).toEqual([
      "build",
      `snapshot create --name ${name}`,
      `train --snapshot ${name} --name ${name}`,
      `evaluate --candidate ${name} --champion m1`,
      `release submit ${name} --note by inboxloop cycle`,
    ]);
    expect(turn).toMatchObject({ outcome: "submitted", exit: 0, resumed: false });
    expect(turn.next).toContain("by somebody else");
  });

  test("when nothing asks for it, then the turn has only watched", async () => {
    const turn = await runTurn(policy, { ...env, signals: async () => quiet });
    expect(ran).toEqual(["build"]);
    expect(turn.outcome).toBe("watched");
  });

  test("when a canary runs, then it is looked at first, and its rollback is the turn's exit code", async () => {
    answers["release check"] = { code: 4, result: { check: { verdict: "fail" } } };
    const turn = await runTurn(policy, {
      ...env,
      standing: async () => ({ champion: "m1", canary: "m2" }),
      signals: async () => quiet,
    });
    expect(ran).toEqual(["build", "release check m2"]);
    expect(turn).toMatchObject({ outcome: "watched", exit: 4, steps: [{ step: "build" }, { verdict: "fail" }] });
  });

  test("when the evaluation fails, then nothing is submitted", async () => {
    answers["evaluate"] = { code: 4, result: { verdict: "fail" } };
    const turn = await runTurn(policy, env);
    expect(ran.some((line) => line.startsWith("release submit"))).toBe(false);
    expect(turn).toMatchObject({ outcome: "not-submitted", exit: 4 });
  });

  test("when nobody's key is at hand, then the submission is left to a person", async () => {
    const turn = await runTurn(policy, { ...env, hasKey: false });
    expect(turn).toMatchObject({ outcome: "not-submitted", exit: 0 });
    expect(turn.next).toContain("release submit");
  });

  test("when a step fails, then the next turn goes on with it, on the decision that was made", async () => {
    answers["train"] = { code: 5, result: null, error: "the disk is full" };
    await expect(runTurn(policy, env)).rejects.toMatchObject({ code: "cycle.step", exitCode: 4 });
    expect(JSON.parse(await readFile(env.state, "utf8"))).toMatchObject({
      name,
      steps: [{ step: "build" }, { step: "snapshot" }],
    });
    ran = [];
    delete answers["train"];
    const later = { ...env, now: () => new Date("2026-03-10T09:00:00Z"), signals: async () => quiet };
    const turn = await runTurn(policy, later);
    expect(ran[0]).toBe(`train --snapshot ${name} --name ${name}`);
    expect(turn).toMatchObject({ resumed: true, outcome: "submitted", name });
    ran = [];
    expect(await runTurn(policy, later)).toMatchObject({ resumed: false, outcome: "watched" });
  });

  test("when a run died after a step and before it wrote that down, then the version that is there is taken", async () => {
    answers["release submit"] = { code: 5, result: null };
    await expect(runTurn(policy, env)).rejects.toMatchObject({ code: "cycle.step" });
    ran = [];
    const turn = await runTurn(policy, { ...env, isThere: async (step) => step === "submit" });
    expect(ran).toEqual([]);
    expect(turn).toMatchObject({ outcome: "submitted", resumed: true });
  });

  test("when it is planned, then nothing runs and nothing is written", async () => {
    const plan = await planTurn(
      readCyclePolicy("version: 1\nsnapshot: { validate_days: 14 }\ntrain: { trainer: ./mine }\n", "cycle.yaml"),
      env,
    );
    expect(plan.steps.map(({ words }) => words.join(" "))).toContain(
      `snapshot create --name ${name} --validate-days 14`,
    );
    expect(plan.steps.map(({ words }) => words.join(" "))).toContain(
      `train --snapshot ${name} --name ${name} --trainer ./mine`,
    );
    expect(ran).toEqual([]);
    await expect(readFile(env.state, "utf8")).rejects.toMatchObject({ code: "ENOENT" });
  });
});
