import { expect, test } from "vitest";
import type { Node } from "../../ast.ts";
import { GoogleSqlError } from "../../errors.ts";
import { tokenize } from "../../lexer.ts";
import { parseExpression, parseScript } from "../../parser/parse.ts";
import { walk } from "../../walk.ts";
import { sExpression } from "./s-expression.ts";

/** Between them they touch most of the grammar. */
const samples = [
  `with a as (select x.y, count(*) as n from ds.t as x where x.z in (1, 2) group by 1 having n > 1)
   select distinct * except (n), a.n + 1 as m, sum(n) over (partition by y order by n desc rows between 1 preceding and current row)
   from a left join unnest([1, 2]) as e with offset as o on e = a.n qualify m > 2 order by m limit 5 offset 1`,
  `select case when a then 'x' else r'y' end, cast(b as array<struct<c int64>>), extract(day from d at time zone 'UTC'),
   interval 1 day, date '2020-01-01', struct(1 as a), (select max(b) from t), exists(select 1), a between 1 and 2,
   f(x => 1, y -> y + 1), not a is null, a[offset(0)], -b || c from t`,
  `from t |> where a > 1 |> aggregate sum(b) as s group by c |> extend s * 2 as d |> drop c |> order by d desc |> limit 3`,
  `select 1 as a union all by name select 2 as b; select * from t pivot(sum(a) for b in ('x' as y)) as p;
   select * from t unpivot(v for n in (a, b as 'c'))`,
  `merge into t as a using s as b on a.x = b.x when matched and a.y > 1 then update set y = b.y, z = default
   when not matched then insert (x, y) values (1, 2) when not matched by source then delete`,
  `create or replace table ds.t (a int64 not null, b string(5)) partition by date(c) cluster by a options (d = 1) as select 1`,
  `declare x int64 default 1; if x > 1 then set x = 2; elseif x = 3 then select 1; else call p(x); end if;
   while x < 10 do set x = x + 1; end while; begin select 1; exception when error then raise; end`,
  `create temp function f(a int64) returns int64 language js as 'return a'; insert into t (a) select 1; delete t where true`,
];

function outcome(sql: string): string {
  try {
    return sExpression(parseScript(sql)).replace(JSON.stringify(sql), "");
  } catch (error) {
    if (error instanceof GoogleSqlError) return `error: ${error.message}`;
    throw error;
  }
}

const expressionKinds = new Set<Node["kind"]>(
  `binary logical unary case cast extract interval function-call path subscript field-access in between is-test
  struct-constructor array-constructor scalar-subquery exists typed-literal string-literal integer-literal`.split(
    /\s+/,
  ) as Node["kind"][],
);

test.each(samples)("when the span of an expression is parsed alone then it is the same expression: %s", (sql) => {
  let seen = 0;
  walk(parseScript(sql), (node, parent) => {
    if (!expressionKinds.has(node.kind) || parent?.kind === "extract" || parent?.kind === "table-reference") return;
    seen++;
    const text = sql.slice(node.span.start, node.span.end);
    expect(sExpression(parseExpression(text)), text).toBe(sExpression(node));
  });
  expect(seen).toBeGreaterThan(0);
});

test.each(samples)("when a node is within another then so is its span: %s", (sql) => {
  walk(parseScript(sql), (node, parent) => {
    expect(node.span.start).toBeLessThanOrEqual(node.span.end);
    if (parent === undefined) return;
    expect(node.span.start, `${node.kind} in ${parent.kind}`).toBeGreaterThanOrEqual(parent.span.start);
    expect(node.span.end, `${node.kind} in ${parent.kind}`).toBeLessThanOrEqual(parent.span.end);
  });
});

/** Words that say nothing: without them the tree stays the same. */
const noise = new Set(["AS", "INTO", ";"]);

test.each(samples)("when any one token is left out then the tree changes or it is an error: %s", (sql) => {
  const whole = outcome(sql);
  const ignored: string[] = [];
  for (const token of tokenize(sql).slice(0, -1)) {
    if (noise.has(token.word)) continue;
    const without = `${sql.slice(0, token.start)}${" ".repeat(token.end - token.start)}${sql.slice(token.end)}`;
    if (outcome(without) === whole) ignored.push(`${sql.slice(token.start, token.end)} at ${token.start}`);
  }
  expect(ignored).toEqual([]);
});

test("when tokens are shuffled at random then the parser accepts or says why, and never fails otherwise", () => {
  const seed = 20240131;
  const random = mulberry(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const words = samples.flatMap((sql) =>
    tokenize(sql)
      .slice(0, -1)
      .map((token) => sql.slice(token.start, token.end)),
  );
  for (let round = 0; round < 3000; round++) {
    const sql = pick(samples);
    const own = tokenize(sql)
      .slice(0, -1)
      .map((token) => sql.slice(token.start, token.end));
    for (let change = 0; change < 3; change++) {
      const at = Math.floor(random() * own.length);
      own.splice(at, pick([0, 1, 1, 2]), ...(random() < 0.6 ? [pick(words)] : []));
    }
    const text = own.join(" ");
    expect(() => outcome(text), `seed ${seed}, round ${round}: ${text}`).not.toThrow();
  }
});

function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
