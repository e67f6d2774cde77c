import { describe, expect, test } from "vitest";
import { UserError } from "../../../errors/user-error.ts";
import { planBuild } from "../../../warehouse/dataform/plan.ts";
import { selectActions } from "../../../warehouse/dataform/selection.ts";
import { type Relation, schemaChange, tableStatements } from "../../../warehouse/dataform/statements.ts";
import { assertion, graphOf, incremental, source, table, view } from "./graphs.ts";

const graph = graphOf(
  source("raw.x"),
  view("s.a", ["raw.x"], { tags: ["hourly"] }),
  table("s.b", ["s.a"]),
  table("s.c", ["s.b"], { tags: ["daily"] }),
  table("s.d", ["raw.x"]),
  assertion("t.b_is_unique", ["s.b"], ["stop"]),
  assertion("t.b_against_c", ["s.b", "s.c"], ["stop"]),
);
const selected = (...select: string[]) => [...selectActions(graph, { select })].sort();
const existing = (columns: string, kind: Relation["kind"] = "table"): Relation => ({
  kind,
  columns: columns.split(" ").map((name) => ({ name, type: "INT64" })),
});

describe("selectActions", () => {
  test("when nothing is said, everything that can run is selected", () => {
    expect(selected()).toEqual(["s.a", "s.b", "s.c", "s.d", "t.b_against_c", "t.b_is_unique"]);
  });
  test.each([
    ["b", ["s.b", "t.b_is_unique"]],
    ["s.b", ["s.b", "t.b_is_unique"]],
    ["+b", ["s.a", "s.b", "t.b_is_unique"]],
    ["b+", ["s.b", "s.c", "t.b_against_c", "t.b_is_unique"]],
    ["1+c", ["s.b", "s.c", "t.b_against_c", "t.b_is_unique"]],
    ["tag:hourly", ["s.a"]],
    ["kind:view", ["s.a"]],
    ["path:definitions/s", ["s.a", "s.b", "s.c", "s.d", "t.b_against_c", "t.b_is_unique"]],
    ["s.*,tag:daily", ["s.a", "s.b", "s.c", "s.d", "t.b_against_c", "t.b_is_unique"]],
    ["t.b_is_unique", ["t.b_is_unique"]],
  ])("when %s is asked for, it is those and the assertions about them", (what, ids) => {
    expect(selected(what)).toEqual(ids);
  });
  test("when tags and --include-deps are given, what the tagged need comes along", () => {
    expect([...selectActions(graph, { tags: ["daily"], includeDeps: true })].sort()).toEqual([
      "s.a",
      "s.b",
      "s.c",
      "t.b_against_c",
      "t.b_is_unique",
    ]);
  });
  test("when nothing is called so, the error names the closest", () => {
    expect(() => selected("stg_b")).toThrow(/no action of the project is called "stg_b"; did you mean "b"/);
  });
});

describe("planBuild", () => {
  test("when steps wait for each other, they come in that order, and a stop assertion guards what reads its table", () => {
    const { steps, sources } = planBuild(graph, { relations: new Map() });
    expect(steps.map((step) => [step.id, step.waitsFor])).toEqual([
      ["s.a", []],
      ["s.b", ["s.a"]],
      ["t.b_is_unique", ["s.b"]],
      ["s.c", ["s.b", "t.b_is_unique"]],
      ["s.d", []],
      ["t.b_against_c", ["s.b", "s.c"]],
    ]);
    expect(sources.map((found) => found.id)).toEqual(["raw.x"]);
  });

  test("when an action is disabled, it is left out and its dependents wait for what it waited for", () => {
    const { steps, skipped } = planBuild(
      graphOf(table("s.a", []), table("s.b", ["s.a"], { disabled: true }), table("s.c", ["s.b"])),
      { relations: new Map() },
    );
    expect(skipped).toEqual([{ id: "s.b", file: "definitions/s/b.sqlx", why: "disabled" }]);
    expect(steps.map((step) => [step.id, step.waitsFor])).toEqual([
      ["s.a", []],
      ["s.c", ["s.a"]],
    ]);
  });

  test("when two actions differ in their database alone, an engine without databases refuses them", () => {
    const twin = { ...table("s.a", []), id: "q.s.a" };
    const both = graphOf(table("s.a", []), twin);
    expect(() => planBuild(both, { relations: new Map(), ignoresDatabases: true })).toThrow(UserError);
    expect(planBuild(both, { relations: new Map() }).steps).toHaveLength(2);
  });
});

