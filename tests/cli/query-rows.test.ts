import { parse } from "csv-parse/sync";
import { describe, expect, test } from "vitest";
import { renderRows } from "../../cli/commands/query/render-rows.ts";
import { whatToAsk } from "../../cli/commands/query/what-to-ask.ts";
import { statementLast } from "../../cli/statement-last.ts";
import { UserError } from "../../errors/user-error.ts";

const result = {
  columns: [
    { name: "name", type: "STRING" },
    { name: "n", type: "INT64" },
    { name: "parts", type: "ARRAY<STRUCT<a INT64>>" },
  ],
  rows: [
    { name: 'said "no",\nand went', n: 9_007_199_254_740_993n, parts: [{ a: 1 }] },
    { name: null, n: 2n, parts: [] },
  ],
};

describe("when rows are printed", () => {
  test("as CSV, then a reader of CSV has every value again, and nothing for NULL", () => {
    const rows = parse(renderRows(result, { limit: 1, format: "csv" }));
    expect(rows).toEqual([
      ["name", "n", "parts"],
      ['said "no",\nand went', "9007199254740993", '[{"a": 1}]'],
      ["", "2", "[]"],
    ]);
  });

  test("as NDJSON, then each line is a row", () => {
    const lines = renderRows(result, { limit: 1, format: "ndjson" }).split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { name: 'said "no",\nand went', n: "9007199254740993", parts: [{ a: 1 }] },
      { name: null, n: 2, parts: [] },
    ]);
  });

  test("and a table is wider than the terminal, then each value has a line; in a pipe it stays a table", () => {
    const narrow = renderRows(result, { limit: 1, width: 20 });
    expect(narrow).toBe(
      'row 1\n  name   said "no",\nand went\n  n      9007199254740993\n  parts  [{a: 1}]\n\n2 rows, 1 shown',
    );
    expect(renderRows(result, { limit: 9, width: 200 })).toMatch(/^name .* n +parts\n-/);
    expect(renderRows(result, { limit: 9 })).toMatch(/^name .* n +parts\n-/);
    expect(renderRows(result, { limit: 9, format: "table", width: 20 })).toMatch(/^name .* n +parts\n-/);
  });
});

describe("when a table is not there", () => {
  const tables: Readonly<Record<string, readonly string[]>> = {
    training: ["examples"],
    events: ["messages", "events"],
  };
  const warehouse = {
    query: async (sql: string) => {
      const found = tables[/`(\w+)`/.exec(sql)![1]!];
      if (!found) throw new Error("no such dataset");
      return { columns: [], rows: found.map((table_name) => ({ table_name })) };
    },
  } as unknown as Parameters<typeof whatToAsk>[1];
  const asked = async (message: string, code = "sql.analysis") =>
    (await whatToAsk(new UserError(message, { code, exit: "check" }), warehouse)) as UserError;

  test.each([
    ["training.exmaples", "training.examples"],
    ["messages", "events.messages"],
    ["trainig.examples", "training.examples"],
  ])("and it is called %s, then %s is proposed", async (wrong, right) => {
    const error = await asked(`Table not found: ${wrong}`);
    expect(error.message).toBe(`Table not found: ${wrong}. Did you mean ${right}?`);
    expect(error.next).toBe(`inboxloop docs ${right}`);
  });

  test("and nothing is like it, then all that there is is offered", async () => {
    expect((await asked("Table not found: weather")).next).toBe("inboxloop docs");
  });

  test("and SHOW asks for all, then the query that tells is named; another error stays as it is", async () => {
    expect((await asked("no SHOW", "refused.The_statement_SHOW")).next).toMatch(/INFORMATION_SCHEMA\.TABLES/);
    const other = new Error("x");
    expect(await whatToAsk(other, warehouse)).toBe(other);
  });
});

test.each([
  [
    ["query", "-- all\nselect 1", "--json"],
    ["query", "--json", "--", "-- all\nselect 1"],
  ],
  [
    ["query", "select 1", "--json"],
    ["query", "select 1", "--json"],
  ],
  [
    ["query", "--", "-- all\nselect 1"],
    ["query", "--", "-- all\nselect 1"],
  ],
])("when the words are %j, then they are read as %j", (words, read) => {
  expect(statementLast(words)).toEqual(read);
});
