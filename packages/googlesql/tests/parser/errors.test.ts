import { expect, test } from "vitest";
import { GoogleSqlError, GoogleSqlSyntaxError, UnsupportedGoogleSql } from "../../errors.ts";
import { parseScript } from "../../parser/parse.ts";

type Cases = readonly (readonly [sql: string, error: string])[];

/** What is not GoogleSQL, or not of BigQuery. */
const wrong: Cases = [
  ["select", "1:7 Unexpected end of text"],
  ["select from t", "1:8 SELECT list must not be empty"],
  ["select a b c from t", '1:12 Expected end of the statement but got identifier "c"'],
  ["select a = b = c", "1:14 Expression to the left of = must be parenthesized"],
  ["select a is null is null", "1:18 Expression to the left of IS must be parenthesized"],
  ["select a between b between 1 and 2 and 3", "1:20 Expected keyword AND but got keyword BETWEEN"],
  ["select a = not b", "1:12 Unexpected keyword NOT"],
  ["select - not b", "1:10 Unexpected keyword NOT"],
  ["select x in ()", '1:14 Unexpected ")"'],
  ["select f(a, )", '1:13 Unexpected ")"'],
  ["select (a, b", '1:13 Expected ")" but got end of text'],
  ["select a) from t", '1:9 Expected end of the statement but got ")"'],
  ["select 1a", "1:9 Missing whitespace between literal and alias"],
  ["select 0x", "1:9 Missing whitespace between literal and alias"],
  ["select 1.2.3", "1:11 Missing whitespace between literal and alias"],
  ["select 1 1", "1:10 Expected end of the statement but got integer literal 1"],
  ["select 'a' b'b'", "1:12 String and bytes literals cannot be concatenated"],
  ["select 'a''b'", "1:11 Adjacent chunks of a literal must be separated by whitespace or a comment"],
  ["select 'a", "1:8 Unclosed string literal"],
  ['select """a', "1:8 Unclosed triple-quoted string literal"],
  ["select 'a\\q'", "1:10 Illegal escape sequence: \\q"],
  ["select '\\ud800'", "1:9 Illegal escape sequence: \\ud800 is not a Unicode character"],
  ["select b'\\u0041'", "1:10 Illegal escape sequence: Unicode escape \\u cannot be used in bytes literals"],
  ["select '\\x4'", "1:9 Illegal escape sequence: \\x"],
  ["select ``", "1:8 Invalid empty identifier"],
  ["select `a", "1:8 Unclosed quoted identifier"],
  ["select /* a", "1:8 Unclosed comment"],
  ["select a $ b", '1:10 Illegal input character "$"'],
  ["select a+t.*", '1:11 Unexpected "."'],
  ["select * from", "1:14 Expected a table but got end of text"],
  ["select * from t where", "1:22 Unexpected end of text"],
  ["select * from t group a", '1:23 Expected keyword BY but got identifier "a"'],
  ["select * from t join", "1:21 Expected a table but got end of text"],
  ["select * from (t)", '1:17 Expected keyword JOIN but got ")"'],
  ["select * from ((a join b on c))", '1:31 Expected keyword JOIN but got ")"'],
  ["select * from t limit", "1:22 Unexpected end of text"],
  ["select * from t, u right join v on true", "1:20 RIGHT JOIN must be parenthesized when following a comma join"],
  ["select * from mytable-287a", '1:26 Unexpected identifier "a"'],
  ["select * from my - project.t", '1:18 Unexpected "-"'],
  ["select * from @t", "1:15 Query parameters cannot be used in place of table names"],
  ["select * from t[0]", "1:16 Array element access is not allowed in the FROM clause without UNNEST"],
  ["select * from a join b join c on x on y on z", "1:41 There are more join conditions than joins"],
  ["select * from a join b join c on x on y, d", "1:40 Comma join is not allowed after consecutive ON/USING clauses"],
  ["from t where a", "1:8 WHERE not supported after FROM query; Consider using pipe operator `|> WHERE`"],
  ["from t order by a", "1:8 ORDER not supported after FROM query; Consider using pipe operator `|> ORDER BY`"],
  ["with a as (select 1), select 2", "1:23 Trailing comma after the WITH clause before the main query is not allowed"],
  ["with a as (select 1) |> where true", "1:22 A pipe operator cannot follow the WITH clause before the main query"],
  ["select 1 union select 2", "1:16 Expected keyword ALL or keyword DISTINCT but got keyword SELECT"],
  [
    "select 1 union all select 2 union distinct select 3",
    "1:29 Different set operations cannot be used in the same query without parentheses (after union all)",
  ],
  ["select 1 left union all select 2", "1:25 Expected BY NAME or CORRESPONDING but got keyword SELECT"],
  [
    "select 1 left union all strict corresponding select 2",
    "1:25 STRICT cannot be used with an outer mode in set operations",
  ],
  ["select 1 union all from t", "1:20 Unexpected FROM; FROM queries following a set operation must be parenthesized"],
  ["select cast(select 1)", "1:13 Unexpected keyword SELECT"],
  ["select cast(1 as)", '1:17 Expected a type but got ")"'],
  ["select cast(1 as array<>)", '1:23 Expected "<" but got "<>"'],
  ["select case end", "1:13 Unexpected keyword END"],
  ["select case a end", "1:15 Expected keyword WHEN but got keyword END"],
  ["select interval 1", "1:18 Expected a date part, such as DAY but got end of text"],
  ["select extract(1 from a)", "1:16 A date part is a name, such as DAY"],
  ["select extract(day a)", '1:20 Expected keyword FROM but got identifier "a"'],
  ["select count(distinct *)", '1:23 Unexpected "*"'],
  ["select sum(a) over", "1:19 Expected the name of a window or its definition in parentheses but got end of text"],
  ["select sum(a) over (rows between 1 and 2)", '1:41 Expected PRECEDING or FOLLOWING but got ")"'],
  [
    "select f(select 1)",
    "1:10 Each function argument is an expression, not a query; a query must be wrapped in parentheses of its own",
  ],
  [
    "select f(a)(b)",
    "1:12 Function call cannot be applied to this expression. Function calls require a path, e.g. a.b.c()",
  ],
  ["select a[]", '1:10 Unexpected "]"'],
  ["select struct<a int64>(1 as b)", "1:29 STRUCT constructors cannot specify both an explicit type and field names"],
  ["select a.", "1:10 Expected an identifier but got end of text"],
  ["select group from t", "1:8 Unexpected keyword GROUP"],
  ["select 1; select", "1:17 Unexpected end of text"],
  ["select 1 select 2", "1:10 Expected end of the statement but got keyword SELECT"],
  ["|> where true", '1:1 Expected a statement but got "|>"'],
  ["from t |> where", "1:16 Unexpected end of text"],
  ["from t |> a", '1:11 Expected a pipe operator, such as SELECT but got identifier "a"'],
  ["from t |> group by a", "1:11 GROUP BY should be part of a pipe AGGREGATE operator, without a leading pipe symbol"],
  ["from t |> drop a.b", "1:16 Pipe DROP takes columns by name alone"],
  ["from t |> aggregate", "1:20 Expected an aggregate or GROUP BY but got end of text"],
  ["from t |> union all select 1", '1:21 Expected "(" but got keyword SELECT'],
  ["select * from t pivot(1 + sum(a) for b in (1))", "1:23 PIVOT expression must be an aggregate function call"],
  ["select * from t pivot(sum(a) for b in (select 1))", "1:40 The values of PIVOT are constants, not a query"],
  ["select * from t unpivot(a for b in ((c, d)))", "1:37 UNPIVOT has 1 value columns, this item has 2"],
  [
    "select * from t tablesample system (-1 percent)",
    '1:37 Expected a literal (integer or float) or a parameter but got "-"',
  ],
  ["insert into t", '1:14 Expected "(" or keyword SELECT but got end of text'],
  ["insert into t values", '1:21 Expected "(" but got end of text'],
  ["insert into t values ()", '1:23 Unexpected ")"'],
  [
    "update t set a = 1",
    "1:19 Expected keyword WHERE (UPDATE must have one; write WHERE true for all rows) but got end of text",
  ],
  [
    "delete from t",
    "1:14 Expected keyword WHERE (DELETE must have one; write WHERE true for all rows) but got end of text",
  ],
  ["delete from t where", "1:20 Unexpected end of text"],
  ["merge t using s on true", "1:24 Expected keyword WHEN but got end of text"],
  [
    "merge t using s on true when matched then insert row",
    '1:43 Expected UPDATE or DELETE but got identifier "insert"',
  ],
  ["merge t using s on true when not matched then delete", '1:47 Expected keyword INSERT but got identifier "delete"'],
  [
    "merge t using (a join b on true) on true when matched then delete",
    "1:15 The source of MERGE is a table or a query in parentheses",
  ],
  ["create table t", "1:15 Expected a list of columns, LIKE, COPY, CLONE or AS but got end of text"],
  ["create table t ()", "1:18 A table must have at least one column"],
  ["create table t (a)", "1:17 Column a has no type"],
  ["create table t (a int64 not null not null)", "1:34 NOT NULL is given twice"],
  ["create table t (a int64, primary key (a))", '1:41 Expected NOT ENFORCED (BigQuery enforces no keys) but got ")"'],
  ["create or replace table if not exists t (a int64)", "1:25 CREATE cannot specify both OR REPLACE and IF NOT EXISTS"],
  ["create view v", "1:14 Expected keyword AS but got end of text"],
  ["create function f() as select 1", '1:24 Expected "(" but got keyword SELECT'],
  [
    "create function f() as (select 1)",
    "1:25 The body of a function is an expression; a query must be in parentheses of its own",
  ],
  ["create function f() language js as 'x'", "1:1 A function in another language needs RETURNS"],
  ["create procedure p(out int64) begin end", '1:29 Expected a type but got ")"'],
  ["create schema", "1:14 Expected a name but got end of text"],
  ["alter table t", "1:14 Expected an action of ALTER that BigQuery has but got end of text"],
  ["alter table t add a int64", '1:19 Expected COLUMN or a key but got identifier "a"'],
  ["declare", "1:8 Expected the name of a variable but got end of text"],
  ["declare a", "1:10 Expected a type but got end of text"],
  ["select 1; declare a int64", "1:11 Variable declarations are allowed only at the start of a block or script"],
  ["if a then select 1 end if", '1:20 Expected ";" but got keyword END'],
  ["if a then select 1; end", "1:24 Expected keyword IF but got end of text"],
  ["begin select 1 end", '1:16 Expected ";" but got keyword END'],
  ["a: begin select 1; end b", "1:24 Mismatched end label; expected a, but got b"],
  ["a: select 1", "1:4 Expected BEGIN, LOOP, WHILE, REPEAT or FOR after a label but got keyword SELECT"],
  ["while true do select 1; end loop", '1:29 Expected keyword WHILE but got identifier "loop"'],
  ["set a", '1:6 Expected "=" but got end of text'],
  ["call p", '1:7 Expected "(" but got end of text'],
  ["raise using message", '1:20 Expected "=" but got end of text'],
  ["execute immediate", "1:18 Unexpected end of text"],
  ["export data as select 1", "1:13 Expected keyword OPTIONS but got keyword AS"],
];

