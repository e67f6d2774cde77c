import { describe, expect, test } from "vitest";
import { UserError } from "../../../errors/user-error.ts";
import type { BuildEngine, BuildRecord } from "../../../warehouse/dataform/engine.ts";
import type { Action } from "../../../warehouse/dataform/graph.ts";
import { planBuild } from "../../../warehouse/dataform/plan.ts";
import { runPlan } from "../../../warehouse/dataform/run.ts";
import type { Relation } from "../../../warehouse/dataform/statements.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";
import { assertion, graphOf, incremental, source, table, view } from "./graphs.ts";

/** An engine that runs nothing, remembers what it was asked, and fails where told to. */
function recordingEngine(
  options: { failing?: RegExp; offenders?: Record<string, number>; parallel?: number; assertionsAtOnce?: number } = {},
) {
  const log: string[] = [];
  const records = new Map<string, BuildRecord>();
  const built = new Map<string, Relation>();
  const stamps: Record<string, string | undefined> = { x: "1" };
  let running = 0;
  let mostAtOnce = 0;
  const warehouse: Warehouse = {
    name: "duckdb",
    async execute(sql) {
      const name = /`p\.([\w.]+)`/.exec(sql)![1]!;
      running++;
      mostAtOnce = Math.max(mostAtOnce, running);
      await new Promise((done) => setTimeout(done, 1));
      running--;
      log.push(`${sql.split(/\s+/)[0]} ${name}`);
      if (options.failing?.test(name))
        throw new UserError(`no such thing in ${name}`, { code: "sql.analysis", exit: "check" });
      built.set(name, { kind: sql.includes("view") ? "view" : "table", columns: [{ name: "k", type: "INT64" }] });
      return sql.startsWith("insert") ? { rowsAffected: 0 } : {};
    },
    async query(sql) {
      const name = /`p\.([\w.]+)`/.exec(sql)![1]!;
      const count = options.offenders?.[name] ?? 0;
      return sql.includes("row_count")
        ? { columns: [], rows: [{ row_count: BigInt(count) }] }
        : { columns: [], rows: Array.from({ length: Math.min(count, 5) }, (_, i) => ({ k: i })) };
    },
    columns: async (name) => built.get(name.replace(/^p\./, ""))?.columns,
    append: async () => ({ kind: "written", rows: 0 }),
    loadParquet: async () => ({ rows: 0 }),
    exportParquet: async () => ({ rows: 0 }),
    close: async () => {},
  };
  /** Ids of what was kept together. */
  const transactions: (readonly string[])[] = [];
  const engine: BuildEngine = {
    warehouse,
    parallel: options.parallel ?? 1,
    assertionsAtOnce: options.assertionsAtOnce ?? 1,
    ignoresDatabases: true,
    identity: "recording",
    ensureSchemas: async () => {},
    relations: async () => built,
    records: async () => records,
    async atomically(work) {
      const done = await work(warehouse);
      transactions.push(done.records.map((record) => record.id));
      for (const record of done.records) records.set(record.id, record);
      return done;
    },
    sourceStamp: async (target) => stamps[target.name],
    rowCount: async () => 3,
    forget: async () => {},
  };
  return { engine, log, records, stamps, transactions, mostAtOnce: () => mostAtOnce };
}

let serial = 0;
const world = { now: () => new Date("2026-03-10T12:34:56Z"), newId: () => `stamp-${++serial}` };
const build = async (
  recording: ReturnType<typeof recordingEngine>,
  actions: readonly Action[],
  more: { fullRefresh?: boolean; force?: boolean; select?: readonly string[]; now?: () => Date } = {},
) => {
  const graph = graphOf(...actions);
  const relations = await recording.engine.relations(actions);
  const plan = planBuild(graph, { relations, fullRefresh: more.fullRefresh, select: more.select });
  recording.log.length = 0;
  const result = await runPlan(plan, recording.engine, { ...world, ...more });
  return {
    isGood: result.isGood,
    outcomes: Object.fromEntries(result.results.map((step) => [step.id, step.outcome])),
    result,
  };
};

