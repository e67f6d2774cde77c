import { expect, test } from "vitest";
import { describeOnBoth, testStatements } from "./describe-on-both.ts";

const sql = String.raw;

const documents = [
  sql`'{"a":1}'`,
  sql`'[1,2]'`,
  sql`'{"a":{"b":[1,"x",null,true,1.5]}}'`,
  sql`'nul'`,
  sql`'"x"'`,
  sql`'1e5'`,
  sql`'{"a b":1,"a.b":2,"":3}'`,
  sql`''`,
  "cast(null as string)",
  sql`json '{"a":{"":[0]}}'`,
  sql`json '[[1],{"a":-0}]'`,
];
const paths = [
  "'$'",
  "'$.a'",
  "'$.a.b'",
  "'$.a.b[1]'",
  "'$[0]'",
  "'$.a[0]'",
  `'$."a b"'`,
  "'$.a b'",
  `"$['a b']"`,
  "'$.'",
  "'a'",
  "''",
  "'$.a.'",
  "'$.a..'",
  "'$[a]'",
  "'$[ a ]'",
  "'$[ 0 ]'",
  "'$.0'",
  "'$[-1]'",
  "'$.a.b[1.5]'",
  "'$.a.b[99999999999999999999]'",
  "'$$'",
  "'$ .a'",
  "'$.é'",
  `'$["a"]'`,
  "'$.a-b'",
  sql`'$.a\tb'`,
  "'strict $.a'",
];
const readers = ["value", "query", "extract", "extract_scalar", "query_array", "value_array", "extract_array"];

const numbers = [
  "0",
  "-1",
  "0.5",
  "1e308",
  "cast('nan' as float64)",
  "cast('-inf' as float64)",
  "9223372036854775807",
  "-9223372036854775808",
  "numeric '0.5'",
  "bignumeric '-1.5'",
  "null",
  "1e-320",
];
const binary = ["mod", "div", "round", "trunc", "safe_divide", "ieee_divide", "safe_add", "safe_multiply", "greatest"];
const texts = ["'abc'", "''", "'é'", sql`'a\nb'`, "null", sql`'\ufeffa'`, "'ﬁ'", "'😀x'"];
const whole = ["0", "1", "-1", "2", "-2", "5", "null", "9223372036854775807", "-9223372036854775808"];

describeOnBoth("arguments that are odd, or none", (both) => {
  for (const reader of readers)
    test(`when JSON_${reader.toUpperCase()} is given a path, both take it for one or not, and find the same`, async () => {
      for (const path of paths)
        for (const document of documents) {
          const call = `select json_${reader}(${document}, ${path})`;
          expect(await both.run(call), call).toMatchObject({ kind: "same" });
        }
    });

  test("when a function is given two numbers of any types, both give the same or fail", async () => {
    for (const name of binary)
      for (const x of numbers)
        for (const y of numbers) {
          const call = `select ${name}(${x}, ${y})`;
          expect(await both.run(call), call).toMatchObject({ kind: "same" });
        }
  });

  test("when a part of a text is asked for by any place and length, both give the same or fail", async () => {
    for (const x of texts)
      for (const at of whole) {
        const calls = [
          `left(${x}, ${at})`,
          `right(${x}, ${at})`,
          ...whole.map((size) => `substr(${x}, ${at}, ${size})`),
        ];
        for (const call of calls) expect(await both.run(`select ${call}`), call).toMatchObject({ kind: "same" });
      }
  });

  testStatements(both, {
    "when a literal of a float stands alone, it calls for no NUMERIC": [
      "select mod(2.5, 2)",
      "select mod(2.5, numeric '2'), div(5.5, bignumeric '2'), mod(null, numeric '2')",
      "select round(2.5, 0, 'ROUND_HALF_EVEN')",
      "select round(numeric '2.5', 0, 'ROUND_HALF_EVEN')",
    ],
    "when one argument of LOG is NULL, the other may be anything": [
      "select log(-0.5, null), log(null, -1), log(0, null)",
      "select log(x, b) from unnest([struct(-1.0 as x, cast(null as float64) as b), (null, 0)])",
    ],
  });
});