/** GoogleSQL that BigQuery or Inboxloop does not have is refused by name. */
const refused: Cases = [
  ["drop t", "1:6 DROP T is not supported"],
  ["alter view v add column a int64", "1:14 This action on a view is not supported"],
  ["select new a.b(1)", "1:8 NEW (a protocol buffer) is not supported"],
  ["select cast(a as b.c)", "1:18 A type whose name is a path (a protocol buffer or enum) is not supported"],
  ["select a{b: 1}", "1:9 A braced constructor is not supported"],
  ["select a.(b.c)", "1:10 A field in parentheses (a protocol buffer extension) is not supported"],
  ["select as my.type 1", "1:11 SELECT AS a type (a protocol buffer) is not supported"],
  ["select with anonymization count(*) from t", "1:8 SELECT WITH ANONYMIZATION is not supported"],
  ["from t |> select with differential_privacy a", "1:18 DIFFERENTIAL_PRIVACY in a pipe is not supported"],
  ["select * from a natural join b", "1:17 NATURAL JOIN is not supported"],
  ["select * from a hash join b on true", "1:17 HASH JOIN is not supported"],
  ["select * from graph_table(g match (a) return a)", "1:15 GRAPH_TABLE is not supported"],
  ["select * from t match_recognize(order by a)", "1:17 MATCH_RECOGNIZE is not supported"],
  ["select * from unnest([1], [2])", "1:25 UNNEST of several arrays is not supported"],
  ["select * from t limit all", "1:23 LIMIT ALL is not supported"],
  ["select * from t for update", "1:17 FOR UPDATE is not supported"],
  ["select array_agg(a order by b limit 1 offset 2)", "1:39 OFFSET within a function call is not supported"],
  ["select sum(a) over (order by b groups 1 preceding)", "1:32 A window frame in GROUPS is not supported"],
  ["select f(a as b)", "1:12 An alias on an argument is not supported"],
  ["(select 1) as a |> where true", "1:12 An alias on a parenthesized query that is not in FROM is not supported"],
  ["with a(b) as (select 1) select 2", "1:7 A list of columns or arguments on a common table is not supported"],
  ["from t |> fork (|> where true)", "1:11 The pipe operator FORK is not supported"],
  ["from t |> match_recognize(order by a)", "1:11 The pipe operator MATCH_RECOGNIZE is not supported"],
  ["graph g match (a) return a", "1:1 The statement GRAPH is not supported"],
  ["explain select 1", "1:1 The statement EXPLAIN is not supported"],
  ["update t set a[0] = 1 where true", "1:15 Assigning to an element of an array is not supported"],
  ["insert or ignore into t values (1)", "1:8 INSERT OR is not supported"],
  ["insert into t values (1) then return a", "1:26 THEN RETURN is not supported"],
  ["create index i on t (a)", "1:8 CREATE INDEX is not supported"],
  ["create model m as select 1", "1:8 CREATE MODEL is not supported"],
  ["create table t (a int64 generated always as (1))", "1:25 The column attribute GENERATED is not supported"],
  ["load data into t from files (a = 1)", "1:1 The statement LOAD is not supported"],
  ["grant a on table b to 'c'", "1:1 The statement GRANT is not supported"],
];