const chain = [
  source("raw.x"),
  view("s.a", ["raw.x"]),
  table("s.b", ["s.a"]),
  table("s.c", ["s.b"]),
  table("s.z", ["raw.x"]),
];

describe("runPlan", () => {
  test("when an action fails, what depends on it is skipped and the rest goes on", async () => {
    const recording = recordingEngine({ failing: /s\.b/ });
    const { isGood, outcomes, result } = await build(recording, chain);
    expect(outcomes).toEqual({ "s.a": "done", "s.b": "failed", "s.c": "skipped", "s.z": "done" });
    expect(isGood).toBe(false);
    expect(result.results[1]).toMatchObject({
      error: { code: "sql.analysis", message: "no such thing in s.b", where: "definitions/s/b.sqlx" },
    });
    expect(result.results[2]).toMatchObject({ because: ["s.b"] });
  });

  test("when several assertions may run, they share a transaction; where one of them fails, each has its own", async () => {
    const names = ["a1", "a2", "a3", "a4"];
    const actions = [source("raw.x"), table("s.b", ["raw.x"]), ...names.map((name) => assertion(`s.${name}`, ["s.b"]))];
    const good = recordingEngine({ assertionsAtOnce: 3, offenders: { "s.a2": 1 } });
    expect((await build(good, actions)).outcomes).toEqual({
      "s.b": "done",
      "s.a1": "done",
      "s.a2": "violated",
      "s.a3": "done",
      "s.a4": "done",
    });
    expect(good.transactions).toEqual([["s.b"], ["s.a1", "s.a2", "s.a3"], ["s.a4"]]);

    const bad = recordingEngine({ assertionsAtOnce: 3, failing: /s\.a2/ });
    const { outcomes, result } = await build(bad, actions);
    expect(outcomes).toEqual({ "s.b": "done", "s.a1": "done", "s.a2": "failed", "s.a3": "done", "s.a4": "done" });
    expect(result.results.find((step) => step.id === "s.a2")?.error?.message).toBe("no such thing in s.a2");
    expect(bad.transactions).toEqual([["s.b"], ["s.a1"], ["s.a3"], ["s.a4"]]);
  });

  test("when columns have policy tags, nobody but who builds is let at the rows before they are set, and nobody where they cannot be", async () => {
    const column = (name: string, policyTags: readonly string[]) => ({
      path: [name],
      description: "",
      tags: [],
      policyTags,
    });
    const grant = (who: string) => `create or replace row access policy ${who} on \`p.s.b\` filter using (true)`;
    const tagged = table("s.b", [], {
      columns: [column("who", ["t/1"]), column("n", [])],
      postOps: ["delete from `p.s.b` where false", grant("machinery"), grant("analyst")],
    });
    const recording = recordingEngine();
    const said: string[] = [];
    const { warehouse } = recording.engine;
    const run = async (setPolicyTags?: BuildEngine["setPolicyTags"]) => {
      said.length = 0;
      const engine: BuildEngine = {
        ...recording.engine,
        atomically: (work) =>
          work({
            ...warehouse,
            execute: async (sql) => {
              said.push(...[...sql.matchAll(/(?<=policy )\w+|delete|create or replace table/g)].map(([word]) => word));
              return {};
            },
          }),
        setPolicyTags,
      };
      return build({ ...recording, engine }, [tagged], { force: true });
    };
    const main = ["create or replace table", "delete", "machinery"];
    expect((await run(async ({ name }, tags) => void said.push(`${name} ${JSON.stringify([...tags])}`))).isGood).toBe(
      true,
    );
    expect(said).toEqual([...main, 'b [["who",["t/1"]]]', "analyst"]);
    const failed = await run(() => Promise.reject(new Error("no right to tag")));
    expect(failed).toMatchObject({ isGood: false, outcomes: { "s.b": "failed" } });
    expect(said).toEqual(main);
    // Where nobody sets tags they are nothing.
    expect((await run()).isGood).toBe(true);
    expect(said).toEqual([...main, "analyst"]);
  });

  test("when actions do not wait for each other, they run side by side, within the engine's limit", async () => {
    const many = Array.from({ length: 6 }, (_, i) => table(`s.t${i}`, []));
    const recording = recordingEngine({ parallel: 3 });
    await build(recording, many);
    expect(recording.mostAtOnce()).toBe(3);
  });

  test.each([
    ["stop", { "s.b": "done", "t.ok": "violated", "s.c": "skipped" }, false],
    ["fail", { "s.b": "done", "t.ok": "violated", "s.c": "done" }, false],
    ["warn", { "s.b": "done", "t.ok": "violated", "s.c": "done" }, true],
  ])("when an assertion tagged %s finds rows, its dependents and the verdict follow", async (tag, expected, isGood) => {
    const actions = [table("s.b", []), table("s.c", ["s.b"]), assertion("t.ok", ["s.b"], [tag])];
    const built = await build(recordingEngine({ offenders: { "t.ok": 7 } }), actions);
    expect(built.outcomes).toEqual(expected);
    expect(built.isGood).toBe(isGood);
    expect(built.result.results.find((step) => step.id === "t.ok")).toMatchObject({
      rows: 7,
      sample: [{ k: 0 }, { k: 1 }, { k: 2 }, { k: 3 }, { k: 4 }],
    });
  });

  test("when an action names an assertion among its dependencies, a violated one skips it", async () => {
    const actions = [table("s.b", []), assertion("t.ok", ["s.b"]), table("s.c", ["s.b", "t.ok"])];
    expect((await build(recordingEngine({ offenders: { "t.ok": 1 } }), actions)).outcomes["s.c"]).toBe("skipped");
  });

  test("when nothing has changed, nothing runs; when a source has, what reads it does", async () => {
    const recording = recordingEngine();
    const actions = [...chain, source("raw.y"), table("s.y", ["raw.y"]), assertion("t.ok", ["s.b"])];
    recording.stamps["y"] = "1";
    await build(recording, actions);
    expect((await build(recording, actions)).outcomes).toEqual({
      "s.a": "unchanged",
      "s.b": "unchanged",
      "s.c": "unchanged",
      "s.y": "unchanged",
      "s.z": "unchanged",
      "t.ok": "unchanged",
    });
    expect(recording.log).toEqual([]);
    recording.stamps["y"] = "2";
    await build(recording, actions);
    expect(recording.log).toEqual(["create s.y"]);
    await build(recording, actions, { force: true });
    expect(recording.log).toHaveLength(6);
  });

  test("when a source behind views has changed, what reads them runs, once, selected alone or with them", async () => {
    const recording = recordingEngine();
    const actions = [source("raw.y"), view("s.v", ["raw.y"]), view("s.w", ["s.v"]), table("s.t", ["s.w"])];
    recording.stamps["y"] = "1";
    await build(recording, actions);
    expect((await build(recording, actions, { select: ["s.t"] })).outcomes).toEqual({ "s.t": "unchanged" });
    recording.stamps["y"] = "2";
    expect((await build(recording, actions, { select: ["s.t"] })).outcomes).toEqual({ "s.t": "done" });
    expect((await build(recording, actions)).outcomes).toMatchObject({ "s.v": "done", "s.t": "unchanged" });
    recording.stamps["y"] = "3";
    expect((await build(recording, actions)).outcomes).toMatchObject({ "s.v": "done", "s.t": "done" });
    expect((await build(recording, actions, { select: ["s.t"] })).outcomes).toEqual({ "s.t": "unchanged" });
  });

  test("when a view reads the clock, what reads the view is up to date no longer than the view", async () => {
    const recording = recordingEngine();
    const actions = [
      view("s.now", [], { query: "select current_timestamp() as at from `p.s.q`" }),
      view("s.hour", [], { query: "select timestamp_trunc(current_timestamp(), hour) as at from `p.s.q`" }),
      table("s.a", ["s.now"]),
      table("s.b", ["s.hour"]),
    ];
    await build(recording, actions);
    expect((await build(recording, actions)).outcomes).toMatchObject({ "s.a": "done", "s.b": "unchanged" });
    const later = { now: () => new Date("2026-03-10T13:00:00Z") };
    expect((await build(recording, actions, later)).outcomes).toMatchObject({ "s.a": "done", "s.b": "done" });
    expect((await build(recording, actions, { ...later, select: ["s.b"] })).outcomes).toEqual({ "s.b": "unchanged" });
  });

  test("when it cannot be told whether a source has changed, what reads it runs every time", async () => {
    const recording = recordingEngine();
    recording.stamps["x"] = undefined;
    await build(recording, chain);
    expect((await build(recording, chain)).outcomes["s.c"]).toBe("done");
  });

  test("when the text of an action has changed, it and what reads it run again", async () => {
    const recording = recordingEngine();
    await build(recording, chain);
    const edited = chain.map((action) =>
      action.id === "s.b" ? table("s.b", ["s.a"], { query: "select 2 from `p.s.a`" }) : action,
    );
    expect((await build(recording, edited)).outcomes).toEqual({
      "s.a": "unchanged",
      "s.b": "done",
      "s.c": "done",
      "s.z": "unchanged",
    });
  });

  test("when only the wording has changed, nothing runs but the record is brought up to date", async () => {
    const recording = recordingEngine();
    await build(recording, chain);
    const before = recording.records.get("s.b")!.wordingDigest;
    const worded = chain.map((action) => (action.id === "s.b" ? { ...action, description: "B." } : action));
    expect((await build(recording, worded)).outcomes["s.b"]).toBe("unchanged");
    expect(recording.records.get("s.b")!.wordingDigest).not.toBe(before);
  });

  test("when a model reads the clock, it is never up to date; by the hour, it is until the hour ends", async () => {
    const recording = recordingEngine();
    const actions = [
      table("s.now", [], { query: "select current_timestamp() as at from `p.s.q`" }),
      table("s.hour", [], { query: "select timestamp_trunc(current_timestamp(), hour) as at from `p.s.q`" }),
    ];
    await build(recording, actions);
    expect((await build(recording, actions)).outcomes).toEqual({ "s.now": "done", "s.hour": "unchanged" });
    const later = { now: () => new Date("2026-03-10T13:00:00Z") };
    expect((await build(recording, actions, later)).outcomes).toEqual({ "s.now": "done", "s.hour": "done" });
  });

  test("when nobody knows what a model reads, as with a statement made at run time, it is never up to date", async () => {
    const recording = recordingEngine();
    const actions = [
      table("s.a", [], { postOps: ["EXECUTE  IMMEDIATE 'select 1'"] }),
      table("s.b", []),
      table("s.c", [], { query: "select table_name from `p.s.Information_Schema.TABLES`" }),
    ];
    await build(recording, actions);
    const { outcomes } = await build(recording, actions);
    expect(outcomes).toEqual({ "s.a": "done", "s.b": "unchanged", "s.c": "done" });
  });

  test("when an append adds nothing, what reads its table is still up to date", async () => {
    const recording = recordingEngine();
    const actions = [incremental("s.log", [], { strategy: "append", uniqueKey: [] }), table("s.b", ["s.log"])];
    await build(recording, actions);
    expect((await build(recording, actions)).outcomes).toEqual({ "s.log": "done", "s.b": "unchanged" });
  });

  test("when a table was dropped behind its back, it is built again", async () => {
    const recording = recordingEngine();
    await build(recording, [table("s.b", [])]);
    ((await recording.engine.relations([])) as Map<string, Relation>).delete("s.b");
    expect((await build(recording, [table("s.b", [])])).outcomes["s.b"]).toBe("done");
  });

  test("when the build is interrupted, what runs comes to its end and nothing more begins", async () => {
    const recording = recordingEngine({ parallel: 2 });
    const stop = new AbortController();
    const onStep = () => stop.abort(new Error("enough"));
    const plan = planBuild(graphOf(...Array.from({ length: 6 }, (_, i) => table(`s.t${i}`, []))), {
      relations: new Map(),
    });
    await expect(runPlan(plan, recording.engine, { ...world, signal: stop.signal, onStep })).rejects.toThrow("enough");
    const begun = recording.log.length;
    await new Promise((done) => setTimeout(done, 20));
    expect(recording.log).toHaveLength(begun);
    expect(begun).toBeLessThan(6);
  });
});
