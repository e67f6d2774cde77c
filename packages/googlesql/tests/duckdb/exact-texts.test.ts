import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { openLocalWarehouse } from "../../duckdb/local-warehouse.ts";
import type { StructEntry, Value } from "../../duckdb/values.ts";

const warehouse = await openLocalWarehouse();
afterAll(() => warehouse.close());

/** Texts that begin with what a reader may take for a mark of encoding, an end or a space; short ones and ones beyond DuckDB's inlined 12 bytes. */
const text = fc
  .tuple(
    fc.constantFrom("", "\ufeff", "\ufeff\ufeff", "\0", "\ufffd", "\u200b", "\ufffe", "\u{1f600}", "\n", "'", "\\"),
    fc.string({ unit: "binary", maxLength: 30 }),
  )
  .map((parts) => parts.join(""));
/** UTF-8 has no lone surrogates: each becomes U+FFFD on its way in. */
const given = fc.oneof(
  text.map((value) => ({ value, stored: value })),
  text.map((rest) => ({ value: `\ud800${rest}`, stored: `\ufffd${rest}` })),
);
const points = (value: string): readonly bigint[] => [...value].map((c) => BigInt(c.codePointAt(0)!));
const first = async (sql: string, value: string): Promise<readonly Value[]> =>
  (await warehouse.run(sql, { params: { x: value } })).rows[0]!;

test("when a text goes in as a parameter, then the engine has it to the last character, and gives it back so wherever it stands", async () => {
  const sql =
    "select @x, to_code_points(@x), [@x, 'a'], struct(@x as f, [struct(@x as g)] as h), to_json(@x), reverse(reverse(@x))";
  await fc.assert(
    fc.asyncProperty(given, async ({ value, stored }) => {
      const [plain, code, list, struct, json, twice] = await first(sql, value);
      expect(plain).toBe(stored);
      expect(code).toEqual(points(stored));
      expect(list).toEqual([stored, "a"]);
      const [f, h] = struct as readonly StructEntry[];
      expect(f?.value).toBe(stored);
      expect(h?.value).toEqual([[{ name: "g", value: stored }]]);
      expect(JSON.parse(json as string)).toBe(stored);
      expect(twice).toBe(stored);
    }),
    { numRuns: 150 },
  );
});

test("when a function in JavaScript gets a text and gives it back, then no character is lost on either way", async () => {
  const sql = `create temp function same(x string) returns string language js as "return x";
    create temp function codes(x string) returns array<float64> language js as "return [...x].map((c) => c.codePointAt(0))";
    create temp function fields(x struct<a string, b array<string>>) returns struct<a string, b array<string>> language js as "return x";
    select same(@x), codes(@x), fields(struct(@x as a, [@x] as b)), farm_fingerprint(@x) = farm_fingerprint(cast(@x as bytes)), normalize(@x, nfc)`;
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      const [same, codes, fields, isSame, normal] = await first(sql, value);
      expect(same).toBe(value);
      expect(codes).toEqual(points(value).map(Number));
      expect(fields).toEqual([
        { name: "a", value },
        { name: "b", value: [value] },
      ]);
      expect(isSame).toBe(true);
      expect(normal).toBe(value.normalize("NFC"));
    }),
    { numRuns: 100 },
  );
});

test("when texts are stored, put into a variable or looked for, then they are the ones that came", async () => {
  const sql = `create or replace temp table kept as select @x as t, struct(@x as f) as s, [@x] as l;
    begin declare v string default (select t from kept); insert into kept select v, struct(v as f), [v] from kept; end;
    select t, s.f, l[offset(0)] from kept where t = @x and starts_with(t, @x) and l[offset(0)] in (select t from kept)`;
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      const { rows } = await warehouse.run(sql, { params: { x: value } });
      expect(rows).toEqual([
        [value, value, value],
        [value, value, value],
      ]);
    }),
    { numRuns: 40 },
  );
});
