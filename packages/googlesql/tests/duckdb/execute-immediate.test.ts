import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse({ limits: { loopRounds: 100 } });
});
afterAll(() => warehouse.close());

const rowsOf = async (sql: string) => (await warehouse.run(sql, { file: "s.sql" })).rows;

describe("a statement made at run time", () => {
  test("when the documentation's books are asked for, they are all there", async () => {
    const { statements } = await warehouse.run(`
      declare book_name string default 'Ulysses';
      declare book_year int64 default 1922;
      declare first_date int64;
      execute immediate "create temp table Books (title string, publish_date int64)";
      execute immediate "insert into Books (title, publish_date) values('Hamlet', 1599)";
      execute immediate "insert into Books (title, publish_date) values(?, ?)" using book_name, book_year;
      execute immediate "insert into Books (title, publish_date) values(@name, @year)" using 1815 as year, "Emma" as name;
      execute immediate concat("insert into Books (title, publish_date)", "values('Middlemarch', 1871)");
      execute immediate "select min(publish_date) from Books limit 1" into first_date;
      select first_date;
      select title from Books order by publish_date`);
    expect(statements.at(-2)!.rows).toEqual([[1599n]]);
    expect(statements.at(-1)!.rows).toEqual([["Hamlet"], ["Emma"], ["Middlemarch"], ["Ulysses"]]);
    // One of CREATE, four of INSERT, two of SELECT; what goes INTO a variable is no result.
    expect(statements.map(({ rowsAffected, rows }) => rowsAffected ?? BigInt(rows.length))).toHaveLength(7);
  });

  test.each<[what: string, sql: string, rows: readonly (readonly unknown[])[]]>([
    ["is a query", "execute immediate 'select 1 as a, 2 as b'", [[1n, 2n]]],
    ["is a script's only statement with its semicolon", "execute immediate 'select 1;'", [[1n]]],
    [
      "takes values by place",
      "declare y int64; execute immediate 'select ? * (? + 2)' into y using 1, 3; select y",
      [[5n]],
    ],
    [
      "takes values by name",
      "declare y int64; execute immediate 'select @a * (@B + 2)' into y using 1 as A, 3 as b; select y",
      [[5n]],
    ],
    [
      "changes a variable that it is given",
      "declare y int64 default 2; execute immediate 'select ? * 10' into y using y; select y",
      [[20n]],
    ],
    [
      "gives no row",
      "declare x int64 default 1; execute immediate 'select 1 from unnest([1]) where false' into x; select x",
      [[null]],
    ],
    [
      "gives what the variable's type takes",
      "declare f float64; declare t array<int64>; execute immediate 'select 7, [1, 2]' into f, t; select f, array_length(t)",
      [[7, 2n]],
    ],
    [
      "gives a record",
      "declare s struct<a int64, b string>; execute immediate 'select struct(1 as a, \"x\" as b)' into s; select s.a, s.b",
      [[1n, "x"]],
    ],
    [
      "asks for the rows that the last change touched",
      "create temp table changed as select 1 as a; update changed set a = 2 where true; execute immediate 'select @@row_count'",
      [[1n]],
    ],
    [
      "changes rows, and the script asks how many",
      "create or replace temp table changed as select x from unnest([1, 2, 3]) x; execute immediate 'delete from changed where x > 1'; select @@row_count",
      [[2n]],
    ],
    [
      "stands in a loop",
      "declare total int64 default 0; for r in (select * from unnest(['1', '2', '3']) as n) do execute immediate format('select %d + %s', total, r.n) into total; end for; select total",
      [[6n]],
    ],
    [
      "fails in a block with a handler",
      "begin execute immediate 'select 1 / 0'; exception when error then select 'caught'; end",
      [["caught"]],
    ],
  ])("when it %s, then GoogleSQL's answer comes", async (_, sql, rows) => {
    expect(await rowsOf(sql)).toEqual(rows);
  });

  test.each<[what: string, sql: string, error: Record<string, unknown>]>([
    ["is NULL", "execute immediate cast(null as string)", { code: "sql.evaluation", message: /cannot be NULL/ }],
    ["is empty", "execute immediate '  -- nothing'", { code: "sql.evaluation", message: /^Empty EXECUTE IMMEDIATE/ }],
    ["is two", "execute immediate 'select 1; select 2'", { code: "sql.evaluation", message: /exactly one statement/ }],
    ["is a number", "execute immediate 10", { code: "sql.analysis" }],
    [
      "is no SQL",
      "\nexecute immediate 'select\\n 1 1'",
      { code: "sql.syntax", where: "s.sql:2:19 > EXECUTE IMMEDIATE:2:4" },
    ],
    [
      "is control flow",
      "execute immediate 'if true then select 1; end if'",
      { code: "sql.evaluation", message: /type: IF$/ },
    ],
    ["is a block", "execute immediate 'begin select 1; end'", { code: "sql.evaluation", message: /type: BLOCK$/ }],
    ["makes another", "execute immediate 'execute immediate \"select 1\"'", { code: "sql.evaluation" }],
    [
      "begins a transaction",
      "execute immediate 'begin transaction'",
      { code: "refused.EXECUTE_IMMEDIATE_transaction" },
    ],
    ["uses what is not verified", "execute immediate 'select soundex(\"a\"), st_area(null)'", { code: /^refused\./ }],
    ["names a variable of the script", "declare x int64; execute immediate 'select x'", { code: "sql.analysis" }],
    ["lacks a value", "execute immediate 'select ? + ?' using 1", { code: "sql.analysis" }],
    ["lacks a named value", "execute immediate 'select @b' using 1 as a", { code: "sql.analysis" }],
    ["has values by name and by place", "execute immediate 'select ?' using 1, 2 as b", { code: "sql.analysis" }],
    ["has a name twice", "execute immediate 'select @a' using 1 as a, 2 as A", { code: "sql.analysis" }],
    ["fills a variable twice", "declare x int64; execute immediate 'select 1, 2' into x, X", { code: "sql.analysis" }],
    ["fills no variable of that name", "execute immediate 'select 1' into nowhere", { code: "sql.analysis" }],
    [
      "has more columns than variables",
      "declare x int64; execute immediate 'select 1, 2' into x",
      { code: "sql.evaluation" },
    ],
    [
      "has several rows",
      "declare x int64; execute immediate 'select * from unnest([1, 2])' into x",
      { code: "sql.evaluation" },
    ],
    ["has another type", "declare x int64; execute immediate \"select 'a'\" into x", { code: "sql.analysis" }],
    [
      "gives INTO no query",
      "declare x int64; execute immediate 'create temp table z as select 1 as a' into x",
      { code: "sql.evaluation" },
    ],
    ["has no end around it", "while true do execute immediate 'select 1'; end while", { code: "refused.loop_limit" }],
  ])("when it %s, then it ends with one error", async (_, sql, error) => {
    const match = Object.fromEntries(
      Object.entries(error).map(([key, value]) => [
        key,
        value instanceof RegExp ? expect.stringMatching(value) : value,
      ]),
    );
    await expect(rowsOf(sql)).rejects.toMatchObject(match);
  });
});
