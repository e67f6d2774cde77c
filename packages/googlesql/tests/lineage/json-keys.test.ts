import { expect, test } from "vitest";
import { columnLineage, type LineageCatalog } from "../../lineage/column-lineage.ts";
import { jsonShape, plain } from "../../lineage/value.ts";
import { lineageText } from "./support.ts";

const table = (id: string, keys: readonly string[]) => ({
  id,
  columns: [
    { name: "id", shape: plain },
    { name: "j", shape: jsonShape(keys) },
  ],
});
const tables = { t: table("t", ["k", "Some key", "*"]), u: table("u", ["k", "m"]), w: table("w", ["k", "Some key"]) };
const catalog: LineageCatalog = { table: (path) => tables[path.at(-1) as keyof typeof tables] };

test.each([
  ["select json_value(j, '$.k') as v from t", "v: t.j.k T"],
  ["select json_value(j, '$.k.deeper[0]') as v from t", "v: t.j.k T"],
  ["select json_query_array(j, '$[\\'Some key\\']') as v from t", "v: t.j.Some key T"],
  ["select json_value(j, '$.\"Some key\"') as v from t", "v: t.j.Some key T"],
  ["select j.k.l as v from t", "v: t.j.k T"],
  ["select string(j['k']) as v from t", "v: t.j.k T"],
  ["select coalesce(x.k2, '') as v from (select json_value(j, '$.k') as k2 from t) as x", "v: t.j.k T"],
])("when a key of JSON that is told apart is read then it alone is the source: %s", (sql, line) => {
  expect(lineageText(columnLineage(sql, catalog))[0]).toBe(line);
});

test.each([
  ["a key in other letters", "select json_value(j, '$.K') as v from t"],
  ["a key that nobody named", "select json_value(j, '$.secret') as v from t"],
])("when %s is read then the keys that nobody named are the source", (_, sql) => {
  expect(lineageText(columnLineage(sql, catalog))[0]).toBe("v: t.j.* T");
});

test.each([
  ["a path that is worked out", "select json_value(j, concat('$.', id)) as v from t"],
  ["the whole object", "select to_json_string(j) as v from t"],
  ["a path to all of it", "select json_query(j, '$') as v from t"],
  ["lax paths", "select json_query(j, 'lax $.k') as v from t"],
  ["a subscript that is worked out", "select string(j[id]) as v from t"],
])("when it is %s then every key is a source", (_, sql) => {
  expect(lineageText(columnLineage(sql, catalog))[0]).toMatch(/t\.j\.\* T.*t\.j\.Some key T.*t\.j\.k T/);
});

test("when an object is handed on as it is then its keys stay apart, through a union of alike ones too", () => {
  const parts = (sql: string) => lineageText(columnLineage(sql, catalog)).slice(0, -1);
  expect(parts("select j from (select * from t where id > 0)")).toEqual([
    "j.k: t.j.k I",
    "j.Some key: t.j.Some key I",
    "j.*: t.j.* I",
  ]);
  expect(parts("select json_value(j, '$.k') as v from (select j from t union all select j from w)")[0]).toBe(
    "v: t.j.k T, w.j.k T",
  );
  // Of objects whose keys are others nobody says which is which.
  expect(parts("select json_value(j, '$.k') as v from (select j from t union all select j from u)")[0]).toMatch(
    /t\.j\.\* T.*u\.j\.m T/,
  );
});
