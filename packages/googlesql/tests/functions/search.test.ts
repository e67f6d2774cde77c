import { afterAll, describe, expect, test } from "vitest";
import { openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

const warehouse = await openLocalWarehouse();
afterAll(() => warehouse.close());

const first = async (sql: string) => (await warehouse.run(sql)).rows[0];
const code = async (sql: string) =>
  await warehouse.run(sql).then(
    () => "no error",
    (error: Error & { code?: string }) => error.code,
  );

/** The documentation's tables. https://cloud.google.com/bigquery/docs/reference/standard-sql/search_functions#search */
const documented: readonly (readonly [string, boolean | null])[] = [
  ["'foobar-example', 'foobar example'", true],
  ["'foobar-example', concat('foo', 'bar')", true],
  ["'foobar-example', 'foobarexample'", false],
  ["'foobar-example', 'foobar\\\\&example'", true],
  ["'foobar-example', R'foobar\\&example'", true],
  ["'foobar-example', '`foobar&example`'", false],
  ["'foobar&example', '`foobar&example`'", true],
  ["'foobar-example', 'example foobar'", true],
  ["'foobar-example', 'Foobar Example'", true],
  ["'foobar-example', '`foobar-example`'", true],
  ["'foobar-example', '`Foobar`'", false],
  ["'`foobar-example`', '`foobar-example`'", false],
  ["'foobar@example.com', '`example.com`'", true],
  ["'a foobar-example b', '`foobar-example`'", true],
  ["['foobar', 'example'], 'foobar example'", false],
  ["'foobar=', '`foobar\\\\=`'", false],
  ["'foobar=', R'`\\foobar=`'", false],
  ["'foobar=', 'foobar\\\\='", true],
  ["'foobar=', R'foobar\\='", true],
  ["'foobar.example', '`foobar`'", true],
  ["'foobar.example', '`foobar.\\`'", false],
  ["'foobar..example', '`foobar.`'", true],
  ["'foo.bar', '`foo.`'", false],
  ["R'foo bar baz', R'foo bar'", true],
  ["R'foo bar baz', R'foo AND bar'", true],
  ["R'foo', R'foo OR bar'", true],
  ["R'foo bar', R'foo AND (bar OR baz)'", true],
  ["R'foo', R'foo AND (bar OR baz)'", false],
  ["'foo', 'bar baz OR foo'", true],
  ["R'foo bar baz', R'\"foo bar\"'", true],
  ["R'Foo bar baz', R'\"foo Bar\"'", true],
  ["R'foo-bar baz', R'\"foo&bar\"'", true],
  ["R'foo bar baz', R'\"`foo bar`\"'", false],
  ["R'foo else bar', R'\"foo bar\"'", false],
  ["R'foo-bar-baz', R'bar \"foo&baz\"'", false],
  ["'foo baz.bar', '\"foo baz\"'", true],
  [`R'foo bar baz', R'"foo\\ bar"', analyzer_options=>'{"delimiters": [" "]}'`, false],
  [`R'foo bar baz', R'"foo? bar"', analyzer_options=>'{"delimiters": [" ", "?"]}'`, true],
  [
    `'read the book now', R'"read the book"', analyzer_options => '{ "token_filters": [{"stop_words": ["the"]}] }'`,
    true,
  ],
  [`R'abcdef', R'"c d"', analyzer=>'PATTERN_ANALYZER', analyzer_options=>'{"patterns": ["(?:cd)|[a-z]"]}'`, false],
  [
    `R'ant orange apple avocado', R'"ant apple"', analyzer=>'PATTERN_ANALYZER', analyzer_options=>'{"patterns": ["a[a-z]"]}'`,
    true,
  ],
  ["'foobar', 'foobar', analyzer=>'NO_OP_ANALYZER'", true],
  ["'foobar', '\\`foobar\\`', analyzer=>'NO_OP_ANALYZER'", false],
  ["'foobar', 'Foobar', analyzer=>'NO_OP_ANALYZER'", false],
  ["'foobar example', 'foobar', analyzer=>'NO_OP_ANALYZER'", false],
  ["'', '', analyzer=>'NO_OP_ANALYZER'", true],
  [`R'foo bar baz', R'"foo bar"', analyzer=>'NO_OP_ANALYZER'`, false],
  ["R'foo', R'foo OR bar', analyzer=>'NO_OP_ANALYZER'", false],
  ["'181.94.60.64', '`94.60.64.181`'", false],
  ["'deleted by 94.60.64.181', '`94.60.64.181`'", true],
  ["'a%20b%3Bc', 'c b a'", true],
  ["'ÄB', 'Äb'", true],
  ["'ÄB', 'äb'", false],
  ["5, 'a'", false],
  ["cast(null as string), 'a'", null],
  ["struct('a' as x, cast(null as string) as y), 'a'", true],
  ["struct('a' as x, cast(null as string) as y, 1 as z), 'b'", null],
  ["struct(1 as z, [struct('b' as v)] as y), 'b'", true],
  ["['a', null], 'b'", null],
  ["cast([] as array<string>), 'b'", false],
  [`json '{"a":["Foo bar",{"b":"c"}]}', 'bar foo'`, true],
  [`json '{"a":["Foo bar",{"b":"c"}]}', 'foo c'`, false],
  [`json '{"a":["Foo bar",{"b":"c"}]}', 'b'`, false],
  [`json '{"a":["Foo bar",{"b":"c"}]}', 'b', json_scope=>'JSON_KEYS'`, true],
  [`json '{"a":["Foo bar",{"b":"c"}]}', 'foo', json_scope=>'JSON_KEYS'`, false],
  [`json '{"a":["Foo bar",{"b":"c"}]}', 'foo', json_scope=>'JSON_KEYS_AND_VALUES'`, true],
];

const email = "'Please use foobar@example.com as your email.'";
const shout = "'Please use foobar@EXAMPLE.com as your email.'";
const at = `analyzer_options=>'{"delimiters": [" ", "@"]}'`;
const pattern = (text: string): string => `analyzer=>'PATTERN_ANALYZER', analyzer_options=>'{"patterns": ["${text}"]}'`;
const emails: readonly (readonly [string, boolean])[] = [
  [`${email}, 'exam'`, false],
  [`${email}, 'foobar'`, true],
  [`${email}, 'example.com'`, true],
  [`${email}, R'"please use"'`, true],
  [`${email}, R'"as email"'`, false],
  [`${email}, 'foobar', ${at}`, true],
  [`${email}, 'example', ${at}`, false],
  [`${email}, 'example.com', ${at}`, true],
  [`${email}, 'foobar@example.com', ${at}`, true],
  [`${email}, R'use "foobar example.com" "as your"', ${at}`, true],
  [`${email}, 'exam', analyzer=>'PATTERN_ANALYZER'`, false],
  [`${email}, 'foobar', analyzer=>'PATTERN_ANALYZER'`, true],
  [`${email}, 'example.com', analyzer=>'PATTERN_ANALYZER'`, true],
  [`${email}, R'foobar "EXAMPLE.com as" email', analyzer=>'PATTERN_ANALYZER'`, true],
  [`${shout}, 'EXAMPLE', ${pattern("[A-Z]*")}`, true],
  [`${shout}, 'example', ${pattern("[a-z]*")}`, false],
  [`${shout}, 'example.com', ${pattern("[a-z]*")}`, false],
  [`${shout}, 'example.com', ${pattern("[a-zA-Z.]*")}`, true],
];

describe("SEARCH", () => {
  test("when the documentation says what a search gives, then it gives that", async () => {
    const wrong: string[] = [];
    for (const [args, expected] of [...documented, ...emails]) {
      const [found] = (await first(`select search(${args})`))!;
      if (found !== expected) wrong.push(`search(${args}) is ${found}`);
    }
    expect(wrong).toEqual([]);
  });

  test("when columns and whole tables are searched, then each row says whether one of its strings has the words", async () => {
    const { rows } = await warehouse.run(`
      with meals as (
        select 'Potato pancakes' as breakfast, 'Toasted cheese sandwich' as lunch, 'Beef soup' as dinner
        union all select 'Avocado toast', 'Tomato soup', 'Chicken soup')
      select search(lunch, 'soup'), search((breakfast, dinner), 'soup'), search(meals, 'soup') from meals order by breakfast desc`);
    expect(rows).toEqual([
      [false, true, true],
      [true, true, true],
    ]);
  });

  test.each([
    ["search('foobarexample', null)", "sql.evaluation"],
    ["search('foobarexample', '')", "sql.evaluation"],
    ["search('foobarexample', '\\\\&')", "sql.evaluation"],
    ["search('a', 'a NOT b')", "sql.evaluation"],
    ["search('a', 'a AND')", "sql.evaluation"],
    ["search('a', '(a')", "sql.evaluation"],
    [`search('abc', 'abc', ${pattern("[0-9]+")})`, "sql.evaluation"],
    ["search('abc', 'abc', analyzer=>'NO')", "sql.evaluation"],
    ["search(x, x) from unnest(['a']) x", "sql.analysis"],
    ["search('foo-bar', 'foo-bar')", "refused.SEARCH"],
    ["search('foo', 'foo \\\\&')", "refused.SEARCH"],
    [`search('foo and bar', '"foo AND bar"')`, "refused.SEARCH"],
    [`search(json '{"a":1}', '1')`, "refused.SEARCH"],
    ["search([json '1'], '1')", "refused.SEARCH"],
    [
      `search('a', 'a', analyzer_options=>'{"token_filters":[{"normalizer":{"mode":"ICU_NORMALIZE"}}]}')`,
      "refused.text_analyzer",
    ],
  ])("when %s, then it ends with %s", async (call, expected) => {
    expect(await code(`select ${call}`)).toBe(expected);
  });
});

test("when texts are analyzed, then the tokens are the documentation's", async () => {
  const text = "'I like pie, you like-pie, they like 2 PIEs.'";
  const words = ["i", "like", "pie", "you", "like", "pie", "they", "like", "2", "pies"];
  expect(await first(`select text_analyze(${text})`)).toEqual([words]);
  const longer = words.filter((word) => word.length > 1);
  expect(await first(`select text_analyze(${text}, analyzer=>'PATTERN_ANALYZER')`)).toEqual([longer]);
  expect(await first(`select text_analyze(${text}, analyzer=>'NO_OP_ANALYZER')[offset(0)] = ${text}`)).toEqual([true]);
  for (const [given, input, tokens] of [
    ["[a-z]{2}", "abacad", ["ab", "ac", "ad"]],
    ["[a-z]/", "a/b/c/d/e", ["a/", "b/", "c/", "d/"]],
    ["/[^/]+/", "aa/bb/cc", ["/bb/"]],
    ["[0-9]+", "abc", []],
  ] as const)
    expect(await first(`select text_analyze('${input}', ${pattern(given)})`)).toEqual([tokens]);
});

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/search_functions#vector_search */
describe("VECTOR_SEARCH", async () => {
  await warehouse.run(`
    create schema v;
    create table v.base (id string, my_embedding array<float64>);
    insert v.base values ('dog', [1.0, 2.0]), ('wolf', [2.0, 4.0]), ('snake', [-2.0, 3.0]), ('lion', [2.0, -2.5]),
      ('tiger', [3.0, -2.0]), ('otter', [-3.0, -1.0]), ('whale', [-5.0, -1.0]);
    create table v.asked (query_id string, embedding array<float64>);
    insert v.asked values ('dog', [1.0, 2.0]), ('cat', [1.0, -1.0])`);
  const nearest = async (args: string): Promise<readonly unknown[]> =>
    (
      await warehouse.run(
        `select query.query_id, base.id, round(distance, 9) from vector_search(${args}) order by 1, 3, 2`,
      )
    ).rows;

  test("when rows are asked about, then the nearest of each come with their distances", async () => {
    const asked = "(select query_id, embedding from v.asked)";
    expect(await nearest(`table v.base, 'my_embedding', ${asked}, 'embedding', top_k => 2`)).toEqual([
      ["cat", "lion", 1.802775638],
      ["cat", "tiger", 2.236067977],
      ["dog", "dog", 0],
      ["dog", "wolf", 2.236067977],
    ]);
    const notWolf = "(select * from v.base where id != 'wolf')";
    const options = `options => '{"use_brute_force":true}'`;
    expect(await nearest(`${notWolf}, 'my_embedding', ${asked}, 'embedding', top_k => 2, ${options}`)).toEqual([
      ["cat", "lion", 1.802775638],
      ["cat", "tiger", 2.236067977],
      ["dog", "dog", 0],
      ["dog", "snake", 3.16227766],
    ]);
    expect(await nearest("table v.base, 'my_embedding', table v.asked, top_k => 2, distance_type => 'COSINE'")).toEqual(
      [
        ["cat", "lion", 0.006116265],
        ["cat", "tiger", 0.019419324],
        ["dog", "dog", 0],
        ["dog", "wolf", 0],
      ],
    );
  });

  test("when one value is asked about, then there is no column for it, and a negative top_k gives all", async () => {
    const { columns, rows } = await warehouse.run(
      "select * from vector_search(table v.base, 'my_embedding', query_value => [1.0, -1.0], top_k => 1)",
    );
    expect(columns.map(({ name }) => name)).toEqual(["base", "distance"]);
    expect(rows[0]?.[1]).toBe(1.8027756377319946);
    const all = "vector_search(table v.base, 'my_embedding', query_value => [1.0, -1.0], top_k => -1)";
    expect(await first(`select count(*) from ${all}`)).toEqual([7n]);
  });

  test.each([
    ["table v.base, 'id', query_value => [1.0]", "refused.VECTOR_SEARCH"],
    ["table v.base, 'my_embedding', query_value => 'dog'", "refused.VECTOR_SEARCH"],
    [
      "table v.base, 'my_embedding', query_value => [1.0, 1.0], distance_type => 'DOT_PRODUCT'",
      "refused.VECTOR_SEARCH",
    ],
    ["table v.base, 'my_embedding', query_value => [1.0, 1.0], distance_type => 'X'", "sql.analysis"],
    ["table v.base, 'my_embedding', query_value => [1.0, 1.0], options => '[]'", "sql.analysis"],
    ["table v.base, 'my_embedding'", "sql.analysis"],
    ["table v.base, 'my_embedding', query_value => [1.0]", "sql.evaluation"],
  ])("when %s is searched, then it ends with %s", async (args, expected) => {
    expect(await code(`select * from vector_search(${args})`)).toBe(expected);
  });

  test("when the distance of two vectors is asked for, then it is of the type that is named", async () => {
    expect(
      await first(
        "select ml.distance([1.0, 2.0], [4.0, 6.0]), round(ml.distance([1.0, 2.0], [3.0, 4.0], 'COSINE'), 6), ml.distance(null, [1.0])",
      ),
    ).toEqual([5, 0.01613, null]);
    expect(await code("select ml.distance([1.0], [2.0], 'MANHATTAN')")).toBe("refused.ML.DISTANCE");
  });
});
