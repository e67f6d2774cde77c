import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { checkDataPolicy } from "../../governance/data-policy/check.ts";
import { jsonKeysOf } from "../../governance/data-policy/classes.ts";
import { type DataPolicy, parseDataPolicy } from "../../governance/data-policy/data-policy.ts";
import { keptDays } from "../../governance/data-policy/kept-days.ts";
import type { Action } from "../../warehouse/dataform/graph.ts";
import { lineageOf } from "../../warehouse/dataform/lineage.ts";
import { LineageGraph, nodeName } from "../../warehouse/dataform/lineage-graph.ts";
import { graphOf, source, table, view } from "../warehouse/dataform/graphs.ts";

const all = ["training", "activation"];
const statement = (more: object = {}) => ({
  version: 1,
  purposes: {
    training: { rests_on: "consent", means: "models" },
    activation: { rests_on: "consent", means: "mails" },
  },
  classes: Object.fromEntries(
    ["direct_identifier", "sensitive", "pseudonym", "commercial", "behaviour", "reference"].map((name) => {
      const allowed = name === "direct_identifier" || name === "sensitive" ? [] : all;
      const transformation = name === "pseudonym" ? [] : name === "commercial" ? ["activation"] : allowed;
      const deletion = { after_days: name === "behaviour" ? 90 : name === "commercial" ? 30 : null };
      return [
        name,
        { means: name, collection: allowed, storage: allowed, transformation, activation: allowed, deletion },
      ];
    }),
  ),
  columns: {
    "raw.people": {
      id: "pseudonym",
      paid: "commercial",
      seen: "behaviour",
      said: { theme: "behaviour", health: "sensitive", "*": "sensitive" },
    },
  },
  uses: [
    { name: "inputs", stage: "transformation", purposes: ["training"], of: ["features.f"], except: ["features.f.id"] },
  ],
  ...more,
});
const policyOf = (more: object = {}): DataPolicy => parseDataPolicy(stringify(statement(more)), "policies.yaml");

const columns = [
  { name: "id", type: "STRING" },
  { name: "paid", type: "NUMERIC" },
  { name: "seen", type: "INT64" },
  { name: "said", type: "JSON" },
];

async function checked(query: string, more: object = {}, request: { approved?: string[]; actions?: Action[] } = {}) {
  const policy = policyOf(more);
  const actions = request.actions ?? [source("raw.people"), view("features.f", ["raw.people"], { query })];
  const lineage = await lineageOf(graphOf(...actions), {
    columnsOf: async () => columns,
    jsonKeysOf: jsonKeysOf(policy),
  });
  const approved = new Set(request.approved ?? []);
  const { findings } = checkDataPolicy({ policy, lineage, file: "policies.yaml", approved, today: "2026-03-01" });
  return findings.map(({ kind, path }) => [kind, ...(path ?? [])].join(" "));
}

describe("a class travels", () => {
  test("when a feature hands a pseudonym on, counts it, or is made of two models of it, then each is refused with its way", async () => {
    const middle = view("staging.m", ["raw.people"], { query: "select id, seen from `p.raw.people`" });
    const last = view("features.f", ["staging.m"], {
      query: "select id, to_hex(sha256(id)) as digest, seen from `p.staging.m`",
    });
    expect(await checked("", {}, { actions: [source("raw.people"), middle, last] })).toEqual([
      "not-allowed features.f.digest staging.m.id raw.people.id",
    ]);
    expect(await checked("select max(id) as id, count(distinct id) as n from `p.raw.people`")).toEqual([
      "not-allowed features.f.n raw.people.id",
    ]);
  });

  test("when a pseudonym only joins, groups or counts rows, then its value is not handed on", async () => {
    expect(
      await checked(
        "select a.id, count(*) as n, sum(b.seen) as s from `p.raw.people` as a join `p.raw.people` as b on a.id = b.id group by a.id",
      ),
    ).toEqual([]);
  });

  test("when a feature is chosen by what was paid, then it is refused as what was paid is", async () => {
    expect(await checked("select id, if(paid > 100, 'much', 'little') as level, seen from `p.raw.people`")).toEqual([
      "not-allowed features.f.level raw.people.paid",
    ]);
    expect(await checked("select id, seen from `p.raw.people` where paid > 100")).toEqual([]);
  });

  test("when only the rows are chosen by something sensitive, then every column is refused; a key that is named as harmless is none", async () => {
    expect(
      await checked("select id, seen from `p.raw.people` where json_value(said, '$.health') = 'diabetes'"),
    ).toEqual(["not-allowed features.f.seen features.f.(rows) raw.people.said.health"]);
    expect(await checked("select id, json_value(said, '$.theme') as theme from `p.raw.people`")).toEqual([]);
    expect(await checked("select id, json_value(said, '$.faith') as theme from `p.raw.people`")).toEqual([
      "not-allowed features.f.theme raw.people.said.*",
    ]);
  });

  test("when the policy says that a column is no longer what it is made of, then it is what the policy says", async () => {
    const query = "select id, count(distinct id) as n, max(id) as other from `p.raw.people` group by id";
    const derived = [{ of: ["features.f.n"], class: "reference", because: "a number of many" }];
    expect(await checked(query, { derived })).toEqual(["not-allowed features.f.other raw.people.id"]);
  });
});