function errorOf(sql: string): GoogleSqlError {
  try {
    parseScript(sql);
  } catch (error) {
    if (error instanceof GoogleSqlError) return error;
    throw error;
  }
  throw new Error(`accepted: ${sql}`);
}

test.each(wrong)("when the text is %s then the error is as shown", (sql, expected) => {
  const error = errorOf(sql);
  expect(`${error.position?.line}:${error.position?.column} ${error.message}`).toBe(expected);
  expect(error).toBeInstanceOf(GoogleSqlSyntaxError);
  expect(error.code).toBe("sql.syntax");
});

test.each(refused)("when the text is %s then it is refused by name", (sql, expected) => {
  const error = errorOf(sql);
  const reason = error.message.slice(error.message.indexOf(": ") + 2);
  expect(`${error.position?.line}:${error.position?.column} ${reason}`).toBe(expected);
  expect(error).toBeInstanceOf(UnsupportedGoogleSql);
  expect(error.code).toMatch(/^refused\.\w+$/);
});

test("when the error is on a later line then line and column point at it, with the file", () => {
  expect(() => parseScript("select 1;\r\nselect\n  a b c", { file: "models/a.sqlx" })).toThrow(
    expect.objectContaining({ position: { line: 3, column: 7 }, where: "models/a.sqlx:3:7" }),
  );
});

test("when nesting is endless then it is an error and not an exhausted stack", () => {
  for (const [open, close] of [
    ["(", ")"],
    ["f(", ")"],
    ["(select ", ")"],
    ["- ", ""],
    ["not ", ""],
    ["case when x then ", " end"],
  ] as const) {
    expect(errorOf(`select ${open.repeat(100_000)}1${close.repeat(100_000)}`).message).toMatch(/Nesting/);
  }
});
