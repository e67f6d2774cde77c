import { describe, expect, test } from "vitest";
import { columnChanges, compareWithLastBuild } from "../../../warehouse/dataform/changes.ts";
import type { BuildRecord } from "../../../warehouse/dataform/engine.ts";
import type { Graph } from "../../../warehouse/dataform/graph.ts";
import { planBuild } from "../../../warehouse/dataform/plan.ts";
import { graphOf, source, table, view } from "./graphs.ts";

/** Records as a build of that graph would leave them. */
const built = (graph: Graph): ReadonlyMap<string, BuildRecord> =>
  new Map(
    planBuild(graph, { relations: new Map() }).steps.map((step) => [
      step.id,
      {
        id: step.id,
        kind: step.kind,
        file: step.file,
        sqlDigest: step.sqlDigest,
        wordingDigest: step.wordingDigest,
        inputs: "",
        stamp: "",
        columns: [],
        dependsOn: step.action.dependsOn,
        builtAt: "2026-03-10T00:00:00Z",
      },
    ]),
  );

const before = graphOf(
  source("raw.x"),
  view("s.a", ["raw.x"]),
  table("s.b", ["s.a"]),
  table("s.c", ["s.b"]),
  table("s.d", []),
);

describe("compareWithLastBuild", () => {
  const changes = (after: Graph) =>
    compareWithLastBuild(after, built(before)).map(({ id, kind, because, touches }) => [
      id,
      kind,
      because ?? [],
      touches,
    ]);

  test("when nothing has changed, there is nothing to say", () => {
    expect(changes(before)).toEqual([]);
  });

  test("when actions come, go and change, each is named with what it touches", () => {
    const after = graphOf(
      source("raw.x"),
      view("s.a", ["raw.x"], { query: "select 2 as k from `p.raw.x`" }),
      table("s.b", ["s.a"]),
      table("s.c", ["s.b"], { description: "C." }),
      table("s.e", ["s.b"]),
    );
    expect(changes(after)).toEqual([
      ["s.a", "changed", [], ["s.b", "s.c", "s.e"]],
      ["s.b", "downstream", ["s.a"], ["s.c", "s.e"]],
      ["s.c", "downstream", ["s.a"], []],
      ["s.e", "added", [], []],
      ["s.d", "removed", [], []],
    ]);
  });

  test("when only wording has changed, it is reworded and touches nothing", () => {
    const after = graphOf(
      ...before.actions.map((action) => (action.id === "s.b" ? { ...action, tags: ["x"] } : action)),
    );
    expect(changes(after)).toEqual([["s.b", "reworded", [], ["s.c"]]]);
  });
});

describe("columnChanges", () => {
  test("when columns come, go or change type, each is named", () => {
    const column = (name: string, type = "INT64") => ({ name, type });
    expect(
      columnChanges([column("a"), column("b"), column("c")], [column("A"), column("b", "STRING"), column("d")]),
    ).toEqual([
      { name: "b", before: "INT64", after: "STRING" },
      { name: "c", before: "INT64", after: undefined },
      { name: "d", after: "INT64" },
    ]);
  });
});
