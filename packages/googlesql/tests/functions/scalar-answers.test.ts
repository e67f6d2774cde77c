import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

/** Expressions with what googlesql/compliance/testdata or the documentation gives, as TO_JSON_STRING prints it. */
const answers: readonly [string, string][] = [
  ["REGEXP_MATCH('abc', 'b')", "false"],
  ["REGEXP_MATCH(b'abc', b'a.c')", "true"],
  ["REGEXP_INSTR('щцфщфф', 'щ(.).', 1, 2)", "5"],
  ["REGEXP_INSTR('a@cd-ef', '@[^-]*', 1, 1, 1)", "5"],
  ["REGEXP_EXTRACT_GROUPS('val=0x1a', r'val=(?<val__INT64>0x[0-9a-fA-F]+)')", '{"val":26}'],
  ["REGEXP_EXTRACT_GROUPS('abc', r'(\\d+)')", "null"],
  ["JSON_VALUE(JSON '{\"a\": 1}', TRIM(' $.a'))", '"1"'],
  ["JSON_REMOVE(JSON '{\"a\":1, \"b\":2}', TRIM(' $.a'), TRIM(' $.b'), '$.c')", "{}"],
  ["JSON_KEYS(JSON '[[{\"a\":{\"b\":1}}]]', 1, mode => 'lax Recursive')", '["a"]'],
  ["JSON_KEYS(JSON '[{\"a\":[{\"b\":1}]}]', mode => TRIM(' lax'))", '["a","a.b"]'],
  ["JSON_CONTAINS(JSON '[1,2,[3,4,[5]],[6,7]]', JSON '[[6],[[5]]]')", "true"],
  ["JSON_CONTAINS(JSON '[1,2,[3,4,[5]],[6,7]]', JSON '5')", "false"],
  ["JSON_CONTAINS(JSON '1.8446744073709552e+19', JSON '18446744073709551615')", "false"],
  ["ADD_MONTHS('2025-02-28', 1)", '"2025-03-31"'],
  ["ADD_MONTHS(DATETIME '2025-01-31 12:34:52', 1)", '"2025-02-28T12:34:52"'],
  ["NEXT_DAY('2025-10-09', 'Thu')", '"2025-10-16"'],
  ["MONTHS_BETWEEN('2025-03-01', '2025-02-15')", "0.54838709677419351"],
  ["MONTHS_BETWEEN(DATETIME '2025-11-30', DATETIME '2024-10-31 12:34:56')", "13"],
  ["CAST(INTERVAL '1' MONTH * 3.5 AS STRING)", '"0-3 15 0:0:0"'],
  ["APPLY('abc', x -> CONCAT(x, '---', x))", '"abc---abc"'],
  ["SAFE.APPLY(-1, x -> SQRT(x))", "null"],
  ["ARRAY_ZIP([1, 2], [3, 4], transformation => (e1, e2) -> (e1 + e2))", "[4,6]"],
  ["ARRAY_ZIP([1], [2, 3], (a, b) -> b, mode => 'PAD')", "[2,3]"],
  ["LCASE('AbCdE')", '"abcde"'],
  ["NET.MAKE_NET('10.1.2.3/24', 8)", '"10.0.0.0/8"'],
  ["NET.MAKE_NET('2:1::1', 48)", '"2:1::/48"'],
  ["NET.IP_IN_NET('10.1.2.3/24', '10.1.2.0/28')", "false"],
  ["NET.IP_IN_NET('2:1::1/32', '2:1::/24')", "true"],
  ["NET.PARSE_IP('10.191.168.9')", "180332553"],
  ["NET.FORMAT_IP(4294967295)", '"255.255.255.255"'],
];

describe("scalar functions against the documentation", () => {
  let warehouse: LocalWarehouse;
  beforeAll(async () => {
    warehouse = await openLocalWarehouse();
  });
  afterAll(() => warehouse.close());

  it.each(answers)("when evaluating %s, then it is what is documented", async (expression, expected) => {
    const { rows } = await warehouse.run(`SELECT TO_JSON_STRING(${expression})`);
    expect(rows).toEqual([[expected]]);
  });
});