describe("tableStatements", () => {
  const now = (action: Parameters<typeof tableStatements>[0], relation?: Relation, fullRefresh = false) =>
    tableStatements(action, relation, { fullRefresh });

  test("when a table has storage options and operations around it, they are one script in order", () => {
    const action = table("s.b", ["s.a"], {
      preOps: ["declare d date default current_date()"],
      postOps: [" grant select on t to 'x'; "],
      storage: {
        partitionBy: "date(at)",
        clusterBy: ["a", "b"],
        incrementalPredicates: [],
        requirePartitionFilter: true,
        partitionExpirationDays: 30,
        labels: {},
        additionalOptions: { description: '"x"' },
      },
    });
    expect(now(action)).toEqual({
      mode: "create",
      statements: [
        "declare d date default current_date()",
        'create or replace table `p.s.b`\npartition by date(at)\ncluster by a, b\noptions(partition_expiration_days=30, require_partition_filter=true, description="x")\nas select * from `p.s.a`',
        "grant select on t to 'x'",
      ],
    });
  });

  test("when a view becomes a table, the view goes first", () => {
    expect(now(table("s.b", ["s.a"]), existing("x", "view")).statements[0]).toBe("drop view if exists `p.s.b`");
    expect(now(view("s.b", ["s.a"]), existing("x")).statements[0]).toBe("drop table if exists `p.s.b`");
  });

  test("when an incremental table is there, a key merges", () => {
    const action = incremental(
      "s.b",
      ["s.a"],
      { uniqueKey: ["k", "l"] },
      {
        storage: {
          ...table("s.b", []).storage,
          updatePartitionFilter: "at >= timestamp '2026-01-01'",
          incrementalPredicates: ["DATAFORM_SOURCE.v > 0"],
        },
      },
    );
    expect(now(action, existing("k l v"))).toEqual({
      mode: "merge",
      statements: [
        [
          "merge into `p.s.b` as DATAFORM_DEST",
          "using (\nselect new.*\n) as DATAFORM_SOURCE",
          "on DATAFORM_DEST.`k` = DATAFORM_SOURCE.`k` and DATAFORM_DEST.`l` = DATAFORM_SOURCE.`l` and DATAFORM_DEST.at >= timestamp '2026-01-01' and (DATAFORM_SOURCE.v > 0)",
          "when matched then",
          "  update set `k` = DATAFORM_SOURCE.`k`, `l` = DATAFORM_SOURCE.`l`, `v` = DATAFORM_SOURCE.`v`",
          "when not matched then",
          "  insert (`k`, `l`, `v`) values (DATAFORM_SOURCE.`k`, DATAFORM_SOURCE.`l`, DATAFORM_SOURCE.`v`)",
        ].join("\n"),
      ],
    });
  });

  test("when it has no key it appends; when it overwrites, whole partitions are replaced", () => {
    expect(now(incremental("s.b", [], { strategy: "append", uniqueKey: [] }), existing("k v"))).toEqual({
      mode: "append",
      statements: ["insert into `p.s.b` (`k`, `v`)\nselect `k`, `v`\nfrom (\nselect new.*\n) as insertions"],
    });
    const storage = { ...table("s.b", []).storage, partitionBy: "date(at)" };
    expect(now(incremental("s.b", [], { strategy: "overwrite" }, { storage }), existing("k at")).statements).toEqual([
      "create or replace temp table `_s_b_staged` as\nselect new.*",
      "delete from `p.s.b` as DATAFORM_DEST\nwhere date(at) in (select distinct date(at) from `_s_b_staged` where date(at) is not null)",
      "insert into `p.s.b` (`k`, `at`)\nselect `k`, `at` from `_s_b_staged`",
      "drop table `_s_b_staged`",
    ]);
    const guarded = { ...storage, requirePartitionFilter: true };
    expect(
      now(incremental("s.b", [], { strategy: "overwrite" }, { storage: guarded }), existing("k at")).statements[1],
    ).toBe(
      "begin\ndeclare _arrived default array(select distinct date(at) from `_s_b_staged` where date(at) is not null);\ndelete from `p.s.b` as DATAFORM_DEST\nwhere date(at) in unnest(_arrived);\nend",
    );
  });

  test("when a full refresh is asked for, it is created anew unless it is protected", () => {
    expect(now(incremental("s.b", []), existing("k"), true).mode).toBe("create");
    expect(now(incremental("s.b", [], { isProtected: true }), existing("k"), true).mode).toBe("merge");
  });
});

describe("schemaChange", () => {
  const change = (onSchemaChange: "IGNORE" | "FAIL" | "EXTEND" | "SYNCHRONIZE", before: string, after: string) => {
    const { statements, columns } = schemaChange(
      incremental("s.b", [], { onSchemaChange }),
      existing(before),
      existing(after).columns,
    );
    return [statements, columns.map((column) => column.name).join(" ")];
  };
  test("when columns come and go, the policy decides", () => {
    expect(change("IGNORE", "k a", "k b")).toEqual([[], "k a"]);
    expect(change("EXTEND", "k a", "K A b")).toEqual([["alter table `p.s.b` add column `b` INT64"], "k a b"]);
    expect(change("SYNCHRONIZE", "k a", "k b")).toEqual([
      ["alter table `p.s.b` drop column `a`", "alter table `p.s.b` add column `b` INT64"],
      "k b",
    ]);
    expect(change("FAIL", "k a", "a k")).toEqual([[], "k a"]);
  });
  test("when the policy forbids it, the error names what came and went", () => {
    expect(() => change("FAIL", "k a", "k b")).toThrow("added: b; removed: a");
    expect(() => change("EXTEND", "k a", "k")).toThrow("removed: a");
    expect(() => change("SYNCHRONIZE", "k a", "a")).toThrow("a column of the unique key cannot go");
  });
});