describe("what is not proven is found", () => {
  test("when a column has no class, a pattern means nothing, or a model is kept for no purpose, then each is a finding", async () => {
    const named = { "raw.people": { id: "pseudonym", paid: "commercial", seen: "behaviour", gone: "behaviour" } };
    expect(await checked("select seen from `p.raw.people`", { columns: named })).toEqual([
      "stale",
      "stale",
      "unclassified",
    ]);
    const kept = table("marts.m", ["raw.people"], { query: "select seen from `p.raw.people`" });
    const feature = view("features.f", ["raw.people"], { query: "select id, seen from `p.raw.people`" });
    expect(await checked("", {}, { actions: [source("raw.people"), feature, kept] })).toEqual(["without-purpose"]);
  });

  test("when a model cannot be followed, then it and what reads it are no proof", async () => {
    const opaque = view("staging.m", ["raw.people"], {
      query: "select * from ml.predict(model `p.x`, table `p.raw.people`)",
    });
    const feature = view("features.f", ["staging.m"], { query: "select seen from `p.staging.m`" });
    const found = await checked("", {}, { actions: [source("raw.people"), opaque, feature] });
    expect(found.filter((one) => one === "unknown-lineage").length).toBeGreaterThan(0);
  });
});

describe("a sensitive use", () => {
  const query = "select id, json_value(said, '$.health') as illness from `p.raw.people`";
  const grant = (until: string) => ({
    grants: [
      {
        name: "allergies",
        of: ["raw.people.said.health"],
        stages: ["transformation"],
        purposes: ["training"],
        lawful_basis: { article: "9(2)(a)", reference: "consent form 3" },
        until,
      },
    ],
  });

  test("when its grant is signed and holds then it passes; unsigned, ended, or for another stage it does not", async () => {
    expect(await checked(query, grant("2026-03-01"), { approved: ["allergies"] })).toEqual([]);
    expect(await checked(query, grant("2026-03-01"))).toEqual([
      "not-approved features.f.illness raw.people.said.health",
    ]);
    expect(await checked(query, grant("2026-02-28"), { approved: ["allergies"] })).toEqual([
      "not-allowed features.f.illness raw.people.said.health",
    ]);
    const other = { grants: [{ ...grant("2026-03-01").grants[0], stages: ["storage"] }] };
    expect(await checked(query, other, { approved: ["allergies"] })).toEqual([
      "not-allowed features.f.illness raw.people.said.health",
    ]);
  });

  test.each([
    [
      "a purpose of the class itself",
      {
        classes: { ...statement().classes, sensitive: { ...statement().classes["sensitive"], storage: ["training"] } },
      },
      /classes\.sensitive\.storage.*grants/,
    ],
    [
      "a basis that is none",
      { grants: [{ ...grant("2026-03-01").grants[0], lawful_basis: { article: "6(1)(f)", reference: "x" } }] },
      /Article 9\(2\)/,
    ],
    [
      "a purpose that is none",
      { grants: [{ ...grant("2026-03-01").grants[0], purposes: ["fun"] }] },
      /no purpose "fun"/,
    ],
    [
      "a grant under the name of the whole",
      { grants: [{ ...grant("2026-03-01").grants[0], name: "matrix" }] },
      /policy as a whole/,
    ],
    [
      "JSON without a word about the rest",
      { columns: { "raw.people": { said: { health: "sensitive" } } } },
      /need a "\*"/,
    ],
  ])("when a policy has %s then it is refused with its line", (_, more, message) => {
    expect(() => policyOf(more)).toThrow(message);
    try {
      policyOf(more);
    } catch (error) {
      expect(error).toMatchObject({
        code: "data-policy.invalid",
        where: expect.stringMatching(/^policies\.yaml:\d+$/),
      });
    }
  });
});

test("when nothing is stated of a table then it is kept as long as the shortest of its classes, and without an end where none has one", () => {
  expect(keptDays(policyOf(), "raw.people")).toBe(30);
  const retention = { "raw.people": { after_days: null, because: "a test" } };
  expect(keptDays(policyOf({ retention }), "raw.people")).toBeNull();
});

test("when a graph is any graph, then what is reached from sources is what has one of them above it", () => {
  const name = fc.integer({ min: 0, max: 7 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, name), { maxLength: 20 }),
      fc.uniqueArray(name, { maxLength: 3 }),
      (pairs, from) => {
        const node = (at: number) => ({ table: "t", column: `c${at}` });
        const edges = pairs
          .filter(([a, b]) => a < b)
          .map(([a, b]) => ({ from: node(a), to: node(b), subtypes: ["IDENTITY"] as const, isDirect: true }));
        const graph = new LineageGraph(new Map(), edges, new Map(), new Map());
        const sources = from.map(node);
        const wanted = new Set(sources.map(nodeName));
        const isAbove = (tree: ReturnType<LineageGraph["upstream"]>): boolean =>
          wanted.has(nodeName(tree.node)) || tree.children.some(isAbove);
        const expected = [0, 1, 2, 3, 4, 5, 6, 7]
          .map(node)
          .filter(
            (one) =>
              edges.some(({ from: a, to: b }) => [nodeName(a), nodeName(b)].includes(nodeName(one))) ||
              wanted.has(nodeName(one)),
          )
          .filter((one) => isAbove(graph.upstream(one)))
          .map(nodeName);
        expect([...graph.reached(sources).keys()].sort()).toEqual(expected.sort());
      },
    ),
    { seed: 12, numRuns: 200 },
  );
});

test("when the own policy is read then it holds, and no class lets a direct identifier or something sensitive serve anything", () => {
  const file = join(import.meta.dirname, "../../governance/policies.yaml");
  const { classes, grants } = parseDataPolicy(readFileSync(file, "utf8"), file);
  for (const one of [classes.direct_identifier, classes.sensitive])
    expect([...one.collection, ...one.storage, ...one.transformation, ...one.activation]).toEqual([]);
  expect(grants).toEqual([]);
});
